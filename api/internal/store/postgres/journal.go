package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/store/relational"
	"toolbridge/api/internal/telemetry"
)

var (
	sqlTrail       = numbered(relational.Trail, 0)
	sqlNewestTrail = numbered(relational.NewestTrail, 0)
	sqlOwners      = numbered(relational.Owners, 0)
	sqlContents    = numbered(relational.Contents, 0)
	sqlNewest      = numbered(relational.Newest, 0)
	sqlSums        = numbered(relational.Sums, 0)
	sqlDue         = numbered(relational.Due, 0)
	sqlUsage       = numbered(relational.Usage, 0)
	sqlMostUsed    = numbered(relational.MostUsed, 0)

	// Drop the oldest contents, or lines, and return how many there were of both, and how
	// many bytes. The contents are found by a range: a join with the ones to drop walks all
	// lines for each of them as long as the server has no statistics.
	sqlDropContents = numbered(`WITH last AS (SELECT MAX(seq) AS seq FROM (`+relational.OldestContents+`) AS oldest),
		sized AS (SELECT COALESCE(SUM(octet_length(content)), 0) AS bytes FROM journal
			WHERE tenant = $1 AND owner = $2 AND content IS NOT NULL AND seq <= (SELECT seq FROM last) AND at_ms < $4),
		gone AS (UPDATE journal SET content = NULL
			WHERE tenant = $1 AND owner = $2 AND content IS NOT NULL AND seq <= (SELECT seq FROM last) AND at_ms < $4
			RETURNING seq)
		SELECT COUNT(*), 0, (SELECT bytes FROM sized) FROM gone`, 0)
	sqlDropLines = numbered(`WITH gone AS (DELETE FROM journal WHERE tenant = ? AND owner = ? AND seq < (`+relational.OldestLines+`)
			RETURNING octet_length(content) AS bytes)
		SELECT 0, COUNT(*), COALESCE(SUM(bytes), 0) FROM gone`, 0)

	sqlLessUsage = `UPDATE usage SET journal_lines = journal_lines - $3, history_bytes = history_bytes - $4 WHERE tenant = $1 AND owner = $2`
)

// Journal implements item.Store.
func (s *Store) Journal(ctx context.Context, query item.LineQuery) (item.Lines, error) {
	text, arguments := relational.LinesStatement(query)
	page := relational.NewLinePage(query)
	err := s.each(ctx, runLines, numbered(text, 0), arguments, func(row relational.Row) error { return classify(page.Add(row)) })
	if err != nil {
		return item.Lines{}, err
	}
	return page.Done(), nil
}

// each runs a statement and calls do with every row. An error of do comes back as it is.
func (s *Store) each(ctx context.Context, run *telemetry.Statement, text string, arguments []any, do func(relational.Row) error) error {
	return s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return run.Run(ctx, func() error { return eachRow(ctx, conn, text, arguments, do) })
	})
}

func eachRow(ctx context.Context, conn *pgx.Conn, text string, arguments []any, do func(relational.Row) error) error {
	rows, err := conn.Query(ctx, text, arguments...)
	if err != nil {
		return classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := do(rows); err != nil {
			return err
		}
	}
	return classify(rows.Err())
}

// trailOf looks up lines about the item of a write. Lines that wait are sent first.
func (r *batchRun) trailOf(ctx context.Context, write item.Write) item.Trail {
	return func(query item.TrailQuery) (found []item.Replaced, err error) {
		if err := r.send(ctx); err != nil {
			return nil, err
		}
		text := sqlTrail
		if query.Newest {
			text = sqlNewestTrail
		}
		arguments := relational.TrailArguments(r.batch.Ref(write), r.batch.Epoch, query)
		err = runTrail.Run(ctx, func() error {
			return eachRow(ctx, r.conn, text, arguments, func(row relational.Row) error {
				line, err := relational.ScanReplaced(row)
				found = append(found, line)
				return classify(err)
			})
		})
		return found, err
	}
}

// Owners implements item.Archive.
func (s *Store) Owners(ctx context.Context, after account.Owner, most int) (owners []account.Owner, err error) {
	err = s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		for len(owners) < most {
			err := runOwners.Run(ctx, func() error {
				return classify(conn.QueryRow(ctx, sqlOwners, after.Tenant, after.User).Scan(&after.Tenant, &after.User))
			})
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			owners = append(owners, after)
		}
		return nil
	})
	return owners, err
}

// Contents implements item.Archive.
func (s *Store) Contents(ctx context.Context, owner account.Owner, after int64, most int, each item.EachContent) error {
	return s.each(ctx, runContents, sqlContents, []any{owner.Tenant, owner.User, after, most}, func(row relational.Row) error {
		line, content, altered, err := relational.ScanContent(row)
		if err != nil {
			return classify(err)
		}
		return each(line, content, altered)
	})
}

// Newest implements item.Archive.
func (s *Store) Newest(ctx context.Context, tenant string, most int) (lines []journal.Line, err error) {
	err = s.each(ctx, runNewest, sqlNewest, []any{tenant, most}, func(row relational.Row) error {
		line, err := relational.ScanNewest(row)
		lines = append(lines, line)
		return classify(err)
	})
	return lines, err
}

// Sums implements item.Archive.
func (s *Store) Sums(ctx context.Context, owner account.Owner) (sums item.JournalSums, err error) {
	t, u := owner.Tenant, owner.User
	err = s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return runSums.Run(ctx, func() error {
			return classify(conn.QueryRow(ctx, sqlSums, t, u, t, u, t, u, t, u).
				Scan(&sums.Lines, &sums.First, &sums.Last, &sums.Bytes, &sums.UsedLines, &sums.UsedBytes, (*int64)(&sums.Newest), (*int64)(&sums.NewestItem)))
		})
	})
	return sums, err
}

// DropOld implements item.Archive. It takes the owner's turn, as a write does, so that the
// two cannot meet in another order.
func (s *Store) DropOld(ctx context.Context, owner account.Owner, keep item.Retention, most int) (dropped item.Dropped, err error) {
	contents, lines, err := s.due(ctx, owner, keep)
	if err != nil || !contents && !lines {
		return item.Dropped{}, err
	}
	err = s.transact(ctx, owner, func(ctx context.Context, conn *pgx.Conn) error {
		dropped = item.Dropped{}
		if _, err := beginInTurn(ctx, conn, owner); err != nil {
			return err
		}
		if contents {
			if dropped, err = dropContents(ctx, conn, owner, most, keep.Contents, journal.NoBound); err != nil {
				return err
			}
		}
		if lines {
			gone, err := dropLines(ctx, conn, owner, most, keep.Lines, 1)
			if err != nil {
				return err
			}
			dropped = dropped.Plus(gone)
		}
		last := &pgx.Batch{}
		last.Queue(sqlLessUsage, owner.Tenant, owner.User, dropped.Lines, dropped.Bytes)
		return commit(ctx, conn, last)
	})
	return dropped, err
}

// due reports what an owner has that is older than what is kept.
func (s *Store) due(ctx context.Context, owner account.Owner, keep item.Retention) (contents, lines bool, err error) {
	t, u := owner.Tenant, owner.User
	err = s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return runDue.Run(ctx, func() error {
			return classify(conn.QueryRow(ctx, sqlDue, t, u, int64(keep.Contents), t, u, int64(keep.Lines), t, u).Scan(&contents, &lines))
		})
	})
	return contents, lines, err
}

func dropContents(ctx context.Context, conn *pgx.Conn, owner account.Owner, most int, before item.Millis, below int64) (item.Dropped, error) {
	return drop(ctx, runDropContents, conn, sqlDropContents, owner.Tenant, owner.User, most, int64(before), below)
}

func dropLines(ctx context.Context, conn *pgx.Conn, owner account.Owner, most int, before item.Millis, keep int64) (item.Dropped, error) {
	arguments := append([]any{owner.Tenant, owner.User}, relational.OldestLinesArguments(owner, most, before, keep)...)
	return drop(ctx, runDropLines, conn, sqlDropLines, arguments...)
}

// drop runs a statement that drops contents or lines, and returns how many.
func drop(ctx context.Context, run *telemetry.Statement, conn *pgx.Conn, text string, arguments ...any) (dropped item.Dropped, err error) {
	err = run.Run(ctx, func() error {
		return classify(conn.QueryRow(ctx, text, arguments...).Scan(&dropped.Contents, &dropped.Lines, &dropped.Bytes))
	})
	return dropped, err
}
