package httpapi

import (
	"errors"
	"slices"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/fault"
)

// headerProcess tells a gateway for which process of the API it must sign.
const headerProcess = "X-Tb-Process"

var processHeader = header{"X-TB-Process", "The process for which a signature must be made, when it was made for another.", "string"}

// tenantGuard comes before everything that uses the store, so its codes include
// the store's. A body is compared with its digest where the route has no use for it, too.
func (a *API) tenantGuard() guard {
	return guard{
		check: a.checkTenant,
		security: map[string]object{
			"tenantId":       headerKey("X-TB-Tenant-ID", "The tenant that this API serves."),
			"signatureInput": headerKey("Signature-Input", "What the signature covers, and how it was made (RFC 9421)."),
			"signature":      headerKey("Signature", "HMAC-SHA-256 over what `Signature-Input` names (RFC 9421)."),
		},
		instead: map[string]object{
			"tenantId":        headerKey("X-TB-Tenant-ID", "The tenant that this API serves."),
			"tenantTimestamp": headerKey("X-TB-Timestamp", "Unix time in milliseconds, at most 300 s away."),
			"tenantSignature": headerKey("X-TB-Signature", "Lower-case hex of HMAC-SHA-256 over `<tenant id>:<timestamp>`."),
		},
		headers: []header{timingHeader},
		codes:   slices.Concat([]fault.Code{fault.InvalidTenant, fault.Unavailable, fault.OutcomeUnknown, fault.DeadlineExceeded}, bodyCodes),
	}
}

func headerKey(name, description string) object {
	return object{"type": "apiKey", "in": "header", "name": name, "description": description}
}

// checkTenant proves the tenant by the signature of the request. Only now is it
// known whose data the request may touch.
func (a *API) checkTenant(c *call) error {
	if !a.Unsigned {
		if err := a.checkSignature(c); err != nil {
			return err
		}
	}
	c.owner = account.Owner{Tenant: a.Tenant.ID, User: account.UserID(a.Tenant.ID, c.subject)}
	return nil
}

// checkSignature notes what the signature says about the body, which is not read yet.
func (a *API) checkSignature(c *call) (err error) {
	c.proven, err = a.Tenant.Check(c.Request)
	return c.nameProcess(err)
}

// nameProcess tells a gateway whose signature was for another process for which to sign.
func (c *call) nameProcess(err error) error {
	var refusal *auth.Refusal
	if errors.As(err, &refusal) && refusal.Process != "" {
		c.reply.Set(headerProcess, refusal.Process)
	}
	return err
}
