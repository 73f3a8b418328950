package httpapi

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"toolbridge/api/internal/fault"
)

// opening is a handler before its store is open.
func opening(log *strings.Builder) (s *Starting, migrating *atomic.Bool) {
	migrating = &atomic.Bool{}
	state := func() (string, fault.Facts) {
		if migrating.Load() {
			return "being migrated", fault.Facts{"percent": 37}
		}
		return "being opened", nil
	}
	return NewStarting(state, slog.New(slog.NewTextHandler(log, nil))), migrating
}

func ask(handler http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

func served(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }

func TestARequestDuringAShortStartIsServedWhenTheStoreIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		starting, _ := opening(&strings.Builder{})
		go func() {
			time.Sleep(startingPatience / 2)
			starting.Open(http.HandlerFunc(served))
		}()
		if w := ask(starting, "/healthz"); w.Code != http.StatusOK || w.Body.String() != "ok" {
			t.Errorf("healthz: %d %s", w.Code, w.Body)
		}
		for range 2 {
			if w := ask(starting, "/readyz"); w.Code != http.StatusTeapot {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
	})
}

func TestARequestDuringALongStartIsRefusedWithItsReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &strings.Builder{}
		starting, migrating := opening(log)
		began := time.Now()
		w := ask(starting, "/v1/notes")
		if time.Since(began) < startingPatience || w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" ||
			!strings.Contains(w.Body.String(), `"error":"being opened"`) || strings.Contains(w.Body.String(), "details") {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		migrating.Store(true)
		began = time.Now()
		for _, path := range []string{"/readyz", "/v1/notes", "/v1/nothing"} {
			w := ask(starting, path)
			if time.Since(began) > 0 || w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "5" ||
				!strings.Contains(w.Body.String(), `"details":{"migration":{"percent":37}},"error":"being migrated"`) {
				t.Errorf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
			}
		}
		if lines := strings.Count(log.String(), "refused"); lines != 3 {
			t.Errorf("%d lines:\n%s", lines, log)
		}
	})
}
