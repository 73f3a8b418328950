package postgres

import (
	"context"
	"strconv"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

// firstLook is after how many lines of the journal a process first makes the server
// look at its tables, and then after ten times as many again and again.
const firstLook = 100

// statistics counts what a process has written. A server plans by statistics of its
// tables, which it renews once a minute. As long as it has none, it believes that each
// table has a row or two, and may walk over all that an owner has where an index would
// lead to one row. Thousands of writes may come within the first minute.
type statistics struct{ lines atomic.Int64 }

// note counts more lines, and reports whether it is time to look, and how many there are.
func (s *statistics) note(more int64) (lines int64, look bool) {
	lines = s.lines.Add(more)
	for next := int64(firstLook); next <= lines; next *= 10 {
		look = look || next > lines-more
	}
	return lines, look
}

// look renews the statistics when those of the server are of a far smaller journal. It
// does without where the server does not allow it, or is another one.
func (s *Store) look(lines int64) {
	_ = s.use(context.Background(), func(ctx context.Context, conn *pgx.Conn) error {
		direct := conn.PgConn() // no statement of a request, so it is not traced as one
		known, err := direct.Exec(ctx, `SELECT reltuples FROM pg_class WHERE oid = CAST('journal' AS REGCLASS)`).ReadAll()
		if err != nil || len(known) != 1 || len(known[0].Rows) != 1 {
			return err
		}
		if rows, err := strconv.ParseFloat(string(known[0].Rows[0][0]), 64); err != nil || rows > float64(lines)/2 {
			return err
		}
		_, err = direct.Exec(ctx, `ANALYZE item, item_term, journal, search_doc`).ReadAll()
		return err
	})
}
