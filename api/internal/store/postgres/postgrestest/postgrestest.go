// Package postgrestest creates databases for tests on a PostgreSQL server.
//
// The environment variable TOOLBRIDGE_TEST_POSTGRES names the server. Without it a
// test that needs one is skipped, or fails where TOOLBRIDGE_TEST_COMPLETE is set.
// scripts/test.sh starts a private server and sets both. By hand, any server will
// do whose user may create schemas:
//
//	TOOLBRIDGE_TEST_POSTGRES=postgres://user:password@127.0.0.1:5432/name go test ./...
package postgrestest

import (
	"context"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	// Variable names the server.
	Variable = "TOOLBRIDGE_TEST_POSTGRES"
	// CompleteVariable forbids to skip a test.
	CompleteVariable = "TOOLBRIDGE_TEST_COMPLETE"
)

// New returns the URL of an empty schema that is dropped when the test ends.
func New(t testing.TB) string {
	t.Helper()
	server := serverOrSkip(t)
	schema := "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	Exec(t, server, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { Exec(t, server, "DROP SCHEMA "+schema+" CASCADE") })
	return With(t, server, "search_path", schema)
}

func serverOrSkip(t testing.TB) string {
	t.Helper()
	server := os.Getenv(Variable)
	if server == "" {
		leaveOut := t.Skipf
		if os.Getenv(CompleteVariable) != "" {
			leaveOut = t.Fatalf
		}
		leaveOut("%s is not set: set it to the postgres:// URL of a server for tests, or run scripts/test.sh, which starts one", Variable)
	}
	return server
}

// With returns the URL with one more option.
func With(t testing.TB, server, name, value string) string {
	t.Helper()
	parsed, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is not a URL", Variable)
	}
	options := parsed.Query()
	options.Set(name, value)
	parsed.RawQuery = options.Encode()
	return parsed.String()
}

// Exec runs one statement on a connection of its own.
func Exec(t testing.TB, server, statement string, arguments ...any) {
	t.Helper()
	conn := Connect(t, server)
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), statement, arguments...); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
}

// Connect opens a connection, which the caller closes.
func Connect(t testing.TB, server string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), server)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
