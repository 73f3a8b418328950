package postgres

import (
	"context"
	"sync"
	"time"

	"toolbridge/api/internal/telemetry"
)

// measureEvery is how often the server is asked how large the database is, for which it
// looks at every file.
const measureEvery = time.Minute

const sqlSize = `SELECT pg_database_size(current_database())`

// size is how large the database was when the server said it last.
type size struct {
	mu    sync.Mutex
	asked time.Time
	bytes int64
}

// Sizes is what the store has and uses. The size of the database is not known where the
// server does not say it.
func (s *Store) Sizes(ctx context.Context) telemetry.Sizes {
	pool := s.pool.Stat()
	return telemetry.Sizes{
		Database: s.databaseBytes(ctx),
		Used:     int(pool.AcquiredConns()), Idle: int(pool.IdleConns()), Most: int(pool.MaxConns()),
	}
}

func (s *Store) databaseBytes(ctx context.Context) int64 {
	s.size.mu.Lock()
	defer s.size.mu.Unlock()
	if time.Since(s.size.asked) < measureEvery {
		return s.size.bytes
	}
	s.size.asked, s.size.bytes = time.Now(), 0
	_ = runSize.Run(ctx, func() error { return classify(s.pool.QueryRow(ctx, sqlSize).Scan(&s.size.bytes)) })
	return s.size.bytes
}
