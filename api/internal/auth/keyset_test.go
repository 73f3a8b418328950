package auth_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"toolbridge/api/internal/auth"
)

var oneKey = `{"keys":[{"kid":"1","kty":"OKP","crv":"Ed25519","x":"` + strings.Repeat("A", 43) + `"}]}`

func TestAKeySetIsKeptFreshAndAskedForSoonerAfterAFailure(t *testing.T) {
	var asked atomic.Int64
	var down atomic.Bool
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
		}
		_, _ = io.WriteString(w, oneKey)
	}))
	defer provider.Close()
	var log strings.Builder
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		go auth.NewKeySet(provider.URL, time.Now).Keep(ctx, slog.New(slog.NewTextHandler(&log, nil)))
		for i, row := range []struct {
			down  bool
			pause time.Duration
			asked int64
		}{
			{false, 0, 1},
			{true, 15*time.Minute - time.Second, 1},
			{true, time.Second, 2},
			{true, 9 * time.Second, 2},
			{false, time.Second, 3},
			{false, 10 * time.Second, 3},
			{false, 15 * time.Minute, 4},
		} {
			down.Store(row.down)
			time.Sleep(row.pause) // the bubble's time
			synctest.Wait()
			if got := asked.Load(); got != row.asked {
				t.Errorf("row %d: asked %d times, want %d", i, got, row.asked)
			}
		}
		stop()
		synctest.Wait()
	})
	if got := strings.Count(log.String(), "cannot be fetched"); got != 1 {
		t.Errorf("logged %d times: %s", got, log.String())
	}
}
