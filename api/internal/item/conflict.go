package item

import (
	"context"
	"errors"
	"slices"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/journal"
)

// maxLater is how many later changes the refusal of a version shows: the newest.
const maxLater = 20

// later is a change that came after the version which a write expected.
type later struct {
	At       string       `json:"at"`
	Version  int64        `json:"version"`
	Change   journal.Name `json:"change"`
	Fields   []string     `json:"fields"`
	By       string       `json:"by"`
	Client   string       `json:"client,omitempty"`
	ChangeID string       `json:"change_id"`
}

// conflicted completes the refusal of a write whose item has another version than it
// expects: with what was written to the item since. Other errors stay as they are. It
// reads the journal, so it comes after the transaction. When that fails, the refusal says
// less.
func (s *Service) conflicted(ctx context.Context, t Target, err error) error {
	var refused *fault.Error
	if !errors.As(err, &refused) || refused.Code != fault.VersionMismatch {
		return err
	}
	changes, failed := s.since(ctx, t.refused(refused), refused.Details)
	if failed != nil {
		return err
	}
	return refused.Within("", fault.Facts{"changes": changes})
}

// since is the last changes of an item behind the version that a write expected, the
// newest last. There is none if the item has not reached that version.
func (s *Service) since(ctx context.Context, ref Ref, versions fault.Facts) ([]later, error) {
	expected, _ := versions["expected"].(int64)
	actual, _ := versions["actual"].(int64)
	changes := []later{}
	if actual <= expected {
		return changes, nil
	}
	found, err := s.Store.Journal(ctx, LineQuery{Descending: true, Limit: maxLater}.Of(ref))
	for _, line := range slices.Backward(found.Lines) {
		if line.Now > expected {
			changes = append(changes, later{Millis(line.At).String(), line.Now, line.Name, line.Names(), line.By, line.Client, journal.ChangeID(line.Seq)})
		}
	}
	return changes, err
}

// refused is the item of a refusal: that of the target or, in a batch, of the operation.
func (t Target) refused(refused *fault.Error) Ref {
	kind, _ := refused.Details["kind"].(string)
	uid, _ := refused.Details["uid"].(string)
	if kind == "" {
		return t.ref()
	}
	return Ref{Owner: t.Owner, Kind: entity.Kind(kind), UID: uid}
}
