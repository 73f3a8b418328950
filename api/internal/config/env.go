package config

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/limit"
)

const (
	sqliteScheme = "sqlite://"
	off          = "off"
)

// Both are PostgreSQL.
var postgresSchemes = []string{"postgres://", "postgresql://"}

// Lookup returns a variable and whether it is set, like os.LookupEnv.
type Lookup func(name string) (value string, set bool)

// FromEnv reads and validates the settings. The error names every variable that
// is wrong, one per line. A variable that is set but empty is wrong, so an empty
// value never loosens a check.
func FromEnv(lookup Lookup) (Config, error) {
	env := reader{lookup: lookup}
	c := Config{
		HTTPAddr:       env.text("HTTP_ADDR"),
		Database:       parsed(&env, "DATABASE_URL", database),
		Development:    env.text("ENV") == "dev", // no other word opens it
		Embedded:       parsed(&env, "LOGIN", embedded),
		TokenKeys:      env.keys("JWT_HS256"),
		JWKSURL:        env.text("JWT_JWKS_URL"),
		JWTIssuer:      env.text("JWT_ISSUER"),
		JWTAudience:    env.text("JWT_AUDIENCE"),
		TenantID:       env.text("TENANT_ID"),
		TenantKeys:     env.keys("TENANT_HEADER"),
		Signatures:     parsed(&env, "TENANT_SIGNATURES", signatures),
		Rights:         env.rights(),
		MaxBodyBytes:   parsed(&env, "MAX_BODY_BYTES", wholeNumber),
		MaxStringBytes: parsed(&env, "MAX_STRING_BYTES", wholeNumber),
		MaxPushItems:   parsed(&env, "MAX_PUSH_ITEMS", wholeNumber),
		QuotaItems:     parsed(&env, "QUOTA_ITEMS", numberOrOff),
		QuotaBytes:     parsed(&env, "QUOTA_BYTES", numberOrOff),
		KeepHours:      parsed(&env, "IDEMPOTENCY_HOURS", wholeNumber),
		HistoryDays:    parsed(&env, "HISTORY_DAYS", wholeNumber),
		AuditDays:      parsed(&env, "AUDIT_DAYS", wholeNumber),
		InBandSessions: parsed(&env, "IN_BAND_SESSIONS", trueOrFalse),
		LimitReads:     parsed(&env, "RATE_LIMIT_READS", rateOrOff),
		LimitWrites:    parsed(&env, "RATE_LIMIT_WRITES", rateOrOff),
		LimitSessions:  parsed(&env, "RATE_LIMIT_SESSIONS", rateOrOff),
		LogLevel:       parsed(&env, "LOG_LEVEL", logLevel),
		LogText:        parsed(&env, "LOG_FORMAT", oneOf("text", "json")),
		HashSubjects:   parsed(&env, "LOG_SUBJECTS", oneOf("hashed", "plain")),
		Traces:         traces(&env),
	}
	if c.Development {
		c.Platform = platform(lookup)
	}
	if c.JWKSURL != "" && !env.given("REQUIRE_SCOPES") {
		c.Rights.RequireScopes = true
	}
	c.Database.MaxConnections = int(parsed(&env, "DATABASE_MAX_CONNECTIONS", wholeNumber))
	if len(env.problems) > 0 {
		return Config{}, errors.Join(env.problems...)
	}
	if err := c.Validate(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// platform names the variable, of any value, by which a platform marks a
// deployment.
func platform(lookup Lookup) string {
	for _, name := range []string{"FLY_APP_NAME", "FLY_MACHINE_ID"} {
		if _, set := lookup(name); set {
			return name
		}
	}
	return ""
}

// Addr reads only HTTP_ADDR, for a command that needs no secrets.
func Addr(lookup Lookup) (string, error) {
	env := reader{lookup: lookup}
	addr := env.text("HTTP_ADDR")
	if len(env.problems) > 0 {
		return "", env.problems[0]
	}
	return addr, checkAddr(addr)
}

// keys reads the three variables that may say where the keys of a use are.
func (r *reader) keys(use string) keyring.Source {
	return keyring.Source{Secret: r.text(use + "_SECRET"), List: r.text(use + "_KEYS"), File: r.text(use + "_KEYS_FILE")}
}

func (r *reader) rights() Rights {
	return Rights{
		Read:          r.text("SCOPE_READ"),
		Write:         r.text("SCOPE_WRITE"),
		RequireScopes: parsed(r, "REQUIRE_SCOPES", trueOrFalse),
		ReadOnly:      parsed(r, "READ_ONLY", trueOrFalse),
		TenantClaim:   r.text("TENANT_CLAIM"),
	}
}

// gatewaysOwn are the variables that the gateway has always read with its prefix. The API
// takes them from there if nothing else is said.
var gatewaysOwn = []string{"LOGIN", "SCOPE_READ", "SCOPE_WRITE", "REQUIRE_SCOPES", "READ_ONLY", "TENANT_CLAIM"}

// find is lookup, also under the gateway's prefix.
func (r *reader) find(name string) (value string, set bool) {
	value, set = r.lookup(name)
	if !set && slices.Contains(gatewaysOwn, name) {
		return r.lookup("TOOLBRIDGE_" + name)
	}
	return value, set
}

func (r *reader) given(name string) bool {
	_, set := r.find(name)
	return set
}

// reader collects problems, so that one start shows all of them.
type reader struct {
	lookup   Lookup
	problems []error
}

// text returns the value of a variable, or its default.
func (r *reader) text(name string) string {
	value, set := r.find(name)
	if !set {
		return fallback(name)
	}
	bare := Unquoted(value)
	switch {
	case name == "ENV": // dev must be the one word exactly
	case strings.HasSuffix(name, "SECRET"):
		if bare != value {
			r.problems = append(r.problems, fmt.Errorf("%s: has spaces or quotes around it, which docker --env-file keeps; remove them", name))
		}
	default:
		value = bare
	}
	if value == "" {
		r.problems = append(r.problems, fmt.Errorf("%s: set but empty; give it a value or unset it", name))
	}
	return value
}

// Unquoted is a value without spaces and quotes around it, which docker --env-file
// leaves there.
func Unquoted(value string) string {
	value = strings.TrimSpace(value)
	last := len(value) - 1
	if last > 0 && value[0] == value[last] && strings.Contains(`"'`, value[:1]) {
		return strings.TrimSpace(value[1:last])
	}
	return value
}

func parsed[T any](r *reader, name string, parse func(string) (T, error)) T {
	text := r.text(name)
	value, err := parse(text)
	if err != nil && text != "" {
		r.problems = append(r.problems, fmt.Errorf("%s: %w", name, err))
	}
	return value
}

// database takes the path of a file literally, without decoding it. An error never
// quotes the URL of a server, which may contain a password.
func database(text string) (Database, error) {
	if scheme, rest, found := strings.Cut(text, "://"); found {
		text = strings.ToLower(scheme) + "://" + rest // of any case (RFC 3986, section 3.1)
	}
	for _, scheme := range postgresSchemes {
		if strings.HasPrefix(text, scheme) {
			return Database{URL: text}, nil
		}
	}
	path, found := strings.CutPrefix(text, sqliteScheme)
	if !found {
		return Database{}, errors.New("is neither SQLite nor PostgreSQL; " +
			"use sqlite:// followed by the path of the file, or postgres://user:password@host:port/name")
	}
	if path == "" {
		return Database{}, errors.New("has no path; use sqlite:// followed by the path of the file")
	}
	return Database{Path: path}, nil
}

func wholeNumber(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a whole number", text)
	}
	return n, nil
}

// numberOrOff reads a whole number from 1, or 0 for off.
func numberOrOff(text string) (int64, error) {
	if strings.EqualFold(text, off) {
		return 0, nil
	}
	n, err := wholeNumber(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is neither off nor a whole number of at least 1", text)
	}
	return n, nil
}

func trueOrFalse(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "yes", "on", "1", "t", "y":
		return true, nil
	case "false", "no", "off", "0", "f", "n":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", text)
}

// oneOf reads which of two words it is: true for the first.
func oneOf(yes, no string) func(string) (bool, error) {
	return func(text string) (bool, error) {
		switch strings.ToLower(text) {
		case yes:
			return true, nil
		case no:
			return false, nil
		}
		return false, fmt.Errorf("%q is neither %s nor %s", text, no, yes)
	}
}

// signatures reads the versions of the gateway's signature that are accepted, or off.
func signatures(text string) (found Signatures, err error) {
	if strings.EqualFold(text, off) {
		return Signatures{V1: true, V2: true, Off: true}, nil
	}
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r == ' ' || r == ',' }) {
		switch word {
		case "v1":
			found.V1 = true
		case "v2":
			found.V2 = true
		default:
			return Signatures{}, fmt.Errorf("%q is neither v1 nor v2", word)
		}
	}
	if !found.V1 && !found.V2 {
		return Signatures{}, errors.New("names no version; use v2, or v1 v2 while an older gateway is in use")
	}
	return found, nil
}

// embedded reports whether the API itself keeps accounts, and not an identity provider.
func embedded(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "provider", "proxy":
		return false, nil
	case "embedded":
		return true, nil
	}
	return false, fmt.Errorf("%q is none of provider, proxy, embedded", text)
}

// rateOrOff reads "per-minute:burst".
func rateOrOff(text string) (limit.Rate, error) {
	if strings.EqualFold(text, off) {
		return limit.Rate{}, nil
	}
	perMinute, burst, _ := strings.Cut(text, ":")
	one, err := strconv.ParseInt(perMinute, 10, 32)
	two, err2 := strconv.ParseInt(burst, 10, 32)
	if err != nil || err2 != nil || one < 1 || two < 1 {
		return limit.Rate{}, fmt.Errorf("%q is neither off nor a rate; use per-minute:burst, such as 60000:2000", text)
	}
	return limit.Rate{PerMinute: int(one), Burst: int(two)}, nil
}

func logLevel(text string) (slog.Level, error) {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "warning": slog.LevelWarn, "error": slog.LevelError,
	}
	level, known := levels[strings.ToLower(text)]
	if !known {
		return 0, fmt.Errorf("%q is none of debug, info, warn, error", text)
	}
	return level, nil
}
