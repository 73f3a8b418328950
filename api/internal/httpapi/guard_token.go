package httpapi

import (
	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/fault"
)

var challengeHeader = header{"WWW-Authenticate", "Bearer, when the token is what failed; with the scope that it lacks, if it is valid.", "string"}

func (a *API) tokenGuard() guard {
	return guard{
		check: a.checkToken,
		security: map[string]object{"bearer": {
			"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
			"description": "Who the user is: `sub`. `exp` is demanded. `scope`, or else `scp`, says whether the token allows to read and to write.",
		}},
		codes: []fault.Code{fault.Unauthorized, fault.Unavailable},
	}
}

// checkToken proves the user by the token of the request. In development mode a
// request without a token may name its user.
func (a *API) checkToken(c *call) error {
	if a.DebugSubjects {
		if subject, named := auth.DebugSubject(c.Header); named {
			c.subject, c.rights = subject, auth.AllRights
			return nil
		}
	}
	identity, err := a.Tokens.Identify(c.Header)
	if err != nil {
		return err
	}
	c.subject, c.rights = identity.Subject, identity.Rights
	return nil
}
