package httpapi

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"toolbridge/api/internal/fault"
)

const (
	startingPatience = 2 * time.Second // that a request has with a store that has nothing to migrate
	migratingRetry   = 5               // seconds after which a client should try again during a migration
)

// Starting answers while the store is being opened: /healthz as always, and everything
// else with the reason why it has to wait. When the store is open, it passes all
// requests on.
type Starting struct {
	state  func() (sentence string, migrating fault.Facts)
	log    *slog.Logger
	opened chan struct{}
	then   http.Handler // once opened is closed
}

// NewStarting returns a handler that asks state what to say, and for facts about a
// migration that programs can read, nil when there is none.
func NewStarting(state func() (sentence string, migrating fault.Facts), log *slog.Logger) *Starting {
	return &Starting{state: state, log: log, opened: make(chan struct{})}
}

// Open passes requests on from now, also those that are waiting.
func (s *Starting) Open(then http.Handler) {
	s.then = then
	close(s.opened)
}

func (s *Starting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.isOpen():
		s.then.ServeHTTP(w, r)
	case r.Method == http.MethodGet && r.URL.Path == "/healthz":
		newCall(w, r)
		_, _ = respond(w, http.StatusOK, text("ok")) // fails for a client that has left
	case s.opensInTime(r):
		s.then.ServeHTTP(w, r)
	default:
		s.refuse(w, r)
	}
}

func (s *Starting) isOpen() bool {
	select {
	case <-s.opened:
		return true
	default:
		return false
	}
}

// opensInTime waits for the store, but not for a migration: most starts take less time
// than a client's next attempt.
func (s *Starting) opensInTime(r *http.Request) bool {
	const glance = 20 * time.Millisecond
	for end := time.Now().Add(startingPatience); time.Now().Before(end) && r.Context().Err() == nil; {
		if _, migrating := s.state(); migrating != nil {
			return s.isOpen()
		}
		select {
		case <-s.opened:
			return true
		case <-time.After(glance):
		}
	}
	return s.isOpen()
}

// refuse logs no probe of readiness, which may come several times a second.
func (s *Starting) refuse(w http.ResponseWriter, r *http.Request) {
	c := newCall(w, r)
	sentence, migrating := s.state()
	f := fault.New(fault.Unavailable, "%s", sentence)
	if migrating != nil {
		f = f.With(fault.Facts{"migration": migrating})
	}
	status, body := failure(c, f)
	if migrating != nil {
		c.reply.Set("Retry-After", strconv.Itoa(migratingRetry))
	}
	_, _ = respond(w, status, body) // fails for a client that has left
	if r.URL.Path != "/readyz" {
		s.log.Info("refused until the store is open", "method", knownMethod(r.Method), "status", status, "correlation_id", c.correlationID)
	}
}
