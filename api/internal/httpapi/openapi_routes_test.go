package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/login"
)

func TestTheDocumentHasEveryRouteAndNoOther(t *testing.T) {
	t.Parallel()
	routes := (&API{Login: &login.Service{}}).routes()
	var described struct {
		Paths map[string]map[string]struct{ OperationID, Summary string }
	}
	if err := json.Unmarshal(document(routes), &described); err != nil {
		t.Fatal(err)
	}
	ids, operations := map[string]bool{}, 0
	for _, route := range routes {
		operation := described.Paths[route.pattern][strings.ToLower(route.method)]
		if operation.OperationID == "" || operation.Summary == "" || ids[operation.OperationID] {
			t.Errorf("%s %s is not described, or as %q, which is taken", route.method, route.pattern, operation.OperationID)
		}
		ids[operation.OperationID] = true
	}
	for _, methods := range described.Paths {
		operations += len(methods)
	}
	if operations != len(routes) {
		t.Errorf("%d operations for %d routes", operations, len(routes))
	}
}

func TestEveryCodeIsInTheReference(t *testing.T) {
	t.Parallel()
	reference, err := os.ReadFile("../../../docs/rest-api.md")
	if err != nil {
		t.Fatal(err)
	}
	for code, described := range fault.Codes {
		row := fmt.Sprintf("| %d | `%s` | %s |\n", described.Status, code, described.Meaning)
		if !strings.Contains(string(reference), row) {
			t.Errorf("docs/rest-api.md has no row %s", row)
		}
	}
}

// A route that somebody adds for the gateway cannot be without the guard, nor with a token.
func TestEveryRouteOfLoginWantsTheSignatureOfAGateway(t *testing.T) {
	t.Parallel()
	found := 0
	for _, route := range (&API{Login: &login.Service{}}).routes() {
		first := route.guards[0]
		if ofLogin := strings.HasPrefix(route.pattern, "/v1/login/"); ofLogin != (route.tag == "login") {
			t.Errorf("%s has the tag %s", route.pattern, route.tag)
		} else if !ofLogin {
			continue
		}
		found++
		if first.security["signature"] == nil || first.security["bearer"] != nil || first.instead != nil || len(route.guards) != 2 {
			t.Errorf("%s: its guards are not those of login", route.pattern)
		}
	}
	if found < 25 {
		t.Errorf("only %d routes", found)
	}
}

func TestEveryWriteCanBeTriedAndNamesWhatItWrote(t *testing.T) {
	t.Parallel()
	for _, route := range (&API{}).routes() {
		if route.method == http.MethodGet || route.tag == "sessions" {
			continue
		}
		name := route.method + " " + route.pattern
		if route.lenient || !slices.Contains(route.queryNames(), dryRunParameter.name) {
			t.Errorf("%s has no dry run", name)
		}
		if route.id != "wipe" && !slices.Contains(route.success.headers, changeHeader) { // what a wipe takes cannot be undone
			t.Errorf("%s does not name the change", name)
		}
	}
}
