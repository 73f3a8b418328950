package main

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestACallThatDoesNotFinishIsCutOffAfterItsTime(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	ctx, stop := context.WithCancel(t.Context())
	left := make(chan struct{})
	server := &http.Server{
		ErrorLog: slog.NewLogLogger(newLog(&log, slog.LevelInfo, false).Handler(), slog.LevelWarn),
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			stop()
			<-r.Context().Done()
			close(left)
		}),
	}
	called := make(chan error, 1)
	go func() {
		response, err := http.Get("http://" + listener.Addr().String())
		if err == nil {
			_ = response.Body.Close()
		}
		called <- err
	}()
	if err := serve(ctx, listener, server, 50*time.Millisecond); err != nil {
		t.Error(err)
	}
	<-left
	if err := <-called; err == nil {
		t.Error("the call was answered")
	}
	if !strings.Contains(log.String(), "were cut off") {
		t.Errorf("logged %s", log.String())
	}
}
