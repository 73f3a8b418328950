// Package export writes the journals of users as a text that proves itself: whoever has
// the file can check it without the database.
package export

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
)

// lineRecord is a line of a journal, with all that its hash covers.
type lineRecord struct {
	Tenant      string       `json:"tenant"`
	User        string       `json:"user"`
	Seq         int64        `json:"seq"`
	At          string       `json:"at"`
	Epoch       int64        `json:"epoch"`
	Kind        string       `json:"kind"`
	UID         string       `json:"uid"`
	Before      int64        `json:"before"`
	Version     int64        `json:"version"`
	Batch       int64        `json:"batch"`
	Revived     bool         `json:"revived"`
	Change      journal.Name `json:"change"`
	Fields      []string     `json:"fields"`
	By          string       `json:"by"`
	Client      string       `json:"client"`
	Tool        string       `json:"tool"`
	Correlation string       `json:"correlation_id"`
	Content     string       `json:"content"`
	Previous    string       `json:"previous"`
	Hash        string       `json:"hash"`
}

// journalEnd follows the lines of a user.
type journalEnd struct {
	End    string `json:"end"` // endOfJournal
	Tenant string `json:"tenant"`
	User   string `json:"user"`
	Lines  int64  `json:"lines"`
	First  int64  `json:"first"`
	Last   int64  `json:"last"`
	Hash   string `json:"hash"` // of the last line
}

// exportEnd is the last record. Without it, an export is not whole.
type exportEnd struct {
	End    string `json:"end"` // endOfExport
	Users  int64  `json:"users"`
	Lines  int64  `json:"lines"`
	Digest string `json:"digest"` // SHA-256 of the texts of all journalEnds
	Owner  string `json:"owner,omitempty"`
	Since  string `json:"since,omitempty"`
	Until  string `json:"until,omitempty"`
}

// The values of End.
const (
	endOfJournal = "journal"
	endOfExport  = "export"
)

func recordOf(owner account.Owner, line journal.Line) lineRecord {
	return lineRecord{
		owner.Tenant, owner.User, line.Seq, item.Millis(line.At).String(), line.Epoch, line.Kind, line.UID, line.Before, line.Now,
		line.Batch, line.Revived, line.Name, line.Names(), line.By, line.Client, line.Tool, line.Correlation,
		line.Content.String(), line.Previous.String(), line.Hash.String(),
	}
}

// line is the line of a record. What cannot be read is left out, so that the line is not
// sound.
func (r *lineRecord) line() journal.Line {
	at, _ := item.ParseMillis(r.At)
	return journal.Line{
		Seq: r.Seq, At: int64(at), Epoch: r.Epoch, Kind: r.Kind, UID: r.UID, Before: r.Before, Now: r.Version,
		Batch: r.Batch, Revived: r.Revived, Change: journal.Change{Name: r.Change, Fields: r.Fields},
		Origin:  journal.Origin{By: r.By, Client: r.Client, Tool: r.Tool, Correlation: r.Correlation},
		Content: digestOf(r.Content), Previous: digestOf(r.Previous), Hash: digestOf(r.Hash),
	}
}

func digestOf(text string) journal.Digest {
	digest, _ := hex.DecodeString(text)
	return digest
}

// encode is a record as its line in the file.
func encode(record any) []byte {
	text, _ := json.Marshal(record) // numbers and strings can always be encoded
	return append(text, '\n')
}

// tally is what the end of an export says of all before it.
type tally struct {
	users, lines int64
	digest       hash.Hash
}

func newTally() *tally { return &tally{digest: sha256.New()} }

// end adds the end of a user's journal.
func (t *tally) end(text []byte, lines int64) {
	t.users++
	t.lines += lines
	t.digest.Write(text)
}

func (t *tally) sum() string { return hex.EncodeToString(t.digest.Sum(nil)) }
