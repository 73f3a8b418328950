package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"toolbridge/api/internal/config"
	"toolbridge/api/internal/keyring"
)

// rings are the secrets of the process.
type rings struct {
	tenant *keyring.Ring
	token  *keyring.Ring // nil where only others than secrets sign tokens
}

// byUse are the rings that there are.
func (r rings) byUse() map[string]*keyring.Ring {
	found := map[string]*keyring.Ring{"tenant": r.tenant}
	if r.token != nil {
		found["token"] = r.token
	}
	return found
}

// keep reads the files of the rings again when they change, until ctx ends.
func (r rings) keep(ctx context.Context, log *slog.Logger) {
	var keeping sync.WaitGroup
	for use, ring := range r.byUse() {
		keeping.Go(func() { ring.Keep(ctx, use, log) })
	}
	keeping.Wait()
}

// openRings reads the secrets that the settings name. The error names every variable that
// is wrong.
func openRings(cfg config.Config) (found rings, err error) {
	var tenantErr, tokenErr error
	found.tenant, tenantErr = open("TENANT_HEADER_KEYS_FILE", cfg.TenantKeys)
	if cfg.TokenKeys != (keyring.Source{}) {
		found.token, tokenErr = open("JWT_HS256_KEYS_FILE", cfg.TokenKeys)
	}
	return found, errors.Join(tenantErr, tokenErr)
}

// open names the variable of a file, as what the others hold was checked before.
func open(name string, source keyring.Source) (*keyring.Ring, error) {
	ring, err := source.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return ring, nil
}
