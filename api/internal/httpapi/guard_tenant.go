package httpapi

import "toolbridge/api/internal/account"

// tenant proves the tenant by the signed headers; only now is it known whose
// data the request may touch.
func (a *API) tenant(c *call) error {
	if err := a.Tenant.Check(c.Header); err != nil {
		return err
	}
	c.caller.Tenant = a.Tenant.ID
	c.owner = account.Owner{
		Tenant: c.caller.Tenant,
		User:   account.UserID(c.caller.Tenant, c.caller.Subject),
	}
	return nil
}
