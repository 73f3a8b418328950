package httpapi

// loginAccountRoutes are those of accounts, links and sessions.
func (a *API) loginAccountRoutes() []route { return nil }
