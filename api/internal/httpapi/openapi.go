package httpapi

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"toolbridge/api/internal/fault"
)

// object is a JSON object of the OpenAPI document.
type object map[string]any

// addDocument adds the route that describes all routes, itself among them.
func (a *API) addDocument(routes map[string]verbs) {
	var document rawJSON
	routes["/openapi.json"] = verbs{"GET": a.open(func(*call) (int, any, error) {
		return http.StatusOK, document, nil
	})}
	document = a.document(routes)
}

// document describes every route in OpenAPI 3.1.
func (a *API) document(routes map[string]verbs) rawJSON {
	operations, paths := a.operations(), object{}
	for pattern, verbs := range routes {
		path := object{}
		for method, endpoint := range verbs {
			described := operations[method+" "+pattern]
			path[strings.ToLower(method)] = described.json(pattern, endpoint.needs)
		}
		paths[pattern] = path
	}
	encoded, err := json.Marshal(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "ToolBridge API", "version": apiVersion,
			"description": "Notes, tasks, comments, chats and chat messages of the users of one tenant.",
			"license":     object{"name": "MIT", "identifier": "MIT"},
		},
		"servers":    []object{{"url": "/", "description": "this API"}},
		"tags":       a.tags(),
		"paths":      paths,
		"components": a.components(),
	})
	if err != nil {
		panic(err) // not reached: only maps, lists, texts and numbers
	}
	return encoded
}

// needs is what a route demands of a request, and so what its guards may answer.
type needs struct {
	caller  bool // token, tenant signature and a token of the rate limit
	session bool
	epoch   bool
}

func (n needs) codes() []fault.Code {
	codes := []fault.Code{fault.Internal, fault.InvalidTimeout}
	if n.caller {
		codes = append(codes, fault.Unauthorized, fault.InvalidTenant, fault.RateLimited, fault.Unavailable, fault.OutcomeUnknown, fault.DeadlineExceeded)
	}
	if n.session {
		codes = append(codes, fault.SessionRequired, fault.SessionInvalid, fault.SessionForbidden)
	}
	if n.epoch {
		codes = append(codes, fault.EpochMismatch)
	}
	return codes
}

func (n needs) parameters() []string {
	names := []string{"XCorrelationId", "XRequestTimeoutMs"}
	if n.session {
		names = append(names, "XSyncSession")
	}
	if n.epoch {
		names = append(names, "XSyncEpoch")
	}
	return names
}

// operation is one method of one route, beyond what its guards say of it.
type operation struct {
	id         string
	tag        string
	summary    string
	parameters []string // of the components
	filters    []object // parameters of this one alone
	links      object   // from a success to what can follow
	body       object   // schema of the request body, nil for none
	example    any      // of the request body
	status     int      // of success
	answer     object   // schema of its body; nil for none, plainText for text
	answers    any      // an example of it
	headers    []string // of success, of the components
	codes      []fault.Code
}

var inPath = regexp.MustCompile(`\{(\w+)\}`)

func (o operation) json(pattern string, needs needs) object {
	described := object{"operationId": o.id, "summary": o.summary, "tags": []string{o.tag}}
	parameters := []object{}
	for _, name := range inPath.FindAllStringSubmatch(pattern, -1) {
		parameters = append(parameters, component("parameters", name[1]))
	}
	for _, name := range append(needs.parameters(), o.parameters...) {
		parameters = append(parameters, component("parameters", name))
	}
	described["parameters"] = append(parameters, o.filters...)
	if needs.caller {
		described["security"] = []object{{"bearer": []string{}, "tenantId": []string{}, "tenantTimestamp": []string{}, "tenantSignature": []string{}}}
	} else {
		described["security"] = []object{}
	}
	if o.body != nil {
		described["requestBody"] = object{"required": true, "content": jsonContent(o.body, o.example)}
	}
	described["responses"] = o.responses(needs)
	return described
}

func (o operation) responses(needs needs) object {
	success := object{"description": http.StatusText(o.status), "headers": headersOf(needs, o.status, o.headers...)}
	switch {
	case o.answer["type"] == plainText:
		success["content"] = object{"text/plain": object{"schema": object{"type": "string"}, "example": o.answers}}
	case o.answer != nil:
		success["content"] = jsonContent(o.answer, o.answers)
	}
	if o.links != nil {
		success["links"] = o.links
	}
	responses := object{strconv.Itoa(o.status): success}
	byStatus := map[int][]fault.Code{}
	for _, code := range append(needs.codes(), o.codes...) {
		if status := statusOf(code); !slices.Contains(byStatus[status], code) {
			byStatus[status] = append(byStatus[status], code)
		}
	}
	for status, codes := range byStatus {
		responses[strconv.Itoa(status)] = refusal(needs, status, codes)
	}
	return responses
}

// refusal is one error status of an operation with the codes it may have there.
func refusal(needs needs, status int, codes []fault.Code) object {
	slices.Sort(codes)
	lines, examples := make([]string, len(codes)), object{}
	for i, code := range codes {
		lines[i] = "`" + string(code) + "`: " + meanings[code]
		examples[string(code)] = object{"value": object{
			"error": meanings[code], "code": code, "correlation_id": exampleUID,
		}}
	}
	schema := object{"allOf": []object{
		component("schemas", "Error"),
		{"type": "object", "properties": object{"code": object{"enum": codes}}},
	}}
	return object{
		"description": strings.Join(lines, "\n\n"),
		"headers":     headersOf(needs, status),
		"content":     object{"application/json": object{"schema": schema, "examples": examples}},
	}
}

// headersOf is what an answer carries besides its body.
func headersOf(needs needs, status int, more ...string) object {
	names := append([]string{"X-Correlation-Id"}, more...)
	if needs.caller && status != http.StatusUnauthorized {
		names = append(names, "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-RateLimit-Burst", "RateLimit-Policy", "RateLimit")
	}
	if needs.session {
		names = append(names, "X-Sync-Session", "X-Sync-Epoch")
	}
	switch status {
	case http.StatusUnauthorized:
		names = append(names, "WWW-Authenticate")
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		names = append(names, "Retry-After")
	}
	headers := object{}
	for _, name := range names {
		headers[name] = component("headers", name)
	}
	return headers
}

func jsonContent(schema object, example any) object {
	media := object{"schema": schema}
	if example != nil {
		media["example"] = example
	}
	return object{"application/json": media}
}

func component(kind, name string) object {
	return object{"$ref": "#/components/" + kind + "/" + name}
}

func merged(objects ...object) object {
	all := object{}
	for _, o := range objects {
		maps.Copy(all, o)
	}
	return all
}
