package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/store/relational"
	"toolbridge/api/internal/telemetry"
)

// Drop the oldest contents, or lines. The sums of the usage follow by themselves.
const (
	sqlDropOldest = `UPDATE journal SET content = NULL WHERE tenant = ? AND owner = ? AND seq IN (` + relational.OldestContents + `)`
	sqlDropLines  = `DELETE FROM journal WHERE tenant = ? AND owner = ? AND seq < (` + relational.OldestLines + `)`
)

// Journal implements item.Store.
func (s *Store) Journal(ctx context.Context, query item.LineQuery) (item.Lines, error) {
	text, arguments := relational.LinesStatement(query)
	page := relational.NewLinePage(query)
	if err := s.each(ctx, runLines, text, arguments, func(row relational.Row) error { return classify(page.Add(row)) }); err != nil {
		return item.Lines{}, err
	}
	return page.Done(), nil
}

// each runs a statement, which is prepared once, and calls do with every row. An error of
// do comes back as it is.
func (s *Store) each(ctx context.Context, run *telemetry.Statement, text string, arguments []any, do func(relational.Row) error) error {
	return s.reading(ctx, func() error {
		return run.Run(ctx, func() error {
			rows, err := s.query(ctx, text, arguments)
			return eachOf(rows, err, do)
		})
	})
}

func eachRow(ctx context.Context, run *telemetry.Statement, statement *sql.Stmt, arguments []any, do func(relational.Row) error) error {
	return run.Run(ctx, func() error {
		rows, err := statement.QueryContext(ctx, arguments...)
		return eachOf(rows, err, do)
	})
}

// execute runs a statement that returns no rows.
func execute(ctx context.Context, run *telemetry.Statement, statement *sql.Stmt, arguments ...any) error {
	return run.Run(ctx, func() error {
		_, err := statement.ExecContext(ctx, arguments...)
		return classify(err)
	})
}

func eachOf(rows *sql.Rows, err error, do func(relational.Row) error) error {
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

// trailOf looks up lines about the item of a write.
func (m *maker) trailOf(ctx context.Context, ref item.Ref) item.Trail {
	return func(query item.TrailQuery) (found []item.Replaced, err error) {
		statement := m.write.trail
		if query.Newest {
			statement = m.write.newestTrail
		}
		err = eachRow(ctx, runTrail, m.tx.StmtContext(ctx, statement), relational.TrailArguments(ref, m.batch.Epoch, query), func(row relational.Row) error {
			line, err := relational.ScanReplaced(row)
			found = append(found, line)
			return classify(err)
		})
		return found, err
	}
}

// Owners implements item.Archive.
func (s *Store) Owners(ctx context.Context, after account.Owner, most int) (owners []account.Owner, err error) {
	for len(owners) < most {
		err := s.reading(ctx, func() error {
			return runOwners.Run(ctx, func() error {
				return classify(s.reader.QueryRowContext(ctx, relational.Owners, after.Tenant, after.User).Scan(&after.Tenant, &after.User))
			})
		})
		if errors.Is(err, sql.ErrNoRows) {
			return owners, nil
		}
		if err != nil {
			return nil, err
		}
		owners = append(owners, after)
	}
	return owners, nil
}

// Contents implements item.Archive.
func (s *Store) Contents(ctx context.Context, owner account.Owner, after int64, most int, each item.EachContent) error {
	return s.each(ctx, runContents, relational.Contents, []any{owner.Tenant, owner.User, after, most}, func(row relational.Row) error {
		line, content, altered, err := relational.ScanContent(row)
		if err != nil {
			return classify(err)
		}
		return each(line, content, altered)
	})
}

// Newest implements item.Archive.
func (s *Store) Newest(ctx context.Context, tenant string, most int) (lines []journal.Line, err error) {
	err = s.each(ctx, runNewest, relational.NewestStored, []any{tenant, most}, func(row relational.Row) error {
		line, err := relational.ScanNewest(row)
		lines = append(lines, line)
		return classify(err)
	})
	return lines, err
}

// Sums implements item.Archive.
func (s *Store) Sums(ctx context.Context, owner account.Owner) (sums item.JournalSums, err error) {
	t, u := owner.Tenant, owner.User
	err = s.reading(ctx, func() error {
		return runSums.Run(ctx, func() error {
			row := s.reader.QueryRowContext(ctx, relational.Sums, t, u, t, u, t, u, t, u)
			return classify(row.Scan(&sums.Lines, &sums.First, &sums.Last, &sums.Bytes, &sums.UsedLines, &sums.UsedBytes, (*int64)(&sums.Newest), (*int64)(&sums.NewestItem)))
		})
	})
	return sums, err
}

// DropOld implements item.Archive.
func (s *Store) DropOld(ctx context.Context, owner account.Owner, keep item.Retention, most int) (dropped item.Dropped, err error) {
	t, u := owner.Tenant, owner.User
	var contents, lines bool
	err = s.reading(ctx, func() error {
		return runDue.Run(ctx, func() error {
			row := s.reader.QueryRowContext(ctx, relational.Due, t, u, int64(keep.Contents), t, u, int64(keep.Lines), t, u)
			return classify(row.Scan(&contents, &lines))
		})
	})
	if err != nil || !contents && !lines {
		return item.Dropped{}, err
	}
	err = s.transact(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		if dropped.Contents, err = s.dropContents(ctx, tx, owner, most, keep.Contents, journal.NoBound); err != nil {
			return err
		}
		dropped.Lines, err = s.dropLines(ctx, tx, owner, most, keep.Lines, 1)
		return err
	})
	return dropped, err
}

func (s *Store) dropContents(ctx context.Context, tx *sql.Tx, owner account.Owner, most int, before item.Millis, below int64) (int64, error) {
	t, u := owner.Tenant, owner.User
	return drop(ctx, runDropContents, tx.StmtContext(ctx, s.write.dropContents), t, u, t, u, most, int64(before), below)
}

func (s *Store) dropLines(ctx context.Context, tx *sql.Tx, owner account.Owner, most int, before item.Millis, keep int64) (int64, error) {
	arguments := append([]any{owner.Tenant, owner.User}, relational.OldestLinesArguments(owner, most, before, keep)...)
	return drop(ctx, runDropLines, tx.StmtContext(ctx, s.write.dropLines), arguments...)
}

// drop runs a statement that drops rows, and returns how many.
func drop(ctx context.Context, run *telemetry.Statement, statement *sql.Stmt, arguments ...any) (n int64, err error) {
	err = run.Run(ctx, func() error {
		result, err := statement.ExecContext(ctx, arguments...)
		if err == nil {
			n, err = result.RowsAffected()
		}
		return classify(err)
	})
	return n, err
}
