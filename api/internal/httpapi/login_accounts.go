package httpapi

import "toolbridge/api/internal/fault"

// loginAccountRoutes are those of accounts, links and sessions.
func (a *API) loginAccountRoutes() []route {
	l := a.Login
	full := fault.DiskFull
	return []route{
		loginRoute(a, "accounts/add", "Add an account, with a link for its first password", l.AddAccount, fault.InvalidField, fault.LoginExists, fault.LoginFull, full),
		loginRoute(a, "accounts/list", "List accounts, by name", l.ListAccounts, fault.InvalidField),
		loginRoute(a, "accounts/find", "Find an account by its name", l.FindAccount, fault.LoginUnknown),
		loginRoute(a, "accounts/link", "Make another link for an account; one for a reset ends its password, sessions and connections", l.SendLink,
			fault.InvalidField, fault.LoginUnknown, fault.LoginExists, full),
		loginRoute(a, "accounts/disable", "Let an account sign in no more, and end what it has", l.DisableAccount, fault.LoginUnknown, full),
		loginRoute(a, "accounts/enable", "Let an account sign in again", l.EnableAccount, fault.LoginUnknown, full),
		loginRoute(a, "accounts/unlock", "End the wait after failures", l.UnlockAccount, fault.LoginUnknown, full),
		loginRoute(a, "accounts/remove", "Forget an account; the items of its subject stay", quiet(l.RemoveAccount), fault.LoginUnknown, full),
		loginRoute(a, "links/read", "Read what a link is for, which does not use it up", l.ReadLink, fault.LoginUnknown),
		loginRoute(a, "links/redeem", "Set a password by a link, and sign in", l.RedeemLink, fault.LoginUnknown, fault.WeakPassword, fault.RateLimited, full),
		loginRoute(a, "sessions/begin", "Sign in by name and password", l.BeginSession, fault.SignInRefused, fault.RateLimited, full),
		loginRoute(a, "sessions/read", "Read whose a session is", l.ReadSession, fault.LoginUnknown),
		loginRoute(a, "sessions/end", "Sign out, of one browser or everywhere", quiet(l.EndSession), fault.LoginUnknown, full),
		loginRoute(a, "sessions/password", "Change the password, which ends the other sessions", l.ChangePassword,
			fault.LoginUnknown, fault.SignInRefused, fault.WeakPassword, fault.RateLimited, full),
	}
}
