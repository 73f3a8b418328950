package httpapi

import (
	"net/http"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/fault"
)

// tenantGuard comes before everything that uses the store, so its codes include
// the store's.
func (a *API) tenantGuard() guard {
	return guard{
		check: a.checkTenant,
		security: map[string]object{
			"tenantId":        headerKey("X-TB-Tenant-ID", "The tenant that this API serves."),
			"tenantTimestamp": headerKey("X-TB-Timestamp", "Unix time in milliseconds, at most 300 s away."),
			"tenantSignature": headerKey("X-TB-Signature", "Lower-case hex of HMAC-SHA-256 over `<tenant id>:<timestamp>`."),
		},
		headers: []header{timingHeader},
		notWith: http.StatusUnauthorized,
		codes:   []fault.Code{fault.InvalidTenant, fault.Unavailable, fault.OutcomeUnknown, fault.DeadlineExceeded},
	}
}

func headerKey(name, description string) object {
	return object{"type": "apiKey", "in": "header", "name": name, "description": description}
}

// checkTenant proves the tenant by the signature of the request. Only now is it
// known whose data the request may touch.
func (a *API) checkTenant(c *call) error {
	if err := a.Tenant.Check(c.Request); err != nil {
		return err
	}
	c.owner = account.Owner{Tenant: a.Tenant.ID, User: account.UserID(a.Tenant.ID, c.subject)}
	return nil
}
