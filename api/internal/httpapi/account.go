package httpapi

import (
	"errors"
	"net/http"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

// maxWipeBody is far more than the confirmation of a wipe needs.
const maxWipeBody = 4096

func (a *API) state(c *call) (int, any, error) {
	used, err := a.Accounts.Store.Usage(c.Context(), c.owner)
	if err != nil {
		return 0, nil, err
	}
	body := stateJSON(c.opened.State)
	body.Usage = usageBody(used)
	return http.StatusOK, body, nil
}

type stateBody struct {
	Epoch      int64     `json:"epoch"`
	LastWipeAt string    `json:"lastWipeAt,omitempty"`
	LastWipeBy string    `json:"lastWipeBy,omitempty"`
	Usage      usageBody `json:"usage"`
}

// usageBody is what the user has: live items, the bytes of their payloads, and the bytes
// that the journal keeps.
type usageBody struct {
	Items        int64 `json:"items"`
	Bytes        int64 `json:"bytes"`
	HistoryBytes int64 `json:"historyBytes"`
}

func stateJSON(state account.State) stateBody {
	body := stateBody{Epoch: state.Epoch, LastWipeBy: state.LastWipeBy}
	if !state.LastWipeAt.IsZero() {
		body.LastWipeAt = item.MillisOf(state.LastWipeAt).String()
	}
	return body
}

func (a *API) wipe(c *call) (int, any, error) {
	confirm, err := confirmation(c, min(maxWipeBody, a.MaxBodyBytes))
	if err != nil {
		return 0, nil, err
	}
	if c.dryRun {
		state, counts, err := a.Accounts.TryWipe(c.Context(), c.opened, confirm)
		return http.StatusOK, wiped(state, counts), err
	}
	state, counts, err := a.Accounts.Wipe(c.Context(), c.opened, confirm, c.origin())
	if errors.Is(err, account.ErrNoSession) {
		c.unsetSession()
		return 0, nil, invalidSession()
	}
	if err != nil {
		return 0, nil, err
	}
	if c.inBand {
		c.unsetSession()
		setEpoch(c, state.Epoch)
	}
	return http.StatusOK, wiped(state, counts), nil
}

func wiped(state account.State, counts map[string]int64) map[string]any {
	deleted := make(map[entity.Kind]int64, len(entity.Table))
	for _, e := range entity.Table {
		deleted[e.Kind] = counts[string(e.Kind)]
	}
	return map[string]any{"epoch": state.Epoch, "deleted": deleted}
}

// confirmation reads the word that confirms a wipe. The contract has its own text for
// a body that cannot be read.
func confirmation(c *call, limit int64) (string, error) {
	body, err := readBody(c, limit)
	if err != nil {
		return "", err
	}
	sent, err := item.Decode(body)
	if err != nil {
		return "", fault.New(fault.InvalidJSON, "invalid request body")
	}
	if err := sent.RequireNoDryRun("confirm"); err != nil {
		return "", err
	}
	return textOf(sent, "confirm")
}
