package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"sync"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/config"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/login"
	"toolbridge/api/internal/store/migration"
	"toolbridge/api/internal/store/postgres"
	"toolbridge/api/internal/store/sqlite"
	"toolbridge/api/internal/telemetry"
)

// graceful is how long calls may take to finish after a signal.
const graceful = 10 * time.Second

// progressEvery is how often a migration says how far it is.
const progressEvery = 10 * time.Second

// store is the interface of both kinds of database.
type store interface {
	item.Store
	item.Archive
	account.Store
	login.Store
	Ready(ctx context.Context) error
	Sizes(ctx context.Context) telemetry.Sizes
	Close() error
}

// openStore opens the database that the settings name.
func openStore(ctx context.Context, database config.Database, progress *migration.Progress) (store, error) {
	if database.URL != "" {
		return postgres.OpenWatched(ctx, database.URL, int32(database.MaxConnections), progress)
	}
	return sqlite.OpenWatched(ctx, database.Path, progress)
}

// openSaying is openStore, which says every now and then how far a migration is.
func openSaying(ctx context.Context, database config.Database, progress *migration.Progress, say func(migration.Report)) (store, error) {
	watched, done := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { progress.Watch(watched, progressEvery, say) })
	defer watching.Wait()
	defer done()
	return openStore(ctx, database, progress)
}

// run serves until ctx ends. It listens first, and says so as soon as it serves or has
// something to migrate: that may take minutes, in which it answers how far it is.
func run(ctx context.Context, cfg config.Config, rings rings, tracing *telemetry.Tracing, log *slog.Logger) (err error) {
	listener, err := net.Listen("tcp", cfg.HTTPAddr)
	if err != nil {
		return fmt.Errorf("HTTP_ADDR %s: %w", cfg.HTTPAddr, err)
	}
	progress := &migration.Progress{Unreadable: func(uid string) {
		log.Warn("an item is not what the API stores; it is kept, but lists and search do not show what it says", "uid", uid)
	}}
	starting := httpapi.NewStarting(stateOf(progress), log)
	listening := sync.OnceFunc(func() {
		log.Info("listening", "addr", listener.Addr().String())
		warn(cfg, log)
	})

	signalled := ctx
	ctx, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() {
		defer stop()
		served <- serve(ctx, listener, newServer(starting, log), graceful)
	}()
	store, err := openWatched(ctx, cfg, progress, log, listening)
	if err != nil {
		stop()
		err = errors.Join(<-served, unlessSignalled(signalled, err, log))
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	signIn := loginOf(cfg, rings, store, log)
	if signIn != nil {
		if err := signIn.Open(ctx); err != nil {
			stop()
			return errors.Join(<-served, unlessSignalled(signalled, fmt.Errorf("the keys of sign-in: %w", err), log))
		}
	}
	tokens, keep := tokensOf(cfg, rings.token, signIn, log)
	starting.Open(assemble(cfg, rings, store, tokens, signIn, tracing, log).Handler())
	listening()
	var keeping sync.WaitGroup
	keeping.Go(func() { keep(ctx) })
	keeping.Go(func() { rings.keep(ctx, log) })
	keeping.Go(func() { keepRetention(ctx, cfg, store, log) })
	if signIn != nil {
		keeping.Go(func() { signIn.Keep(ctx) })
	}
	defer keeping.Wait()
	defer stop()
	return <-served
}

// openWatched opens the store, and logs a migration's progress meanwhile.
func openWatched(ctx context.Context, cfg config.Config, progress *migration.Progress, log *slog.Logger, listening func()) (store, error) {
	began := time.Now()
	store, err := openSaying(ctx, cfg.Database, progress, func(report migration.Report) {
		listening()
		log.Info("migrating the database", "what", report.What, "done", report.Done, "total", report.Total,
			"percent", report.Percent(), "per_second", math.Round(report.Rate*10)/10)
	})
	if _, migrated := progress.Report(); migrated && err == nil {
		log.Info("migrated the database", "seconds", math.Round(time.Since(began).Seconds()*10)/10)
	}
	return store, err
}

// unlessSignalled is the error of a start that failed by itself. A start that a signal
// ended did not.
func unlessSignalled(signalled context.Context, err error, log *slog.Logger) error {
	if signalled.Err() == nil {
		return err
	}
	log.Info("stopped before the store was open; a migration goes on from here at the next start", "cause", err.Error())
	return nil
}

// stateOf says why a request has to wait for the store.
func stateOf(progress *migration.Progress) func() (string, fault.Facts) {
	return func() (string, fault.Facts) {
		report, migrating := progress.Report()
		if !migrating {
			return "the store is being opened", nil
		}
		return report.String(), fault.Facts{"what": report.What, "done": report.Done, "total": report.Total, "percent": report.Percent()}
	}
}

// tokensOf returns the checker of tokens that the settings choose, and the function
// that keeps its keys fresh.
func tokensOf(cfg config.Config, ring *keyring.Ring, signIn *login.Service, log *slog.Logger) (tokens *auth.Tokens, keep func(context.Context)) {
	if signIn != nil {
		return auth.NewLoginTokens(signIn.Verifier, ring, demandsOf(cfg), time.Now), func(context.Context) {}
	}
	if ring != nil {
		return auth.NewTokens(ring, demandsOf(cfg), time.Now), func(context.Context) {}
	}
	keys := auth.NewKeySet(cfg.JWKSURL, time.Now)
	keep = func(ctx context.Context) { keys.Keep(ctx, log) }
	return auth.NewPublicTokens(keys, demandsOf(cfg), time.Now), keep
}

// demandsOf is what a token must say.
func demandsOf(cfg config.Config) auth.Demands {
	return auth.Demands{
		Issuer:      cfg.JWTIssuer,
		Audience:    cfg.JWTAudience,
		TenantClaim: cfg.Rights.TenantClaim,
		Tenant:      cfg.TenantID,
		Scopes:      auth.Scopes{Read: cfg.Rights.Read, Write: cfg.Rights.Write, Required: cfg.Rights.RequireScopes},
	}
}

// warn says which protection the settings take away.
func warn(cfg config.Config, log *slog.Logger) {
	if cfg.Signatures.Off {
		log.Warn("NO SIGNATURES: whoever reaches this address with a user's token can act as that user; remove TENANT_SIGNATURES=off to end it")
	}
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

func assemble(cfg config.Config, rings rings, store store, tokens *auth.Tokens, signIn *login.Service, tracing *telemetry.Tracing, log *slog.Logger) *httpapi.API {
	metrics := telemetry.NewMetrics(buildVersion())
	if signIn != nil {
		signIn.SignedIn = metrics.SignedIn
	}
	return &httpapi.API{
		Items:          itemsOf(cfg, store),
		Accounts:       &account.Service{Store: store, Prover: account.NewProver(rings.tenant, time.Now), Now: time.Now},
		Tokens:         tokens,
		Tenant:         &auth.Gate{ID: cfg.TenantID, Keys: rings.tenant, Versions: versionsOf(cfg.Signatures), Now: time.Now},
		Rings:          rings.byUse(),
		Login:          signIn,
		Limits:         httpapi.NewLimits(cfg.LimitReads, cfg.LimitWrites, cfg.LimitSessions),
		Metrics:        metrics,
		Sizes:          store.Sizes,
		Tracing:        tracing,
		Ready:          store.Ready,
		Newest:         store.Newest,
		ShownSubject:   shownSubject(cfg),
		Log:            log,
		Now:            time.Now,
		MaxBodyBytes:   cfg.MaxBodyBytes,
		HistoryDays:    cfg.HistoryDays,
		AuditDays:      cfg.AuditDays,
		InBandSessions: cfg.InBandSessions,
		ReadOnly:       cfg.Rights.ReadOnly,
		Unsigned:       cfg.Signatures.Off,
		DebugSubjects:  cfg.Development,
	}
}

// loginOf is nil where users sign in elsewhere.
func loginOf(cfg config.Config, rings rings, store login.Store, log *slog.Logger) *login.Service {
	if !cfg.Embedded {
		return nil
	}
	return &login.Service{
		Store:      store,
		Tenant:     cfg.TenantID,
		TenantKeys: rings.tenant,
		Demands:    login.Demands{TenantClaim: cfg.Rights.TenantClaim, ScopeRead: cfg.Rights.Read, ScopeWrite: cfg.Rights.Write},
		Verifier:   &auth.Login{},
		Now:        time.Now,
		Log:        log,
		Shown:      shownSubject(cfg),
	}
}

// versionsOf are the versions of the gateway's signature that the settings accept.
func versionsOf(accepted config.Signatures) (versions []string) {
	if accepted.V1 {
		versions = append(versions, auth.V1)
	}
	if accepted.V2 {
		versions = append(versions, auth.V2)
	}
	return versions
}

func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:                      handler,
		ReadHeaderTimeout:            5 * time.Second,
		ReadTimeout:                  15 * time.Second,
		WriteTimeout:                 30 * time.Second,
		IdleTimeout:                  120 * time.Second,
		MaxHeaderBytes:               64 << 10,
		DisableGeneralOptionsHandler: true, // OPTIONS is a verb like any other
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
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
