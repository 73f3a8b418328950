package export

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"toolbridge/api/internal/account"
)

// maxRecord is more than any line of an export has.
const maxRecord = 1 << 20

// Verified is what Verify has read.
type Verified struct {
	Users, Lines int64
	Digest       string
}

// Describe says it in one line.
func (v Verified) Describe(w io.Writer) {
	fmt.Fprintf(w, "users=%d lines=%d digest=%s\n", v.Users, v.Lines, v.Digest)
}

// Verify reads an export. The error names the first line that is not as it was written,
// or that is missing, added or in another place. It cannot find an export that somebody
// has made anew as a whole: then the Digest is another one.
func Verify(r io.Reader) (Verified, error) {
	v := &verifier{lines: bufio.NewScanner(r), tally: newTally()}
	v.lines.Buffer(nil, maxRecord)
	for v.next() {
		err, number := v.check(v.lines.Bytes()), v.number
		if errors.Is(err, errForeign) && v.end == nil && !v.next() {
			break // half a line
		}
		if err != nil {
			return Verified{}, fmt.Errorf("line %d of the file: %w", number, err)
		}
	}
	switch {
	case errors.Is(v.lines.Err(), bufio.ErrTooLong):
		return Verified{}, fmt.Errorf("line %d of the file: %w", v.number+1, errForeign)
	case v.lines.Err() != nil:
		return Verified{}, v.lines.Err()
	case v.end == nil:
		return Verified{}, fmt.Errorf("%w; it has %d lines of journals", ErrNotWhole, v.tally.lines+v.read.Lines)
	}
	return Verified{v.end.Users, v.end.Lines, v.end.Digest}, nil
}

// ErrNotWhole is the error if an export has no end.
var ErrNotWhole = errors.New("the export is not whole: it was interrupted, or its end was removed")

var errForeign = errors.New("no export writes such a line; it was changed or added")

// verifier checks the lines of a file, one after another.
type verifier struct {
	lines  *bufio.Scanner
	number int64 // of the line in the file
	tally  *tally
	last   account.Owner // whose journal is complete
	owner  account.Owner // whose journal is being read
	read   journalEnd    // of that journal, as it would be if it ended here
	end    *exportEnd
}

func (v *verifier) next() bool {
	v.number++
	if v.lines.Scan() {
		return true
	}
	v.number--
	return false
}

// check reads one line of the file. It must be exactly what its record is encoded as.
func (v *verifier) check(text []byte) error {
	var sort struct{ End string }
	if json.Unmarshal(text, &sort) != nil {
		return errForeign
	}
	if v.end != nil {
		return errors.New("it was added behind the end of the export")
	}
	switch sort.End {
	case endOfJournal:
		return decoded(text, v.journalEnds)
	case endOfExport:
		return decoded(text, v.exportEnds)
	}
	return decoded(text, v.line)
}

func decoded[R any](text []byte, check func(R, []byte) error) error {
	var record R
	if json.Unmarshal(text, &record) != nil {
		return errForeign
	}
	if again := encode(record); !bytes.Equal(again[:len(again)-1], text) {
		return errForeign
	}
	return check(record, encode(record))
}

func (v *verifier) line(record lineRecord, _ []byte) error {
	owner, line := account.Owner{Tenant: record.Tenant, User: record.User}, record.line()
	about := func(seq int64, what string) error {
		return fmt.Errorf("tenant %q, user %s, line %d of the journal: %s", owner.Tenant, owner.User, seq, what)
	}
	first := v.read.Lines == 0
	switch {
	case !line.Sound():
		return about(line.Seq, "it was changed: its hash is not that of what it says")
	case line.By != "" && account.UserID(owner.Tenant, line.By) != owner.User:
		return about(line.Seq, "it was changed: it is not a line of this user")
	case !first && owner != v.owner:
		return about(line.Seq, fmt.Sprintf("it is in the midst of the journal of user %s, whose end is missing or in another place", v.owner.User))
	case first && !after(v.last, owner):
		return about(line.Seq, fmt.Sprintf("it is in another place: the journal of user %s comes before it", v.last.User))
	case !first && line.Seq <= v.read.Last:
		return about(line.Seq, fmt.Sprintf("it was added, or is in another place: line %d comes before it", v.read.Last))
	case !first && line.Seq > v.read.Last+1:
		return v.gap(owner, v.read.Last+1, about)
	case !first && line.Previous.String() != v.read.Hash:
		return about(line.Seq, "it does not follow the line before: one of the two was replaced")
	case first && (line.Seq == 1) != (len(line.Previous) == 0):
		return about(line.Seq, "it is not the beginning of a journal")
	}
	if first {
		v.owner, v.read = owner, journalEnd{End: endOfJournal, Tenant: owner.Tenant, User: owner.User, First: line.Seq}
	}
	v.read.Lines++
	v.read.Last, v.read.Hash = line.Seq, record.Hash
	return nil
}

func after(one, other account.Owner) bool {
	return one.Tenant < other.Tenant || one.Tenant == other.Tenant && one.User < other.User
}

// gap looks for a line that is not in its place in what follows.
func (v *verifier) gap(owner account.Owner, seq int64, about func(int64, string) error) error {
	here := v.number
	for v.next() {
		var record lineRecord
		if json.Unmarshal(v.lines.Bytes(), &record) == nil && record.Seq == seq && record.Tenant == owner.Tenant && record.User == owner.User {
			return about(seq, fmt.Sprintf("it is in another place: it belongs before line %d of the file", here))
		}
	}
	v.number = here
	return about(seq, "it is missing before this one")
}

func (v *verifier) journalEnds(record journalEnd, text []byte) error {
	about := func(what string) error {
		return fmt.Errorf("end of the journal of tenant %q, user %s: %s", record.Tenant, record.User, what)
	}
	switch {
	case v.read.Lines == 0 || v.owner != account.Owner{Tenant: record.Tenant, User: record.User}:
		return about("its lines are missing or in another place")
	case v.read.First != record.First:
		return about(fmt.Sprintf("lines before line %d are missing: the first one was %d", v.read.First, record.First))
	case v.read.Last != record.Last:
		return about(fmt.Sprintf("lines behind line %d are missing or were added: the last one was %d", v.read.Last, record.Last))
	case v.read != record:
		return about(fmt.Sprintf("line %d is not the one that was exported", record.Last))
	}
	v.tally.end(text, record.Lines)
	v.last, v.read = v.owner, journalEnd{}
	return nil
}

func (v *verifier) exportEnds(record exportEnd, _ []byte) error {
	switch {
	case v.read.Lines > 0:
		return fmt.Errorf("the end of the journal of tenant %q, user %s, is missing", v.owner.Tenant, v.owner.User)
	case record.Users != v.tally.users:
		return fmt.Errorf("journals are missing or were added: there are those of %d users, but the export had %d", v.tally.users, record.Users)
	case record.Lines != v.tally.lines:
		return fmt.Errorf("there are %d lines, but the export had %d", v.tally.lines, record.Lines)
	case record.Digest != v.tally.sum():
		return errors.New("a journal was replaced by another one: the digest is not that of what is there")
	}
	v.end = &record
	return nil
}
