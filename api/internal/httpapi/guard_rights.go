package httpapi

import (
	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/fault"
)

// rightsGuard lets a call through whose token has one of the demanded rights, which were
// found when the token was verified. A read-only deployment refuses every call that could
// write, whoever sends it.
func (a *API) rightsGuard(demanded auth.Rights) guard {
	g := guard{
		demanded: demanded,
		codes:    []fault.Code{fault.InsufficientScope},
		check: func(c *call) error {
			if !c.rights.Meet(demanded) {
				return a.lacking(c, demanded)
			}
			return nil
		},
	}
	if demanded != auth.Write {
		return g
	}
	g.codes = append(g.codes, fault.ReadOnly)
	if a.ReadOnly {
		g.check = func(*call) error {
			return fault.New(fault.ReadOnly, "this deployment is read-only; nothing was written")
		}
	}
	return g
}

// lacking refuses a token, with the challenge of RFC 6750, section 3.1.
func (a *API) lacking(c *call, demanded auth.Rights) error {
	scope := a.Tokens.Scopes().Name(demanded)
	c.reply.Set("Www-Authenticate", `Bearer error="insufficient_scope", scope="`+scope+`"`)
	return fault.New(fault.InsufficientScope, "the token lacks the scope %s; nothing was done", scope).
		With(fault.Facts{"scope": scope})
}

// roles are the demanded rights as the document names them: none where one of several is
// enough, as a list demands all that are in it.
func (g guard) roles() []string {
	switch g.demanded {
	case auth.Read:
		return []string{"read"}
	case auth.Write:
		return []string{"write"}
	}
	return nil
}
