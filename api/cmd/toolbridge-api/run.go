package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/config"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/postgres"
	"toolbridge/api/internal/store/sqlite"
)

// graceful is how long calls may take to finish after a signal.
const graceful = 10 * time.Second

// store is the interface of both kinds of database.
type store interface {
	item.Store
	account.Store
	Ready(ctx context.Context) error
	Close() error
}

// openStore opens the database that the settings name.
func openStore(ctx context.Context, database config.Database) (store, error) {
	if database.URL != "" {
		return postgres.Open(ctx, database.URL, int32(database.MaxConnections))
	}
	return sqlite.Open(ctx, database.Path)
}

// run opens the store and the listener, serves until ctx ends, and closes both
// in reverse.
func run(ctx context.Context, cfg config.Config, log *slog.Logger) (err error) {
	store, err := openStore(ctx, cfg.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	tokens, keep := tokensOf(cfg, log)
	ctx, stop := context.WithCancel(ctx)
	var keeping sync.WaitGroup
	keeping.Go(func() { keep(ctx) })
	defer keeping.Wait()
	defer stop()
	listener, err := net.Listen("tcp", cfg.HTTPAddr)
	if err != nil {
		return fmt.Errorf("HTTP_ADDR %s: %w", cfg.HTTPAddr, err)
	}
	log.Info("listening", "addr", listener.Addr().String())
	warnOfDevelopment(cfg, log)
	return serve(ctx, listener, newServer(assemble(cfg, store, tokens, log)), graceful)
}

// tokensOf returns the checker of tokens that the settings choose, and the function
// that keeps its keys fresh.
func tokensOf(cfg config.Config, log *slog.Logger) (tokens *auth.Tokens, keep func(context.Context)) {
	if cfg.JWKSURL == "" {
		return auth.NewTokens(cfg.JWTSecret, cfg.JWTIssuer, cfg.JWTAudience, time.Now), func(context.Context) {}
	}
	keys := auth.NewKeySet(cfg.JWKSURL, time.Now)
	keep = func(ctx context.Context) { keys.Keep(ctx, log) }
	return auth.NewPublicTokens(keys, cfg.JWTIssuer, cfg.JWTAudience, time.Now), keep
}

func warnOfDevelopment(cfg config.Config, log *slog.Logger) {
	if cfg.Development {
		log.Warn("DEVELOPMENT MODE: whoever reaches this address can act as any user by X-Debug-Sub; unset ENV to end it")
	}
}

func itemsOf(cfg config.Config, store item.Store) *item.Service {
	return &item.Service{
		Store:        store,
		Now:          time.Now,
		MaxItemBytes: cfg.MaxBodyBytes,
		MaxPushItems: int(cfg.MaxPushItems),
		MaxString:    int(min(cfg.MaxStringBytes, cfg.MaxBodyBytes)),
		Quota:        item.Quota{Items: cfg.QuotaItems, Bytes: cfg.QuotaBytes},
		KeepAnswers:  time.Duration(cfg.KeepHours) * time.Hour,
	}
}

func assemble(cfg config.Config, store store, tokens *auth.Tokens, log *slog.Logger) *httpapi.API {
	return &httpapi.API{
		Items:          itemsOf(cfg, store),
		Accounts:       &account.Service{Store: store, Prover: account.NewProver(cfg.TenantSecret), Now: time.Now},
		Tokens:         tokens,
		Tenant:         &auth.TenantGate{ID: cfg.TenantID, Secret: cfg.TenantSecret, Now: time.Now},
		Limits:         httpapi.NewLimits(cfg.LimitReads, cfg.LimitWrites, cfg.LimitSessions),
		Ready:          store.Ready,
		Log:            log,
		Now:            time.Now,
		MaxBodyBytes:   cfg.MaxBodyBytes,
		InBandSessions: cfg.InBandSessions,
		DebugSubjects:  cfg.Development,
	}
}

func newServer(api *httpapi.API) *http.Server {
	return &http.Server{
		Handler:                      api.Handler(),
		ReadHeaderTimeout:            5 * time.Second,
		ReadTimeout:                  15 * time.Second,
		WriteTimeout:                 30 * time.Second,
		IdleTimeout:                  120 * time.Second,
		MaxHeaderBytes:               64 << 10,
		DisableGeneralOptionsHandler: true, // OPTIONS is a verb like any other
		ErrorLog:                     slog.NewLogLogger(api.Log.Handler(), slog.LevelWarn),
	}
}

// serve answers calls until ctx ends, then gives those under way some time to
// finish.
func serve(ctx context.Context, listener net.Listener, server *http.Server, graceful time.Duration) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceful)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		server.ErrorLog.Printf("calls still running after %s were cut off", graceful)
		return server.Close()
	}
	return nil
}
