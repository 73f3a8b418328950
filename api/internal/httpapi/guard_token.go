package httpapi

import (
	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/fault"
)

var challengeHeader = header{"WWW-Authenticate", "Bearer, when the token is what failed.", "string"}

func (a *API) tokenGuard() guard {
	return guard{
		check: a.checkToken,
		security: map[string]object{"bearer": {
			"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
			"description": "Who the user is: `sub`. `exp` is demanded.",
		}},
		codes: []fault.Code{fault.Unauthorized, fault.Unavailable},
	}
}

// checkToken proves the user by the token of the request. In development mode a
// request without a token may name its user.
func (a *API) checkToken(c *call) error {
	if a.DebugSubjects {
		if subject, named := auth.DebugSubject(c.Header); named {
			c.subject = subject
			return nil
		}
	}
	subject, err := a.Tokens.Subject(c.Header)
	if err != nil {
		return err
	}
	c.subject = subject
	return nil
}
