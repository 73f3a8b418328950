package httpapi

import (
	"errors"
	"net/http"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

var sessionIDParameter = parameter{
	in: "path", name: "id", description: "A session.",
	schema: object{"type": "string"}, required: true, example: exampleUID,
	codes: []fault.Code{fault.SessionNotFound, fault.SessionForbidden},
}

func (a *API) openSession(c *call) (int, any, error) {
	opened, err := a.Accounts.Open(c.Context(), c.owner, a.Accounts.Store.State)
	if err != nil {
		return 0, nil, err
	}
	setEpoch(c, opened.State.Epoch)
	return http.StatusCreated, sessionJSON(opened), nil
}

func (a *API) readSession(c *call) (int, any, error) {
	found, err := a.Accounts.Resume(c.Context(), c.owner, c.PathValue("id"), a.Accounts.Store.State)
	if err != nil {
		return 0, nil, sessionFault(err)
	}
	return http.StatusOK, sessionJSON(found), nil
}

func (a *API) endSession(c *call) (int, any, error) {
	if err := a.Accounts.End(c.Context(), c.owner, c.PathValue("id")); err != nil {
		return 0, nil, sessionFault(err)
	}
	return http.StatusNoContent, nil, nil
}

// sessionFault is the error of the session routes; other routes use other codes.
func sessionFault(err error) error {
	switch {
	case errors.Is(err, account.ErrNoSession):
		return fault.New(fault.SessionNotFound, "session not found or expired")
	case errors.Is(err, account.ErrOthersSession):
		return fault.New(fault.SessionForbidden, "forbidden")
	}
	return err
}

type sessionBody struct {
	ID        string `json:"id"`
	UserID    string `json:"userId"`
	CreatedAt string `json:"createdAt"`
	ExpiresAt string `json:"expiresAt"`
	Epoch     int64  `json:"epoch"`
}

func sessionJSON(s account.Session) sessionBody {
	return sessionBody{
		ID:        s.ID,
		UserID:    s.Owner.User,
		CreatedAt: item.MillisOf(s.CreatedAt).String(),
		ExpiresAt: item.MillisOf(s.ExpiresAt).String(),
		Epoch:     s.State.Epoch,
	}
}
