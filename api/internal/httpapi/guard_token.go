package httpapi

// bearer proves the user by the token of the request.
func (a *API) bearer(c *call) error {
	subject, err := a.Tokens.Subject(c.Header)
	if err != nil {
		return err
	}
	c.caller.Subject = subject
	return nil
}
