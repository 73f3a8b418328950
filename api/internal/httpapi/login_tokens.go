package httpapi

// loginTokenRoutes are those of codes, tokens, connections, services and keys.
func (a *API) loginTokenRoutes() []route { return nil }
