package httpapi

import (
	"errors"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/fault"
)

const headerSession = "X-Sync-Session"

// inBandWord, sent as the session, opens a session for this request.
const inBandWord = "new"

func (a *API) sessionGuard() guard {
	description := "A session of POST /v1/sync/sessions."
	if a.InBandSessions {
		description += " The word `" + inBandWord + "` opens one with this very request; the answer names it."
	}
	return guard{
		check: a.findSession,
		parameters: []parameter{{
			in: "header", name: headerSession, description: description,
			schema: object{"type": "string"}, required: true, example: inBandWord,
		}},
		headers: []header{{headerSession, "The session that the request opened in-band.", "string"}, epochHeader},
		codes:   []fault.Code{fault.SessionRequired, fault.SessionInvalid, fault.SessionForbidden},
	}
}

// findSession finds the sync session the request names, or opens one in-band.
func (a *API) findSession(c *call) error {
	names := c.Header.Values(headerSession)
	switch {
	case len(names) == 0 || len(names) == 1 && names[0] == "":
		return fault.New(fault.SessionRequired,
			"X-Sync-Session header required. Please call POST /v1/sync/sessions to begin a session.")
	case len(names) > 1:
		return invalidSession()
	case a.InBandSessions && names[0] == inBandWord:
		return a.openInBand(c)
	}
	found, err := a.Accounts.Resume(c.Context(), c.owner, names[0])
	switch {
	case errors.Is(err, account.ErrNoSession):
		return invalidSession()
	case errors.Is(err, account.ErrOthersSession):
		return fault.New(fault.SessionForbidden, "Session does not belong to authenticated user.")
	}
	c.opened = found
	return err
}

func invalidSession() error {
	return fault.New(fault.SessionInvalid,
		"Invalid or expired sync session. Please call POST /v1/sync/sessions to begin a new session.")
}

// unsetSession removes the headers that openInBand has set, since a wipe has ended
// that session.
func (c *call) unsetSession() {
	c.reply.Del(headerSession)
	c.reply.Del(headerEpoch)
}

func (a *API) openInBand(c *call) error {
	opened, err := a.Accounts.Open(c.Context(), c.owner)
	if err != nil {
		return err
	}
	c.opened, c.inBand = opened, true
	c.reply.Set(headerSession, opened.ID)
	setEpoch(c, opened.State.Epoch)
	return nil
}
