package httpapi

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // where the machine has no time zones

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

const (
	usualDays   = 7
	maxDays     = 365
	maxZoneName = 100
)

var overviewParameters = []parameter{
	queryParameter("dueWithinDays", "How many days after today count as soon; 7 unless given.", object{"type": "integer", "minimum": 0, "maximum": maxDays}),
	queryParameter("timezone", "Where today is: a name such as `Europe/Berlin`, or an offset such as `+02:00`; UTC unless given.",
		object{"type": "string", "minLength": 1, "maxLength": maxZoneName, "examples": []string{"Europe/Berlin", "+02:00"}}),
}

// overviewRoute is one route over all entities.
func (a *API) overviewRoute() route {
	return route{
		method: "GET", pattern: "/v1/overview", guards: a.synced(auth.Read), handle: a.overview,
		id: "getOverview", tag: "account", summary: "What the user has, what is due, and what changed last",
		parameters: overviewParameters,
		success:    success{schema: schemaRef("Overview")},
	}
}

func (a *API) overview(c *call) (int, any, error) {
	sent, err := parseQuery(c)
	if err != nil {
		return 0, nil, err
	}
	horizon := item.Horizon{Now: a.Now(), Zone: time.UTC}
	if horizon.Within, err = readNumber(sent, "dueWithinDays", usualDays, maxDays); err != nil {
		return 0, nil, err
	}
	name := "UTC"
	if sent.Has("timezone") {
		if horizon.Zone, name, err = readZone(sent["timezone"]); err != nil {
			return 0, nil, err
		}
	}
	found, err := a.Items.Overview(c.Context(), c.owner, horizon)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, overviewOf(found, name, horizon.Within), nil
}

// readNumber reads a parameter that is a whole number from 0 on.
func readNumber(sent url.Values, name string, usual, most int) (int, error) {
	values := sent[name]
	if len(values) == 0 {
		return usual, nil
	}
	number, err := strconv.Atoi(values[0])
	if err != nil || number < 0 || number > most || len(values) > 1 {
		return 0, wrongParameter(name, "send one whole number from 0 to "+strconv.Itoa(most))
	}
	return number, nil
}

func wrongParameter(name, rule string) error {
	return fault.New(fault.InvalidQuery, "invalid %s: %s", name, rule).With(fault.Facts{"field": name})
}

// A space is a plus sign that a query string has lost.
var offset = regexp.MustCompile(`^([-+ ])([01]\d|2[0-3])(?::?([0-5]\d))?$`)

// readZone reads a time zone, and returns it with its name.
func readZone(values []string) (*time.Location, string, error) {
	name := values[0]
	if parts := offset.FindStringSubmatch(name); parts != nil && len(values) == 1 {
		hours, _ := strconv.Atoi(parts[2])
		minutes, _ := strconv.Atoi(parts[3]) // none are zero
		sign, east := "+", hours*3600+minutes*60
		if parts[1] == "-" {
			sign, east = "-", -east
		}
		name = sign + parts[2] + ":" + (parts[3] + "00")[:2]
		return time.FixedZone(name, east), name, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || len(values) > 1 || name == "" || strings.EqualFold(name, "local") || len(name) > maxZoneName {
		return nil, "", wrongParameter("timezone", "send one name of a time zone such as Europe/Berlin, or an offset such as +02:00")
	}
	return zone, name, nil
}

// counted is a number of items. With More, there are more than that.
type counted struct {
	Total int  `json:"total"`
	More  bool `json:"more,omitempty"`
}

func countedOf(total int) counted {
	return counted{min(total, item.MaxTotal), total > item.MaxTotal}
}

// countsBody is how many items of a kind there are, in all and by state.
type countsBody struct {
	counted
	States     map[string]counted `json:"states"`
	MoreStates bool               `json:"moreStates,omitempty"`
}

// sectionBody is the first items of a list, and how many it has.
type sectionBody struct {
	counted
	Items []rawSummary `json:"items"`
}

// rawSummary is a summary that is JSON already.
type rawSummary []byte

// MarshalJSON returns it.
func (s rawSummary) MarshalJSON() ([]byte, error) { return s, nil }

type overviewBody struct {
	Now           string                       `json:"now"`
	Timezone      string                       `json:"timezone"`
	Today         string                       `json:"today"`
	DueWithinDays int                          `json:"dueWithinDays"`
	Counts        map[entity.Kind]*countsBody  `json:"counts"`
	Overdue       sectionBody                  `json:"overdue"`
	DueSoon       sectionBody                  `json:"dueSoon"`
	InProgress    sectionBody                  `json:"inProgress"`
	Unread        sectionBody                  `json:"unread"`
	LastChanged   map[entity.Kind][]rawSummary `json:"lastChanged"`
}

func overviewOf(found item.Overview, zone string, days int) overviewBody {
	body := overviewBody{
		Now: found.Now.String(), Timezone: zone, Today: found.Today, DueWithinDays: days, Counts: countsOf(found.Tallies),
		Overdue: sectionOf(found.Overdue), DueSoon: sectionOf(found.DueSoon),
		InProgress: sectionOf(found.InProgress), Unread: sectionOf(found.Unread),
		LastChanged: map[entity.Kind][]rawSummary{},
	}
	for kind, section := range found.Changed {
		body.LastChanged[kind] = sectionOf(section).Items
	}
	return body
}

// countsOf is the numbers by kind and state. A state that only tombstones have is none.
func countsOf(tallies []item.Tally) map[entity.Kind]*countsBody {
	counts := map[entity.Kind]*countsBody{}
	for _, e := range entity.Table {
		counts[e.Kind] = &countsBody{States: map[string]counted{}}
	}
	states := map[entity.Kind]int{}
	for _, tally := range tallies {
		kind := counts[tally.Kind]
		switch {
		case tally.Status == "":
			kind.counted = countedOf(tally.Count)
		case tally.Count > 0:
			kind.States[tally.Status] = countedOf(tally.Count)
		}
		states[tally.Kind]++
		kind.MoreStates = states[tally.Kind] > item.MaxStates
	}
	return counts
}

func sectionOf(section item.Section) sectionBody {
	body := sectionBody{counted: countedOf(section.Total), Items: make([]rawSummary, len(section.Items))}
	for i := range section.Items {
		shown := &section.Items[i]
		body.Items[i] = shown.AppendSummary(nil, shown.Kind)
	}
	return body
}

// overviewSchema describes an overviewBody.
func overviewSchema() object {
	text, count := object{"type": "string"}, object{"type": "integer"}
	total := object{"total": count, "more": object{"const": true}}
	byKind := func(of object) object {
		kinds := object{}
		for _, e := range entity.Table {
			kinds[string(e.Kind)] = of
		}
		return object{"type": "object", "properties": kinds, "additionalProperties": false}
	}
	section := closed(merged(total, object{"items": listOf(schemaRef("Summary"))}), "total", "items")
	states := object{"type": "object", "additionalProperties": closed(total, "total")}
	counts := closed(merged(total, object{"states": states, "moreStates": object{"const": true}}), "total", "states")
	return closed(object{
		"now": object{"type": "string", "format": "date-time"}, "timezone": text, "today": object{"type": "string", "format": "date"}, "dueWithinDays": count,
		"counts":  describedAs(byKind(counts), "Of live items, each number up to 10000."),
		"overdue": section, "dueSoon": section, "inProgress": section, "unread": section,
		"lastChanged": byKind(listOf(schemaRef("Summary"))),
	}, "now", "timezone", "today", "dueWithinDays", "counts", "overdue", "dueSoon", "inProgress", "unread", "lastChanged")
}
