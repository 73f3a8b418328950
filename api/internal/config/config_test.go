package config_test

import (
	"log/slog"
	"maps"
	"strings"
	"testing"

	"toolbridge/api/internal/config"
	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/limit"
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
		HTTPAddr: "127.0.0.1:8081", Database: config.Database{Path: "toolbridge.db", MaxConnections: 20}, MaxBodyBytes: 3145728, MaxStringBytes: 2097152, MaxPushItems: 1000, QuotaItems: 100000, QuotaBytes: 268435456, KeepHours: 24, HistoryDays: 30, AuditDays: 365, InBandSessions: true,
		TokenKeys: keyring.Source{Secret: complete["JWT_HS256_SECRET"]}, TenantID: "acme", TenantKeys: keyring.Source{Secret: complete["TENANT_HEADER_SECRET"]},
		Signatures: config.Signatures{V1: true, V2: true}, Rights: config.Rights{Read: "read", Write: "write"},
		LimitReads: limit.Rate{PerMinute: 60000, Burst: 2000}, LimitWrites: limit.Rate{PerMinute: 30000, Burst: 1000},
		LimitSessions: limit.Rate{PerMinute: 60000, Burst: 2000}, LogLevel: slog.LevelInfo,
	}
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestEverySettingIsRead(t *testing.T) {
	got, err := config.FromEnv(lookup(map[string]string{
		"HTTP_ADDR": ":9000", "DATABASE_URL": "sqlite:///var/lib/a%20b?c#d.db", "DATABASE_MAX_CONNECTIONS": "7", "JWT_ISSUER": "https://id.example/",
		"JWT_AUDIENCE": "https://api.example", "MAX_BODY_BYTES": "1024", "MAX_STRING_BYTES": "512", "MAX_PUSH_ITEMS": "7", "QUOTA_ITEMS": "off", "QUOTA_BYTES": "5", "IDEMPOTENCY_HOURS": "9", "HISTORY_DAYS": "8", "AUDIT_DAYS": "7", "IN_BAND_SESSIONS": "false", "LOG_LEVEL": "debug", "LOG_FORMAT": "text", "LOG_SUBJECTS": "hashed",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got.HTTPAddr != ":9000" || got.Database != (config.Database{Path: "/var/lib/a%20b?c#d.db", MaxConnections: 7}) || got.JWTIssuer != "https://id.example/" ||
		got.JWTAudience != "https://api.example" || got.MaxBodyBytes != 1024 || got.MaxStringBytes != 512 || got.MaxPushItems != 7 || got.QuotaItems != 0 || got.QuotaBytes != 5 || got.KeepHours != 9 || got.HistoryDays != 8 || got.AuditDays != 7 || got.InBandSessions || got.LogLevel != slog.LevelDebug || !got.LogText || !got.HashSubjects {
		t.Errorf("got %+v", got)
	}
}

func TestSignaturesAreAcceptedByVersionOrNotAskedFor(t *testing.T) {
	for text, want := range map[string]config.Signatures{
		"v2": {V2: true}, "v1": {V1: true}, "V2, v1": {V1: true, V2: true}, "off": {V1: true, V2: true, Off: true}, "Off": {V1: true, V2: true, Off: true},
	} {
		got, err := config.FromEnv(lookup(map[string]string{"TENANT_SIGNATURES": text}))
		if err != nil || got.Signatures != want {
			t.Errorf("%s: %+v, %v", text, got.Signatures, err)
		}
	}
	for _, text := range []string{"", ",", "v3", "v2 off", "none"} {
		if _, err := config.FromEnv(lookup(map[string]string{"TENANT_SIGNATURES": text})); err == nil || !strings.Contains(err.Error(), "TENANT_SIGNATURES: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAFileWithKeysIsNamedByItsWholePath(t *testing.T) {
	for _, use := range []string{"TENANT_HEADER", "JWT_HS256"} {
		name := use + "_KEYS_FILE"
		_, err := config.FromEnv(lookup(map[string]string{use + "_SECRET": "unset", name: "keys/tenant"}))
		if err == nil || !strings.Contains(err.Error(), name+": must be a whole path") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := config.FromEnv(lookup(map[string]string{use + "_SECRET": "unset", name: "/keys/tenant"})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestADatabaseOnAServerIsKnownByItsScheme(t *testing.T) {
	for _, url := range []string{"postgres://user:word@db:5432/name?sslmode=require", "postgresql:///name?host=/run"} {
		got, err := config.FromEnv(lookup(map[string]string{"DATABASE_URL": url}))
		if want := (config.Database{URL: url, MaxConnections: 20}); err != nil || got.Database != want {
			t.Errorf("%s: %+v, %v", url, got.Database, err)
		}
	}
}

func TestAWrongSettingIsRefusedByName(t *testing.T) {
	names := []string{
		"HTTP_ADDR", "DATABASE_URL", "DATABASE_MAX_CONNECTIONS", "JWT_HS256_SECRET", "JWT_ISSUER", "JWT_AUDIENCE", "TENANT_ID",
		"JWT_JWKS_URL", "ENV", "TENANT_HEADER_SECRET", "MAX_BODY_BYTES", "MAX_STRING_BYTES", "MAX_PUSH_ITEMS", "QUOTA_ITEMS", "QUOTA_BYTES", "IDEMPOTENCY_HOURS", "HISTORY_DAYS", "AUDIT_DAYS", "IN_BAND_SESSIONS", "LOG_LEVEL", "LOG_FORMAT", "LOG_SUBJECTS",
		"RATE_LIMIT_READS", "RATE_LIMIT_WRITES", "RATE_LIMIT_SESSIONS",
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
		row{"a secret in quotes", "TENANT_HEADER_SECRET", `"0123456789abcdef0123456789abcdef"`, "spaces or quotes around it"},
		row{"a secret that ends in a space", "JWT_HS256_SECRET", "0123456789abcdef0123456789abcdef ", "spaces or quotes around it"},
		row{"a tenant of broken text", "TENANT_ID", "a\xff", "printable"},
		row{"an address without port", "HTTP_ADDR", "localhost", "host:port"},
		row{"another database", "DATABASE_URL", "mysql://db/x", "neither SQLite nor PostgreSQL"},
		row{"a database without path", "DATABASE_URL", "sqlite://", "no path"},
		row{"an audience of blanks", "JWT_AUDIENCE", " , ", "names no audience"},
		row{"no connections", "DATABASE_MAX_CONNECTIONS", "0", "from 1 to 10000"},
		row{"more connections than there can be", "DATABASE_MAX_CONNECTIONS", "10001", "from 1 to 10000"},
		row{"a body limit of zero", "MAX_BODY_BYTES", "0", "at least 1"},
		row{"a negative body limit", "MAX_BODY_BYTES", "-1", "at least 1"},
		row{"a body limit in words", "MAX_BODY_BYTES", "4MB", "whole number"},
		row{"a quota of zero", "QUOTA_ITEMS", "0", "neither off nor a whole number"},
		row{"a quota with a unit", "QUOTA_BYTES", "256MiB", "neither off nor a whole number"},
		row{"keys kept for no time", "IDEMPOTENCY_HOURS", "0", "from 1 to 8784"},
		row{"keys kept for longer than a clock counts", "IDEMPOTENCY_HOURS", "9999999999", "from 1 to 8784"},
		row{"contents kept for no time", "HISTORY_DAYS", "0", "from 1 to 36500"},
		row{"lines kept for longer than there is a calendar", "AUDIT_DAYS", "36501", "from 1 to 36500"},
		row{"a string limit of zero", "MAX_STRING_BYTES", "0", "at least 1"},
		row{"a push limit of zero", "MAX_PUSH_ITEMS", "0", "at least 1"},
		row{"a switch in another spelling", "IN_BAND_SESSIONS", "open", "neither true nor false"},
		row{"a rate without burst", "RATE_LIMIT_READS", "600", "per-minute:burst"},
		row{"a rate of zero", "RATE_LIMIT_WRITES", "0:1", "per-minute:burst"},
		row{"a burst of zero", "RATE_LIMIT_WRITES", "1:0", "per-minute:burst"},
		row{"three numbers", "RATE_LIMIT_SESSIONS", "1:1:1", "per-minute:burst"},
		row{"a rate beyond all numbers", "RATE_LIMIT_SESSIONS", "99999999999:1", "per-minute:burst"},
		row{"another word for off", "RATE_LIMIT_SESSIONS", "none", "neither off"},
		row{"an unknown log level", "LOG_LEVEL", "loud", "none of"},
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

func TestASettingIsReadAsItWasMeant(t *testing.T) {
	got, err := config.FromEnv(lookup(map[string]string{
		"TENANT_ID": ` "acme" `, "LOG_LEVEL": "WARNING", "IN_BAND_SESSIONS": "'No'", "RATE_LIMIT_READS": "OFF",
		"RATE_LIMIT_WRITES": " 60:5\r", "MAX_PUSH_ITEMS": `"7"`, "DATABASE_URL": `"SQLite:///data/My Data.db"`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		TenantID: "acme", LogLevel: slog.LevelWarn, LimitReads: limit.Rate{}, LimitWrites: limit.Rate{PerMinute: 60, Burst: 5},
		MaxPushItems: 7, Database: config.Database{Path: "/data/My Data.db", MaxConnections: 20},
	}
	if got.TenantID != want.TenantID || got.LogLevel != want.LogLevel || got.InBandSessions || got.LimitReads != want.LimitReads ||
		got.LimitWrites != want.LimitWrites || got.MaxPushItems != want.MaxPushItems || got.Database != want.Database {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestSwitchesAndLevelsAreReadInAnyCase(t *testing.T) {
	for text, want := range map[string]bool{"true": true, "TRUE": true, "Yes": true, "on": true, "1": true, "False": false, "OFF": false, "0": false} {
		got, err := config.FromEnv(lookup(map[string]string{"IN_BAND_SESSIONS": text}))
		if err != nil || got.InBandSessions != want {
			t.Errorf("%s: %v, %v", text, got.InBandSessions, err)
		}
	}
	for text, want := range map[string]slog.Level{"DEBUG": slog.LevelDebug, "Info": slog.LevelInfo, "warn": slog.LevelWarn, "Error": slog.LevelError} {
		got, err := config.FromEnv(lookup(map[string]string{"LOG_LEVEL": text}))
		if err != nil || got.LogLevel != want {
			t.Errorf("%s: %v, %v", text, got.LogLevel, err)
		}
	}
}

func TestADatabasesSchemeIsReadInAnyCase(t *testing.T) {
	got, err := config.FromEnv(lookup(map[string]string{"DATABASE_URL": "Postgres://u:PassWord@Host/Name"}))
	if err != nil || got.Database.URL != "postgres://u:PassWord@Host/Name" {
		t.Errorf("%+v, %v", got.Database, err)
	}
}

func TestARateIsTwoNumbersOrOff(t *testing.T) {
	got, err := config.FromEnv(lookup(map[string]string{"RATE_LIMIT_READS": "600:120", "RATE_LIMIT_WRITES": "off"}))
	if err != nil || got.LimitReads != (limit.Rate{PerMinute: 600, Burst: 120}) || got.LimitWrites != (limit.Rate{}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTokensAreCheckedInOneWholeWay(t *testing.T) {
	const keys = "https://id.example/jwks.json"
	whole := map[string]string{
		"JWT_HS256_SECRET": "unset", "JWT_JWKS_URL": keys, "JWT_ISSUER": "https://id.example/", "JWT_AUDIENCE": "api",
	}
	for _, row := range []struct {
		name    string
		changes map[string]string
		says    string // "" for a start
	}{
		{"a key set with issuer and audience", nil, ""},
		{"a key set on this machine without TLS", map[string]string{"JWT_JWKS_URL": "http://127.0.0.1:9/jwks"}, ""},
		{"a key set on this machine by name", map[string]string{"JWT_JWKS_URL": "http://localhost:9/jwks"}, ""},
		{"both ways", map[string]string{"JWT_HS256_SECRET": complete["JWT_HS256_SECRET"]}, "JWT_HS256_SECRET: set together with JWT_JWKS_URL"},
		{"no issuer", map[string]string{"JWT_ISSUER": "unset"}, "JWT_ISSUER: not set"},
		{"no audience", map[string]string{"JWT_AUDIENCE": "unset"}, "JWT_AUDIENCE: not set"},
		{"no key set", map[string]string{"JWT_JWKS_URL": "unset"}, "JWT_HS256_SECRET: not set"},
		{"a key set elsewhere without TLS", map[string]string{"JWT_JWKS_URL": "http://id.example/jwks"}, "JWT_JWKS_URL: needs https"},
		{"a loopback address as a name", map[string]string{"JWT_JWKS_URL": "http://127.0.0.1.example/jwks"}, "JWT_JWKS_URL: needs https"},
		{"a key set in a file", map[string]string{"JWT_JWKS_URL": "file://localhost/jwks"}, "JWT_JWKS_URL: needs https"},
		{"a key set without host", map[string]string{"JWT_JWKS_URL": "https:///jwks"}, "JWT_JWKS_URL: not a URL"},
		{"a path", map[string]string{"JWT_JWKS_URL": "jwks.json"}, "JWT_JWKS_URL: not a URL"},
		{"a password in the URL", map[string]string{"JWT_JWKS_URL": "https://a:b@id.example/"}, "JWT_JWKS_URL: not a URL"},
		{"development", map[string]string{"ENV": "dev"}, "ENV: dev lets every caller name its user, which JWT_JWKS_URL forbids"},
	} {
		t.Run(row.name, func(t *testing.T) {
			env := maps.Clone(whole)
			maps.Copy(env, row.changes)
			got, err := config.FromEnv(lookup(env))
			switch {
			case row.says == "" && (err != nil || got.JWKSURL != env["JWT_JWKS_URL"]):
				t.Errorf("%+v, %v", got, err)
			case row.says != "" && (err == nil || !strings.HasPrefix(err.Error(), row.says)):
				t.Errorf("err = %v", err)
			}
		})
	}
}

func TestDevelopmentIsOpenedByOneWordAndOnLoopbackOnly(t *testing.T) {
	for _, row := range []struct {
		env, addr string
		open      bool
		starts    bool
	}{
		{"unset", ":8081", false, true},
		{"production", ":8081", false, true},
		{"DEV", ":8081", false, true},
		{"dev ", ":8081", false, true},
		{"development", ":8081", false, true},
		{"dev", "127.0.0.1:8081", true, true},
		{"dev", "127.1.2.3:8081", true, true},
		{"dev", "[::1]:8081", true, true},
		{"dev", "localhost:8081", true, true},
		{"dev", ":8081", false, false},
		{"dev", "0.0.0.0:8081", false, false},
		{"dev", "[::]:8081", false, false},
		{"dev", "192.168.0.7:8081", false, false},
		{"dev", "api.example:8081", false, false},
	} {
		t.Run(row.env+" at "+row.addr, func(t *testing.T) {
			got, err := config.FromEnv(lookup(map[string]string{"ENV": row.env, "HTTP_ADDR": row.addr}))
			if got.Development != row.open || (err == nil) != row.starts {
				t.Errorf("open %v, err = %v", got.Development, err)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "ENV: ") {
				t.Errorf("err = %v", err)
			}
		})
	}
}

func TestDevelopmentNeedsItsDatabaseOnThisMachine(t *testing.T) {
	for _, row := range []struct {
		url, pghost string // of the process's environment
		starts      bool
	}{
		{"sqlite://toolbridge.db", "", true},
		{"sqlite:///data/toolbridge.db", "db.example", true},
		{"postgres://u:word@127.0.0.1:5432/x", "", true},
		{"postgres://u:word@[::1]/x", "", true},
		{"postgresql://u:word@localhost/x?sslmode=prefer", "", true},
		{"postgres://u@/x?host=/run/postgresql", "", true},
		{"postgres:///x?host=/run/postgresql,127.0.0.1", "", true},
		{"postgres:///x", "/run/postgresql", true},
		{"postgres://127.0.0.1/x", "db.example", true},
		{"postgres://u:word@db.example/x", "", false},
		{"postgres://u:word@10.0.0.7/x", "", false},
		{"postgres://u:word@0.0.0.0/x", "", false},
		{"postgres://u:word@localhost.example/x", "", false},
		{"postgres://u:word@127.0.0.1,db.example/x", "", false},
		{"postgres://u:word@db.example,127.0.0.1/x", "", false},
		{"postgres://u:word@127.0.0.1/x?host=db.example", "", false},
		{"postgres:///x?host=/run/postgresql,db.example", "", false},
		{"postgres:///x", "db.example", false},
		{"postgres:///x?service=nobody&servicefile=/dev/null", "", false},
		{"postgres://u:word@127.0.0.1:port/x", "", false},
	} {
		t.Run(row.url+" with "+row.pghost, func(t *testing.T) {
			t.Setenv("PGHOST", row.pghost)
			_, err := config.FromEnv(lookup(map[string]string{"ENV": "dev", "DATABASE_URL": row.url}))
			if (err == nil) != row.starts {
				t.Errorf("err = %v", err)
			}
			if err != nil && (!strings.HasPrefix(err.Error(), "ENV: dev") || !strings.Contains(err.Error(), "DATABASE_URL") || strings.Contains(err.Error(), "word")) {
				t.Errorf("err = %v", err)
			}
			if _, err := config.FromEnv(lookup(map[string]string{"DATABASE_URL": row.url})); err != nil {
				t.Errorf("without development: %v", err)
			}
		})
	}
}

func TestDevelopmentIsNoDeployment(t *testing.T) {
	for _, name := range []string{"FLY_APP_NAME", "FLY_MACHINE_ID"} {
		for _, value := range []string{"toolbridge-acme", ""} {
			_, err := config.FromEnv(lookup(map[string]string{"ENV": "dev", name: value}))
			if err == nil || !strings.HasPrefix(err.Error(), "ENV: dev") || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%q: %v", name, value, err)
			}
			if _, err := config.FromEnv(lookup(map[string]string{name: value})); err != nil {
				t.Errorf("without development: %v", err)
			}
		}
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

func TestARefusedDatabaseIsNotQuoted(t *testing.T) {
	_, err := config.FromEnv(lookup(map[string]string{"DATABASE_URL": "postgre://user:pass-word@db/x"}))
	if err == nil || strings.Contains(err.Error(), "pass-word") {
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
