package httpapi

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"toolbridge/api/internal/fault"
)

func TestTheDocumentHasEveryRouteAndNoOther(t *testing.T) {
	api := &API{}
	routes := api.routes()
	api.addDocument(routes)
	var document struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(api.document(routes), &document); err != nil {
		t.Fatal(err)
	}
	operations, ids := api.operations(), map[string]bool{}
	for pattern, verbs := range routes {
		for method := range verbs {
			id := document.Paths[pattern][strings.ToLower(method)].OperationID
			if id == "" || ids[id] {
				t.Errorf("%s %s is not described, or as %q, which is taken", method, pattern, id)
			}
			ids[id] = true
		}
	}
	if len(document.Paths) != len(routes) || len(operations) != len(ids) {
		t.Errorf("%d routes as %d paths, %d operations of which %d are served", len(routes), len(document.Paths), len(operations), len(ids))
	}
}

func TestEveryCodeHasAMeaning(t *testing.T) {
	for _, code := range codes(t) {
		if meanings[code] == "" {
			t.Errorf("%s has none", code)
		}
	}
	if len(meanings) != len(codes(t)) {
		t.Error("a meaning belongs to no code")
	}
}

func TestEveryCodeIsInTheReference(t *testing.T) {
	reference, err := os.ReadFile("../../../docs/rest-api.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range codes(t) {
		row := fmt.Sprintf("| %d | `%s` | %s |\n", statusOf(code), code, meanings[code])
		if !strings.Contains(string(reference), row) {
			t.Errorf("docs/rest-api.md has no row %s", row)
		}
	}
}

// codes reads all codes from the source of their package.
func codes(t *testing.T) []fault.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../fault/fault.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []fault.Code
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Code" {
			code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, fault.Code(code))
		}
		return true
	})
	if len(found) == 0 {
		t.Fatal("no codes")
	}
	return found
}
