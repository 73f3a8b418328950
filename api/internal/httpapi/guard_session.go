package httpapi

import (
	"context"
	"errors"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
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
	found, err := a.Accounts.Resume(c.Context(), c.owner, names[0], a.stateReader(c))
	switch {
	case errors.Is(err, account.ErrNoSession):
		return invalidSession()
	case errors.Is(err, account.ErrOthersSession):
		return fault.New(fault.SessionForbidden, "Session does not belong to authenticated user.")
	}
	c.opened = found
	return err
}

// stateReader reads the state that the guards need, and for a route that reads an item that
// item too, so that both cost one statement.
func (a *API) stateReader(c *call) account.StateReader {
	uid, whole := item.ParseUID(c.PathValue("uid"))
	if c.reads == nil || !whole {
		return a.Accounts.Store.State
	}
	return func(ctx context.Context, owner account.Owner, sessionID string) (state account.State, err error) {
		ref := item.Ref{Owner: owner, Kind: c.reads.Kind, UID: uid}
		state, c.ahead, err = a.Items.Store.GetWithState(ctx, ref, sessionID)
		return state, err
	}
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
	opened, err := a.Accounts.Open(c.Context(), c.owner, a.stateReader(c))
	if err != nil {
		return err
	}
	c.opened, c.inBand = opened, true
	c.reply.Set(headerSession, opened.ID)
	setEpoch(c, opened.State.Epoch)
	return nil
}
