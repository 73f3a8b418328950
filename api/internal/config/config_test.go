package config_test

import (
	"log/slog"
	"maps"
	"strings"
	"testing"

	"toolbridge/api/internal/config"
)

var complete = map[string]string{
	"JWT_HS256_SECRET":     "0123456789abcdef0123456789abcdef",
	"TENANT_ID":            "acme",
	"TENANT_HEADER_SECRET": "fedcba9876543210fedcba9876543210",
}

func lookup(changes map[string]string) config.Lookup {
	env := maps.Clone(complete)
	for name, value := range changes {
		if value == "unset" {
			delete(env, name)
			continue
		}
		env[name] = value
	}
	return func(name string) (string, bool) {
		value, set := env[name]
		return value, set
	}
}

func TestTheDefaultsAreSafe(t *testing.T) {
	got, err := config.FromEnv(lookup(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		HTTPAddr: "127.0.0.1:8081", DatabasePath: "toolbridge.db", MaxBodyBytes: 3145728, InBandSessions: true,
		JWTSecret: complete["JWT_HS256_SECRET"], TenantID: "acme", TenantSecret: complete["TENANT_HEADER_SECRET"],
		LogLevel: slog.LevelInfo,
	}
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestEverySettingIsRead(t *testing.T) {
	got, err := config.FromEnv(lookup(map[string]string{
		"HTTP_ADDR": ":9000", "DATABASE_URL": "sqlite:///var/lib/a%20b?c#d.db", "JWT_ISSUER": "https://id.example/",
		"JWT_AUDIENCE": "https://api.example", "MAX_BODY_BYTES": "1024", "IN_BAND_SESSIONS": "false", "LOG_LEVEL": "debug",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got.HTTPAddr != ":9000" || got.DatabasePath != "/var/lib/a%20b?c#d.db" || got.JWTIssuer != "https://id.example/" ||
		got.JWTAudience != "https://api.example" || got.MaxBodyBytes != 1024 || got.InBandSessions || got.LogLevel != slog.LevelDebug {
		t.Errorf("got %+v", got)
	}
}

func TestAWrongSettingIsRefusedByName(t *testing.T) {
	names := []string{
		"HTTP_ADDR", "DATABASE_URL", "JWT_HS256_SECRET", "JWT_ISSUER", "JWT_AUDIENCE", "TENANT_ID",
		"TENANT_HEADER_SECRET", "MAX_BODY_BYTES", "IN_BAND_SESSIONS", "LOG_LEVEL",
	}
	type row struct{ name, variable, value, says string }
	var rows []row
	for _, name := range names {
		rows = append(rows, row{name + " set but empty", name, "", "set but empty"})
	}
	rows = append(rows,
		row{"no token secret", "JWT_HS256_SECRET", "unset", "at least 32 bytes"},
		row{"a token secret of 31 bytes", "JWT_HS256_SECRET", strings.Repeat("x", 31), "has 31"},
		row{"no tenant secret", "TENANT_HEADER_SECRET", "unset", "at least 32 bytes"},
		row{"a tenant secret of 31 bytes", "TENANT_HEADER_SECRET", strings.Repeat("x", 31), "has 31"},
		row{"no tenant", "TENANT_ID", "unset", "not set"},
		row{"a tenant with a colon", "TENANT_ID", "a:b", "must not contain ':'"},
		row{"a tenant with a line break", "TENANT_ID", "a\nb", "printable"},
		row{"a tenant that ends in a space", "TENANT_ID", "a ", "printable"},
		row{"a tenant of broken text", "TENANT_ID", "a\xff", "printable"},
		row{"an address without port", "HTTP_ADDR", "localhost", "host:port"},
		row{"another database", "DATABASE_URL", "postgres://db/x", "only SQLite"},
		row{"a database without path", "DATABASE_URL", "sqlite://", "no path"},
		row{"a body limit of zero", "MAX_BODY_BYTES", "0", "at least 1"},
		row{"a negative body limit", "MAX_BODY_BYTES", "-1", "at least 1"},
		row{"a body limit in words", "MAX_BODY_BYTES", "4MB", "whole number"},
		row{"a switch in another spelling", "IN_BAND_SESSIONS", "True", "neither true nor false"},
		row{"an unknown log level", "LOG_LEVEL", "INFO", "none of"},
	)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := config.FromEnv(lookup(map[string]string{row.variable: row.value}))
			if err == nil || !strings.HasPrefix(err.Error(), row.variable+": ") || !strings.Contains(err.Error(), row.says) {
				t.Errorf("err = %v", err)
			}
		})
	}
}

func TestAllProblemsAreToldAtOnceAndNoSecretWithThem(t *testing.T) {
	const secret = "short-secret"
	_, err := config.FromEnv(lookup(map[string]string{
		"JWT_HS256_SECRET": secret, "TENANT_HEADER_SECRET": secret, "TENANT_ID": "unset",
	}))
	if err == nil || strings.Count(err.Error(), "\n") != 2 || strings.Contains(err.Error(), secret) {
		t.Errorf("err = %v", err)
	}
}

func TestTheAddressNeedsNoSecrets(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	if addr, err := config.Addr(none); err != nil || addr != "127.0.0.1:8081" {
		t.Errorf("%q, %v", addr, err)
	}
	empty := func(string) (string, bool) { return "", true }
	if _, err := config.Addr(empty); err == nil {
		t.Error("an empty address was taken")
	}
}
