package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/relational"
	"toolbridge/api/internal/telemetry"
)

// termedItems looks up items one by one along the index of terms, as sqlKey does.
const termedItems = `item_term g CROSS JOIN LATERAL (SELECT * FROM item
		WHERE tenant = g.tenant AND owner = g.owner AND kind = g.kind AND uid BETWEEN g.uid AND g.uid ORDER BY uid LIMIT 1) AS i`

var dialect = relational.Dialect{
	From: func(w relational.Walk) string {
		if w.Place == "g" {
			return termedItems
		}
		return "item i"
	},
	OneOf:    func(column string, texts []string) (string, any) { return column + " = ANY (?)", texts },
	HasOneOf: func(terms []string) (string, any) { return "i.terms && CAST(? AS TEXT[])", terms },
	Named:    "CROSS JOIN LATERAL (SELECT * FROM item WHERE tenant = ? AND owner = ? AND kind = ? AND uid BETWEEN m.uid AND m.uid ORDER BY uid LIMIT 1) AS i",
	DueOnDay: "length(CAST(i.summary AS JSON) ->> 'dueDate') = 10",
	Kind:     `CAST(? AS TEXT) COLLATE "C"`,
	Title:    "CAST(p.summary AS JSON) ->> 'title'",
}

const titleOfParent = `(SELECT CAST(p.summary AS JSON) ->> 'title' FROM item p
	WHERE p.tenant = i.tenant AND p.owner = i.owner AND p.kind = i.parent_kind AND p.uid BETWEEN i.parent_uid AND i.parent_uid
		AND p.deleted_ms IS NULL ORDER BY p.uid LIMIT 1)`

// listStatement is the statement of a page: a walk along the index of the most
// selective filter, from the cursor on, or the beginnings of several.
func listStatement(query item.Query) (text string, arguments []any) {
	total := "0"
	if query.Count {
		total, arguments = dialect.Count(query)
		total = "(" + total + ")"
	}
	from, bounds, rows, by := dialect.Page(query)
	columns := rows + "." + by + " AS place, " + rows + ".uid, i.version, i.created_ms, i.updated_ms, i.stored_ms, i.deleted_ms, i.parent_kind, i.parent_uid"
	undue := "0"
	if rows == "m" {
		undue = "m.undue"
	}
	columns = undue + " AS undue, " + columns
	if query.Summaries {
		text = `SELECT uid, version, created_ms, updated_ms, stored_ms, deleted_ms, parent_kind, parent_uid,
			NULL, size, due_ms, title, summary, parent, ` + total + `, false
		FROM (SELECT ` + columns + `, octet_length(i.payload) AS size, i.due_ms, i.title, i.summary, ` + titleOfParent + ` AS parent
			FROM ` + from + `) AS page
		ORDER BY ` + outerOrder(query, rows == "m")
		return numbered(text, 0), append(arguments, bounds...)
	}
	text, arguments = bounded(query, columns, from, outerOrder(query, rows == "m"), total, arguments)
	return numbered(text, 0), append(arguments, bounds...)
}

// bounded is the statement of a page of payloads. Rows beyond MaxBytes are marked, and
// come without a payload; the first row is never beyond it.
func bounded(query item.Query, columns, from, order, total string, counted []any) (text string, arguments []any) {
	whole := query.WholeBytes()
	arguments = append([]any{whole, query.MaxBytes}, counted...)
	return `SELECT uid, version, created_ms, updated_ms, stored_ms, deleted_ms, parent_kind, parent_uid,
			CASE WHEN size <= ? AND (bytes <= ? OR bytes = counted) THEN payload END, size, due_ms, title, NULL, NULL, ` + total + `,
			bytes > ? AND bytes <> counted
		FROM (SELECT sized.*, SUM(counted) OVER (ORDER BY ` + order + `) AS bytes
			FROM (SELECT page.*, octet_length(payload) AS size,
				CASE WHEN octet_length(payload) <= ? THEN octet_length(payload) ELSE CAST(? AS BIGINT) END AS counted
			FROM (SELECT ` + columns + `, i.due_ms, i.title, i.payload FROM ` + from + `) AS page) AS sized) AS measured
		ORDER BY ` + order, append(arguments, query.MaxBytes, whole, item.ReducedBytes)
}

// outerOrder is the order of a page by its own columns. Several walks have items without
// a due date last.
func outerOrder(query item.Query, several bool) string {
	order := "place, uid"
	if query.Descending {
		order = "place DESC, uid DESC"
	}
	if several {
		order = "undue, " + order
	}
	return order
}

// matchStatement selects the uids of a page and of one more.
func matchStatement(query item.Query) (text string, arguments []any) {
	from, arguments, rows, _ := dialect.Page(query)
	return numbered("SELECT "+rows+".uid FROM "+from, 0), arguments
}

// List implements item.Store.
func (s *Store) List(ctx context.Context, query item.Query) (found item.Listing, err error) {
	text, arguments := listStatement(query)
	err = s.rows(ctx, runList, text, arguments, func(rows pgx.Rows) error {
		found, err = relational.ReadListing(rows, query, new(bool))
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
	err = s.rows(ctx, runMatches, numbered(text, 0), arguments, func(rows pgx.Rows) error {
		total, err = relational.ReadTotal(rows)
		return err
	})
	return total, err
}

// Match implements item.Store.
func (s *Store) Match(ctx context.Context, owner account.Owner, kinds []entity.Kind, prefix string, most int) (found []item.Candidate, err error) {
	text, arguments := dialect.Match(owner, kinds, prefix, most)
	err = s.rows(ctx, runMatch, numbered(text, 0), arguments, func(rows pgx.Rows) error {
		found, err = relational.ReadCandidates(rows)
		return err
	})
	return found, err
}

// Tally implements item.Store.
func (s *Store) Tally(ctx context.Context, owner account.Owner, kinds []entity.Kind, most int) (found []item.Tally, err error) {
	text, arguments := dialect.Tally(owner, kinds, most)
	err = s.rows(ctx, runTally, numbered(text, 0), arguments, func(rows pgx.Rows) error {
		found, err = relational.ReadTallies(rows)
		return err
	})
	return found, err
}

// rows runs a statement and reads its rows.
func (s *Store) rows(ctx context.Context, run *telemetry.Statement, text string, arguments []any, read func(pgx.Rows) error) error {
	return s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return run.Run(ctx, func() error {
			rows, err := conn.Query(ctx, text, arguments...)
			if err != nil {
				return classify(err)
			}
			defer rows.Close()
			return classify(read(rows))
		})
	})
}
