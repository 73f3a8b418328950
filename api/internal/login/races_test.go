package login_test

import (
	"fmt"
	"sync"
	"testing"

	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/login"
)

// TestNoTokenOutlivesTheAccountThatIsDisabledMeanwhile refreshes and connects, at two processes,
// while the account is disabled. Whatever was given out before or meanwhile is refused after.
func TestNoTokenOutlivesTheAccountThatIsDisabledMeanwhile(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		twin := p.twin()
		for round := range 10 {
			ann := p.person(fmt.Sprintf("ann%d", round))
			refreshed, code := ann.connect().RefreshToken, ann.code()
			var mu sync.Mutex
			var given []login.Tokens
			keep := func(tokens login.Tokens, err error) {
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					given = append(given, tokens)
				}
			}
			var racing sync.WaitGroup
			for _, at := range []*process{p, twin} {
				racing.Go(func() { keep(at.refresh(refreshed)) })
				racing.Go(func() { keep(at.refresh(refreshed)) })
			}
			racing.Go(func() { keep(twin.redeem(code)) })
			racing.Go(func() {
				if _, err := p.DisableAccount(t.Context(), login.AccountOfID{ID: ann.id}); err != nil {
					t.Error(err)
				}
			})
			racing.Wait()
			twin.look()
			for _, tokens := range given {
				p.mustRefuse(tokens.AccessToken)
				twin.mustRefuse(tokens.AccessToken)
				if _, err := twin.refresh(tokens.RefreshToken); err == nil {
					t.Error("refreshed")
				}
			}
		}
		if rows := p.count(`SELECT COUNT(*) FROM login_family`) + p.count(`SELECT COUNT(*) FROM login_refresh`); rows != 0 {
			t.Errorf("%d rows are left", rows)
		}
	})
}
