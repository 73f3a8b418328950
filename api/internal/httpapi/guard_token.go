package httpapi

import "toolbridge/api/internal/auth"

// bearer proves the user by the token of the request. In development mode a
// request without one may name its user.
func (a *API) bearer(c *call) error {
	if a.DebugSubjects {
		if subject, named := auth.DebugSubject(c.Header); named {
			c.caller.Subject = subject
			return nil
		}
	}
	subject, err := a.Tokens.Subject(c.Header)
	if err != nil {
		return err
	}
	c.caller.Subject = subject
	return nil
}
