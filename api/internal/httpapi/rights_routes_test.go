package httpapi

import (
	"net/http"
	"testing"

	"toolbridge/api/internal/auth"
)

// A route that somebody adds cannot be without a demand, wherever its guards come from.
func TestEveryRouteBehindATokenDemandsARight(t *testing.T) {
	t.Parallel()
	for _, route := range (&API{}).routes() {
		name := route.method + " " + route.pattern
		demanded := auth.Rights(0)
		for i, guard := range route.guards {
			if guard.demanded == 0 {
				continue
			}
			if demanded != 0 || i != 2 || route.guards[0].security["bearer"] == nil || route.guards[1].security["tenantId"] == nil {
				t.Errorf("%s: its rights are not checked once, right after token and tenant", name)
			}
			demanded = guard.demanded
		}
		behindToken := route.guards[0].security["bearer"] != nil
		if behindToken != (demanded != 0) {
			t.Errorf("%s: behind a token: %v, demands %v", name, behindToken, demanded)
		}
		if route.method != http.MethodGet && route.tag != "sessions" && demanded != auth.Write {
			t.Errorf("%s can write and demands %v", name, demanded)
		}
	}
}
