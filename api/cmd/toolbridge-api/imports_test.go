package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "toolbridge/api/"

// mayImport is which packages of ours, and of others, a package may name. "..."
// allows everything.
var mayImport = map[string][]string{
	"cmd/toolbridge-api":     {"..."},
	"cmd/toolbridge-load":    {},
	"internal/config":        {"internal/keyring", "internal/limit", "github.com/jackc/pgx/v5/pgconn"},
	"internal/export":        {"internal/item", "internal/journal", "internal/account"},
	"internal/fault":         {},
	"internal/entity":        {},
	"internal/journal":       {},
	"internal/item":          {"internal/search", "internal/account", "internal/journal", "internal/entity", "internal/fault", "github.com/google/uuid", "golang.org/x/text/unicode/norm"},
	"internal/account":       {"internal/fault", "internal/keyring", "internal/mac", "internal/journal", "github.com/google/uuid"},
	"internal/auth":          {"internal/fault", "internal/keyring", "internal/mac", "github.com/golang-jwt/jwt/v5", "golang.org/x/sync/singleflight", "golang.org/x/time/rate"},
	"internal/httpapi":       {"internal/search", "internal/item", "internal/journal", "internal/account", "internal/auth", "internal/entity", "internal/fault", "internal/keyring", "internal/limit", "internal/login", "internal/telemetry", "github.com/google/uuid"},
	"internal/auth/authtest": {"internal/auth", "internal/keyring", "internal/mac"},
	"internal/keyring":       {"internal/mac"},
	"internal/mac":           {},
	"internal/limit":         {"golang.org/x/time/rate"},
	"internal/login": {"internal/account", "internal/auth", "internal/fault", "internal/journal", "internal/keyring", "internal/limit",
		"github.com/golang-jwt/jwt/v5", "golang.org/x/crypto/argon2", "golang.org/x/sync/semaphore", "golang.org/x/text/unicode/norm", "golang.org/x/time/rate"},
	"internal/search":                  {"internal/account", "internal/entity", "golang.org/x/text/unicode/norm"},
	"internal/store/migration":         {"internal/item", "internal/account", "internal/entity", "internal/journal"},
	"internal/store/relational":        {"internal/item", "internal/journal", "internal/account", "internal/entity"},
	"internal/store/sqlite":            {"internal/search", "internal/store/migration", "internal/store/relational", "internal/telemetry", "internal/login", "internal/item", "internal/journal", "internal/account", "internal/entity", "internal/fault", "golang.org/x/sync/semaphore", "modernc.org/sqlite", "modernc.org/sqlite/lib"},
	"internal/store/sqlite/sqlitetest": {"internal/store/sqlite"},
	"internal/store/postgres": {"internal/search", "internal/store/migration", "internal/store/relational", "internal/telemetry", "internal/login", "internal/item", "internal/journal", "internal/account", "internal/entity", "internal/fault", "golang.org/x/sync/semaphore",
		"github.com/jackc/pgx/v5", "github.com/jackc/pgx/v5/pgconn", "github.com/jackc/pgx/v5/pgconn/ctxwatch", "github.com/jackc/pgx/v5/pgxpool"},
	"internal/store/postgres/postgrestest": {"github.com/google/uuid", "github.com/jackc/pgx/v5"},
	"internal/store/storetest":             {"internal/login", "internal/search", "internal/store/relational", "internal/item", "internal/journal", "internal/account", "internal/entity", "internal/fault"},
	"internal/telemetry": {"internal/auth", "internal/fault", "internal/login", "github.com/go-logr/logr", "github.com/prometheus/client_golang/prometheus",
		"github.com/prometheus/client_golang/prometheus/collectors", "github.com/prometheus/client_golang/prometheus/promhttp",
		"go.opentelemetry.io/otel", "go.opentelemetry.io/otel/attribute", "go.opentelemetry.io/otel/codes",
		"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp", "go.opentelemetry.io/otel/exporters/stdout/stdouttrace",
		"go.opentelemetry.io/otel/propagation", "go.opentelemetry.io/otel/sdk/resource", "go.opentelemetry.io/otel/sdk/trace",
		"go.opentelemetry.io/otel/semconv/v1.43.0", "go.opentelemetry.io/otel/trace"},
	"internal/telemetry/collectortest": {"go.opentelemetry.io/proto/otlp/collector/trace/v1", "go.opentelemetry.io/proto/otlp/common/v1",
		"go.opentelemetry.io/proto/otlp/trace/v1", "google.golang.org/protobuf/proto"},
}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		relative, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		checkImports(t, file, path.Dir(filepath.ToSlash(relative)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkImports(t *testing.T, file, pkg string) {
	allowed, known := mayImport[pkg]
	if !known {
		t.Errorf("%s: say in mayImport what %s may import", file, pkg)
		return
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range parsed.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		ours, isOurs := strings.CutPrefix(name, module)
		standard := !isOurs && !strings.Contains(strings.Split(name, "/")[0], ".")
		if !standard && !slices.Contains(allowed, ours) && !slices.Contains(allowed, "...") {
			t.Errorf("%s imports %s, which %s may not", file, name, pkg)
		}
	}
}
