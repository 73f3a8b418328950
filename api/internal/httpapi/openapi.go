package httpapi

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
)

// document describes the routes in OpenAPI 3.1.
func document(routes []route) rawJSON {
	paths := map[string]object{}
	for _, route := range routes {
		if paths[route.pattern] == nil {
			paths[route.pattern] = object{}
		}
		paths[route.pattern][strings.ToLower(route.method)] = route.describe()
	}
	encoded, err := json.Marshal(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "ToolBridge API", "version": apiVersion,
			"description": entityWords() + " of the users of one tenant.",
			"license":     object{"name": "MIT", "identifier": "MIT"},
		},
		"servers":    []object{{"url": "/", "description": "this API"}},
		"tags":       tags(),
		"paths":      paths,
		"components": components(routes),
	})
	if err != nil {
		panic(err) // not reached: only maps, lists, texts and numbers
	}
	return encoded
}

// entityWords begins a sentence with what the API keeps: "Notes, tasks and chats".
func entityWords() string {
	words := make([]string, len(entity.Table))
	for i, e := range entity.Table {
		words[i] = e.Word() + "s"
	}
	last := len(words) - 1
	listed := strings.Join(words[:last], ", ") + " and " + words[last]
	return strings.ToUpper(listed[:1]) + listed[1:]
}

func tags() []object {
	tags := []object{{"name": "service"}, {"name": "sessions"}, {"name": "account"}, {"name": "batch"}, {"name": "journal"}, {"name": "search"}, {"name": "items"}, {"name": "operator"}, {"name": "login"}}
	for _, e := range entity.Table {
		tags = append(tags, object{"name": e.Segment})
	}
	return tags
}

// describe is the operation object of a route.
func (r route) describe() object {
	parameters := []object{}
	for _, p := range r.allParameters() {
		parameters = append(parameters, p.use())
	}
	described := object{
		"operationId": r.id, "summary": r.summary, "tags": []string{r.tag},
		"parameters": parameters, "security": r.security(), "responses": r.responses(),
	}
	if r.body != nil {
		described["requestBody"] = object{"required": !r.body.optional, "content": jsonContent(r.body.schema, r.body.example)}
	}
	return described
}

var inPath = regexp.MustCompile(`\{(\w+)\}`)

// allParameters are those of the path, of every route, of the guards and of the
// route itself.
func (r route) allParameters() []parameter {
	var all []parameter
	for _, name := range inPath.FindAllStringSubmatch(r.pattern, -1) {
		all = append(all, pathParameters[name[1]])
	}
	all = append(all, correlationParameter)
	for _, guard := range r.guards {
		all = append(all, guard.parameters...)
	}
	return append(all, r.parameters...)
}

// security demands all schemes of the guards together, or none. A guard may have schemes that
// stand in the place of its own.
func (r route) security() []object {
	schemes := object{}
	for _, guard := range r.guards {
		for name := range guard.security {
			schemes[name] = []string{}
		}
		if roles := guard.roles(); roles != nil {
			schemes["bearer"] = roles
		}
	}
	if len(schemes) == 0 {
		return []object{}
	}
	all := []object{schemes}
	for _, guard := range r.guards {
		if guard.instead != nil {
			all = append(all, guard.replace(schemes))
		}
	}
	return all
}

// replace are schemes with the guard's other ones in the place of its own.
func (g guard) replace(schemes object) object {
	replaced := maps.Clone(schemes)
	for name := range g.security {
		delete(replaced, name)
	}
	for name := range g.instead {
		replaced[name] = []string{}
	}
	return replaced
}

func (r route) responses() object {
	responses := object{strconv.Itoa(r.success.code()): r.success.describe(r)}
	byStatus := map[int][]fault.Code{}
	for _, code := range r.allCodes() {
		status := fault.Codes[code].Status
		byStatus[status] = append(byStatus[status], code)
	}
	for status, codes := range byStatus {
		responses[strconv.Itoa(status)] = r.refusal(status, codes)
	}
	return responses
}

// allCodes are those of every route, of the guards, of what the route reads and
// of its handler, sorted, each once.
func (r route) allCodes() []fault.Code {
	codes := append([]fault.Code{fault.Internal}, r.codes...)
	for _, guard := range r.guards {
		codes = append(codes, guard.codes...)
	}
	for _, p := range r.allParameters() {
		codes = append(codes, p.codes...)
	}
	if r.body != nil {
		codes = append(codes, bodyCodes...)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// refusal is one error status of a route with the codes it may have there.
func (r route) refusal(status int, codes []fault.Code) object {
	lines, examples := make([]string, len(codes)), object{}
	for i, code := range codes {
		meaning := fault.Codes[code].Meaning
		lines[i] = "`" + string(code) + "`: " + meaning
		examples[string(code)] = object{"value": object{
			"error": meaning, "code": code, "correlation_id": exampleUID,
		}}
	}
	schema := object{"allOf": []object{
		schemaRef("Error"),
		{"type": "object", "properties": object{"code": object{"enum": codes}}},
	}}
	return object{
		"description": strings.Join(lines, "\n\n"),
		"headers":     useHeaders(r.headers(status)),
		"content":     object{"application/json": object{"schema": schema, "examples": examples}},
	}
}

// headers are those of every response and of the guards, and those that come with
// the status.
func (r route) headers(status int) []header {
	headers := []header{correlationHeader}
	for _, guard := range r.guards {
		headers = append(headers, guard.headers...)
	}
	switch status {
	case http.StatusUnauthorized:
		headers = append(headers, challengeHeader, processHeader)
	case http.StatusForbidden:
		headers = append(headers, challengeHeader)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		headers = append(headers, retryAfterHeader)
	}
	return headers
}

// body is what the document says of a request's body.
type body struct {
	schema   object
	example  any
	optional bool
}

// bodyCodes are the refusals of readBody, and of what cannot be decoded.
var bodyCodes = []fault.Code{fault.InvalidJSON, fault.BodyTooLarge, fault.RequestTimeout}

// success is what the document says of the response to a call that succeeds.
type success struct {
	status  int    // zero: 200
	text    string // plain text; without it and a schema there is no body
	schema  object
	example any
	headers []header
	links   object // to what can follow
}

func (s success) code() int { return cmp.Or(s.status, http.StatusOK) }

func (s success) describe(r route) object {
	headers := append(r.headers(s.code()), s.headers...)
	for _, p := range r.parameters {
		headers = append(headers, p.headers...)
	}
	described := object{"description": http.StatusText(s.code()), "headers": useHeaders(headers)}
	switch {
	case s.text != "":
		described["content"] = object{"text/plain": object{"schema": object{"type": "string"}, "example": s.text}}
	case s.schema != nil:
		described["content"] = jsonContent(s.schema, s.example)
	}
	if s.links != nil {
		described["links"] = s.links
	}
	return described
}

func jsonContent(schema object, example any) object {
	media := object{"schema": schema}
	if example != nil {
		media["example"] = example
	}
	return object{"application/json": media}
}

// link leads to an operation whose parameter is a member of the response.
func link(id, parameter, member string) object {
	return object{"operationId": id, "parameters": object{parameter: "$response.body#/" + member}}
}
