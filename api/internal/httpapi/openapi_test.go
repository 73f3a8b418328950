package httpapi_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	pathpkg "path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/login"
	"toolbridge/api/internal/telemetry"
)

// served is what /openapi.json answers.
var served = sync.OnceValue(func() []byte {
	api := &httpapi.API{Login: &login.Service{}, InBandSessions: true, Metrics: telemetry.NewMetrics("0"), Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	recorder := httptest.NewRecorder()
	api.Handler().ServeHTTP(recorder, httptest.NewRequest("GET", "/openapi.json", nil))
	return recorder.Body.Bytes()
})

// document is the same, read once for all tests.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	return openapi3.NewLoader().LoadFromData(served())
})

// compiled is the document's schemas, each compiled at its first use.
var compiled = struct {
	sync.Mutex
	compiler *jsonschema.Compiler
}{}

// schemaAt compiles the schema of an answer, once.
func schemaAt(pattern, method string, status int) (*jsonschema.Schema, error) {
	const url = "openapi.json"
	compiled.Lock()
	defer compiled.Unlock()
	if compiled.compiler == nil {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(served()))
		if err != nil {
			return nil, err
		}
		compiled.compiler = jsonschema.NewCompiler()
		if err := compiled.compiler.AddResource(url, doc); err != nil {
			return nil, err
		}
	}
	path := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(pattern)
	return compiled.compiler.Compile(fmt.Sprintf("%s#/paths/%s/%s/responses/%d/content/application~1json/schema", url, path, strings.ToLower(method), status))
}

func described(t *testing.T) *openapi3.T {
	t.Helper()
	found, err := document()
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// checkDocumented reports an answer that the document does not know.
func checkDocumented(t *testing.T, method, target string, got answer) {
	t.Helper()
	path, _, _ := strings.Cut(target, "?")
	pattern, item := pathOf(described(t), path)
	var operation *openapi3.Operation
	if item != nil {
		operation = item.Operations()[method]
	}
	switch {
	case item == nil:
		got.isOnly(http.StatusNotFound, "route_not_found")
		return
	case operation == nil:
		got.isOnly(http.StatusMethodNotAllowed, "method_not_allowed")
		return
	}
	answered := operation.Responses.Value(strconv.Itoa(got.status))
	if answered == nil {
		t.Errorf("%s: status %d is not documented", got.request, got.status)
		return
	}
	for name := range got.header {
		if !slices.Contains([]string{"Content-Type", "Content-Length", "Date", "Connection"}, name) && !documentsHeader(answered.Value, name) {
			t.Errorf("%s: header %s of a %d is not documented", got.request, name, got.status)
		}
	}
	checkBody(t, pattern, method, answered.Value, got)
}

func documentsHeader(answered *openapi3.Response, name string) bool {
	for documented := range answered.Headers {
		if http.CanonicalHeaderKey(documented) == name {
			return true
		}
	}
	return false
}

func checkBody(t *testing.T, pattern, method string, answered *openapi3.Response, got answer) {
	t.Helper()
	sent, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
	media := answered.Content[sent]
	if (media == nil) != (len(got.body) == 0) {
		t.Errorf("%s: a %d of %q is not documented", got.request, got.status, sent)
	}
	if sent != "application/json" || media == nil || len(got.body) > 64<<10 {
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(got.body))
	if err != nil {
		t.Fatalf("%s: %v", got.request, err)
	}
	schema, err := schemaAt(pattern, method, got.status)
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s: a %d is not as documented: %.500v", got.request, got.status, err)
	}
}

// isOnly checks an answer to what no route takes.
func (a answer) isOnly(status int, code string) {
	a.t.Helper()
	if a.status != status || a.request[:5] != "HEAD " && a.json()["code"] != code {
		a.t.Errorf("%s: answered %d %s, but is not documented", a.request, a.status, a.body)
	}
}

// pathOf finds the documented path that serves a request's.
func pathOf(doc *openapi3.T, path string) (string, *openapi3.PathItem) {
	if pathpkg.Clean(path) != path {
		return "", nil
	}
	for pattern, expression := range expressions() {
		if expression.MatchString(path) {
			return pattern, doc.Paths.Value(pattern)
		}
	}
	return "", nil
}

var inPattern = regexp.MustCompile(`\\\{\w+\\\}`)

// expressions is what each documented path matches.
var expressions = sync.OnceValue(func() map[string]*regexp.Regexp {
	found := map[string]*regexp.Regexp{}
	doc, err := document()
	if err != nil {
		return found
	}
	for pattern := range doc.Paths.Map() {
		found[pattern] = regexp.MustCompile("^" + inPattern.ReplaceAllString(regexp.QuoteMeta(pattern), "[^/]+") + "$")
	}
	return found
})

func TestTheDocumentIsValidOpenAPI(t *testing.T) {
	t.Parallel()
	doc := described(t)
	if !doc.IsOpenAPI31OrLater() {
		t.Errorf("version %s", doc.OpenAPI)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTheDocumentIsOpenAndTheSameEachTime(t *testing.T) {
	t.Parallel()
	p := start(t)
	first := p.send("GET", "/openapi.json", "", nil).is(200)
	second := p.send("GET", "/openapi.json", "", nil).is(200)
	if string(first.body) != string(second.body) || first.header.Get("Content-Type") != "application/json" {
		t.Errorf("%s", first.header)
	}
}

func TestEveryEntityHasItsOperations(t *testing.T) {
	t.Parallel()
	doc := described(t)
	for _, e := range entity.Table {
		for pattern, methods := range methodsOf(t, e) {
			operations := doc.Paths.Value(pattern).Operations()
			for _, method := range methods {
				if operation := operations[method]; operation == nil || operation.Security == nil || len(*operation.Security) != 2 {
					t.Errorf("%s %s is missing or open", method, pattern)
				}
			}
			if len(operations) != len(methods) {
				t.Errorf("%s has %d methods", pattern, len(operations))
			}
		}
	}
}
