package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/relational"
	"toolbridge/api/internal/telemetry"
)

// dialect names the index of every walk, because the planner might take another index
// and sort.
var dialect = relational.Dialect{
	From: func(w relational.Walk) string {
		if w.Place == "g" {
			return "item_term g CROSS JOIN item i ON i.tenant = g.tenant AND i.owner = g.owner AND i.kind = g.kind AND i.uid = g.uid"
		}
		return "item i INDEXED BY " + w.Index
	},
	OneOf: func(column string, texts []string) (string, any) {
		return column + " IN (SELECT value FROM json_each(?))", array(texts)
	},
	HasOneOf: func(terms []string) (string, any) {
		return "EXISTS (SELECT 1 FROM json_each(i.terms) WHERE value IN (SELECT value FROM json_each(?)))", array(terms)
	},
	Named:    "CROSS JOIN item i ON i.tenant = ? AND i.owner = ? AND i.kind = ? AND i.uid = m.uid",
	DueOnDay: "length(json_extract(i.summary, '$.dueDate')) = 10",
	Kind:     "?",
	Title:    "json_extract(p.summary, '$.title')",
}

// array is some texts as JSON.
func array(texts []string) string {
	list, _ := json.Marshal(texts) // strings can always be encoded
	return string(list)
}

// listStatement is the statement of a page: a walk along the index of the most
// selective filter, from the cursor on, or the beginnings of several.
func listStatement(query item.Query) (text string, arguments []any) {
	from, bounds, _, _ := dialect.Page(query)
	payload, total := "iif(octet_length(i.payload) <= ?, i.payload, NULL)", "0"
	arguments = []any{query.WholeBytes()}
	others := "NULL, NULL"
	if query.Summaries {
		payload, others, arguments = "NULL", "i.summary, "+titleOfParent, nil
	}
	if query.Count {
		counting, counted := dialect.Count(query)
		total, arguments = "("+counting+")", append(arguments, counted...)
	}
	return "SELECT i.uid, i.version, i.created_ms, i.updated_ms, i.stored_ms, i.deleted_ms, i.parent_kind, i.parent_uid, " +
		payload + ", octet_length(i.payload), i.due_ms, i.title, " + others + ", " + total + " FROM " + from, append(arguments, bounds...)
}

const titleOfParent = `(SELECT json_extract(p.summary, '$.title') FROM item p
	WHERE p.tenant = i.tenant AND p.owner = i.owner AND p.kind = i.parent_kind AND p.uid = i.parent_uid AND p.deleted_ms IS NULL)`

// matchStatement selects the uids of a page and of one more.
func matchStatement(query item.Query) (text string, arguments []any) {
	from, arguments, _, _ := dialect.Page(query)
	return "SELECT i.uid FROM " + from, arguments
}

// List implements item.Store.
func (s *Store) List(ctx context.Context, query item.Query) (found item.Listing, err error) {
	text, arguments := listStatement(query)
	err = s.rows(ctx, runList, text, arguments, func(rows *sql.Rows) error {
		found, err = relational.ReadListing(rows, query, nil)
		return err
	})
	if err == nil && query.Count && query.After != nil && len(found.Items) == 0 {
		found.Total, err = s.count(ctx, query)
	}
	return found, err
}

// count counts what a page without rows has not counted.
func (s *Store) count(ctx context.Context, query item.Query) (total int, err error) {
	text, arguments := dialect.Count(query)
	err = s.rows(ctx, runMatches, text, arguments, func(rows *sql.Rows) error {
		total, err = relational.ReadTotal(rows)
		return err
	})
	return total, err
}

// Match implements item.Store.
func (s *Store) Match(ctx context.Context, owner account.Owner, kinds []entity.Kind, prefix string, most int) (found []item.Candidate, err error) {
	text, arguments := dialect.Match(owner, kinds, prefix, most)
	err = s.rows(ctx, runMatch, text, arguments, func(rows *sql.Rows) error {
		found, err = relational.ReadCandidates(rows)
		return err
	})
	return found, err
}

// Tally implements item.Store.
func (s *Store) Tally(ctx context.Context, owner account.Owner, kinds []entity.Kind, most int) (found []item.Tally, err error) {
	text, arguments := dialect.Tally(owner, kinds, most)
	err = s.rows(ctx, runTally, text, arguments, func(rows *sql.Rows) error {
		found, err = relational.ReadTallies(rows)
		return err
	})
	return found, err
}

// rows runs a statement that is prepared once, and reads its rows.
func (s *Store) rows(ctx context.Context, run *telemetry.Statement, text string, arguments []any, read func(*sql.Rows) error) error {
	return s.reading(ctx, func() error {
		return run.Run(ctx, func() error {
			rows, err := s.query(ctx, text, arguments)
			if err != nil {
				return classify(err)
			}
			defer rows.Close()
			return classify(read(rows))
		})
	})
}

// maxPrepared is how many statements of lists stay prepared: more than clients have in
// use, but a caller can ask for many more.
const maxPrepared = 500

func (s *Store) query(ctx context.Context, text string, arguments []any) (*sql.Rows, error) {
	statement, known := s.read.lists.Load(text)
	if !known && s.read.prepared.Load() >= maxPrepared {
		return s.reader.QueryContext(ctx, text, arguments...)
	}
	if !known {
		fresh, err := s.reader.PrepareContext(ctx, steady(text))
		if err != nil {
			return nil, err
		}
		if statement, known = s.read.lists.LoadOrStore(text, fresh); known {
			_ = fresh.Close() // another call has prepared it, too
		} else {
			s.read.prepared.Add(1)
		}
	}
	return statement.(*sql.Stmt).QueryContext(ctx, arguments...)
}
