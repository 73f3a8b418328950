package httpapi

import (
	"net/http"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
)

// Bounds of what the operator sees of the journals at once.
const (
	usualNewest = 20
	mostNewest  = 100
)

// newestBody is a line as the operator sees it: nothing of what the item says.
type newestBody struct {
	At          string       `json:"at"`
	Subject     string       `json:"subject"`
	Kind        string       `json:"kind"` // empty, as the uid, for a line about all items
	UID         string       `json:"uid"`
	Change      journal.Name `json:"change"`
	Fields      []string     `json:"fields"`
	Version     int64        `json:"version"`
	Client      string       `json:"client"`
	Tool        string       `json:"tool"`
	Correlation string       `json:"correlation_id"`
}

type newestLinesBody struct {
	Lines []newestBody `json:"lines"`
}

// operatorRoute is for the operator's page of the gateway, which has no user.
func (a *API) operatorRoute() route {
	tenant := a.tenantGuard()
	tenant.check = a.checkSignature
	return route{
		method: "GET", pattern: "/v1/operator/journal", guards: []guard{localGuard, tenant, deadlineGuard}, handle: a.newest,
		id: "readNewestLines", tag: "operator", summary: "The newest lines of the journals of all users, for programs of this machine",
		parameters: []parameter{inline(queryParameter("limit", "Most lines; 20 unless given, and never more than 100.",
			object{"type": "integer", "minimum": 1}, fault.InvalidLimit))},
		success: success{schema: schemaRef("NewestLines")},
	}
}

// shownAuthor is empty for the beginning of a journal, which nobody wrote.
func (a *API) shownAuthor(line journal.Line) string {
	if line.By == "" {
		return ""
	}
	return a.ShownSubject(line.By)
}

func (a *API) newest(c *call) (int, any, error) {
	sent, err := parseQuery(c)
	if err != nil {
		return 0, nil, err
	}
	limit, err := readBound(sent, "limit", usualNewest, mostNewest)
	if err != nil {
		return 0, nil, err
	}
	lines, err := a.Newest(c.Context(), a.Tenant.ID, limit)
	if err != nil {
		return 0, nil, err
	}
	body := newestLinesBody{Lines: []newestBody{}}
	for _, line := range lines {
		body.Lines = append(body.Lines, newestBody{
			item.Millis(line.At).String(), a.shownAuthor(line), line.Kind, line.UID, line.Name, line.Names(), line.Now,
			line.Client, line.Tool, line.Correlation,
		})
	}
	return http.StatusOK, body, nil
}
