// Package config reads the process's settings from its environment.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"

	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/limit"
)

// Config is every setting of the process. The zero value is not usable.
type Config struct {
	HTTPAddr       string
	Database       Database
	Development    bool
	Platform       string         // in development mode: the variable that marks a deployment, if any
	Embedded       bool           // whether accounts and the keys of tokens are in the store
	TokenKeys      keyring.Source // of the users' tokens
	JWKSURL        string         // instead of TokenKeys
	JWTIssuer      string
	JWTAudience    string
	TenantID       string
	TenantKeys     keyring.Source // of the gateway's signatures
	Signatures     Signatures
	Rights         Rights
	MaxBodyBytes   int64
	MaxStringBytes int64
	MaxPushItems   int64
	QuotaItems     int64 // of one user; 0: no limit
	QuotaBytes     int64
	KeepHours      int64 // of answers to writes with an idempotency key
	HistoryDays    int64 // that the journal keeps payloads
	AuditDays      int64 // that the journal keeps lines
	InBandSessions bool
	LimitReads     limit.Rate
	LimitWrites    limit.Rate
	LimitSessions  limit.Rate
	LogLevel       slog.Level
	LogText        bool // lines for people instead of JSON
	HashSubjects   bool // in log lines
	Traces         Traces
}

// Signatures says which versions of the gateway's signature are accepted. Off: requests of
// users need none.
type Signatures struct{ V1, V2, Off bool }

// Rights says what a token must have to read and write.
type Rights struct {
	Read, Write   string // scopes
	RequireScopes bool   // whether a token without any scope may do nothing
	ReadOnly      bool   // whether nobody may write
	TenantClaim   string // that must name the tenant; empty: not checked
}

// Traces says whether spans are sent, and where to. The exporter itself reads the rest of
// the variables of OpenTelemetry.
type Traces struct {
	Exporter string // otlp or console; empty: none are sent
	Named    bool   // whether a variable names the collector
}

// Database says where the data is: in the SQLite file at Path, or on the PostgreSQL
// server at URL, which may contain a password. Exactly one of them is set.
type Database struct {
	Path           string
	URL            string
	MaxConnections int // to PostgreSQL
}

// Validate names every variable with whose value the process must not start.
func (c Config) Validate() error {
	return errors.Join(
		checkAddr(c.HTTPAddr),
		c.checkTokens(),
		checkAudience(c.JWTAudience),
		c.checkDevelopment(),
		checkTenantID(c.TenantID),
		checkKeys("TENANT_HEADER", c.TenantKeys),
		checkScopes(c.Rights),
		checkAtLeastOne("MAX_BODY_BYTES", c.MaxBodyBytes),
		checkAtLeastOne("MAX_STRING_BYTES", c.MaxStringBytes),
		checkAtLeastOne("MAX_PUSH_ITEMS", c.MaxPushItems),
		checkConnections(c.Database.MaxConnections),
		checkKeepHours(c.KeepHours),
		checkDays("HISTORY_DAYS", c.HistoryDays),
		checkDays("AUDIT_DAYS", c.AuditDays),
	)
}

func checkAddr(addr string) error {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("HTTP_ADDR: %q is not host:port; use for example 127.0.0.1:8081", addr)
	}
	return nil
}

// checkTokens demands all settings of exactly one way to check tokens. Beside the embedded
// one, secrets are another way: by the algorithm of a token it is known which one is meant.
func (c Config) checkTokens() error {
	switch {
	case c.Embedded:
		return c.checkEmbedded()
	case c.JWKSURL == "" && c.TokenKeys == keyring.Source{}:
		return fmt.Errorf("JWT_HS256_SECRET: not set; needs at least %d bytes, or set JWT_JWKS_URL to the key set of your identity provider", keyring.MinSecretBytes)
	case c.JWKSURL == "":
		return checkKeys("JWT_HS256", c.TokenKeys)
	case c.TokenKeys != keyring.Source{}:
		return fmt.Errorf("%s: set together with JWT_JWKS_URL; unset one of them, as tokens are checked in one way only", sourcesOf("JWT_HS256", c.TokenKeys)[0])
	}
	return errors.Join(
		checkKeySetURL(c.JWKSURL),
		checkWithKeySet("JWT_ISSUER", c.JWTIssuer),
		checkWithKeySet("JWT_AUDIENCE", c.JWTAudience),
	)
}

// checkEmbedded refuses what would let others than the gateway, or another issuer, sign
// anybody in.
func (c Config) checkEmbedded() error {
	switch {
	case c.JWKSURL != "":
		return errors.New("JWT_JWKS_URL: set together with LOGIN=embedded; unset one of them, as users sign in either at an identity provider or here")
	case !c.Signatures.V2:
		return errors.New("TENANT_SIGNATURES: has no v2, which LOGIN=embedded needs; use v2")
	case c.TokenKeys != keyring.Source{}:
		return checkKeys("JWT_HS256", c.TokenKeys)
	}
	return nil
}

// checkAudience refuses a list without an audience, which would mean no check.
func checkAudience(list string) error {
	if list != "" && strings.Trim(list, ", \t\r\n") == "" {
		return errors.New("JWT_AUDIENCE: names no audience; give it one, or unset it")
	}
	return nil
}

func checkWithKeySet(name, value string) error {
	if value == "" {
		return fmt.Errorf("%s: not set; JWT_JWKS_URL needs it, or tokens meant for others would be accepted", name)
	}
	return nil
}

// checkKeySetURL demands https, except on this machine.
func checkKeySetURL(text string) error {
	parsed, err := url.Parse(text)
	switch {
	case err != nil || parsed.Hostname() == "" || parsed.User != nil:
		return errors.New("JWT_JWKS_URL: not a URL of a key set; use for example https://id.example/.well-known/jwks.json")
	case parsed.Scheme != "https" && (parsed.Scheme != "http" || !loopback(parsed.Hostname())):
		return errors.New("JWT_JWKS_URL: needs https, or whoever sits in between could hand out keys")
	}
	return nil
}

// checkDevelopment refuses the mode in which a request may name its user wherever
// something looks like production.
func (c Config) checkDevelopment() error {
	if !c.Development {
		return nil
	}
	if c.JWKSURL != "" {
		return errors.New("ENV: dev lets every caller name its user, which JWT_JWKS_URL forbids; unset one of them")
	}
	if host, _, err := net.SplitHostPort(c.HTTPAddr); err == nil && !loopback(host) {
		return errors.New("ENV: dev lets every caller name its user, so HTTP_ADDR must be a loopback address such as 127.0.0.1:8081")
	}
	if c.Database.URL != "" && !onThisMachine(c.Database.URL) {
		return errors.New("ENV: dev lets every caller name its user, so the PostgreSQL server of DATABASE_URL must be on this machine")
	}
	if c.Platform != "" {
		return fmt.Errorf("ENV: dev lets every caller name its user, which no deployment may, and %s says that this is one; unset ENV", c.Platform)
	}
	return nil
}

// onThisMachine reports whether every server of a URL is on this machine, reached
// by a loopback address or a socket. The driver itself parses the URL, so lists of
// hosts, options and variables such as PGHOST count, too.
func onThisMachine(postgres string) bool {
	parsed, err := pgconn.ParseConfig(postgres)
	if err != nil {
		return false
	}
	hosts := []string{parsed.Host}
	for _, other := range parsed.Fallbacks {
		hosts = append(hosts, other.Host)
	}
	elsewhere := func(host string) bool {
		network, _ := pgconn.NetworkAddress(host, parsed.Port)
		return network != "unix" && !loopback(host)
	}
	return !slices.ContainsFunc(hosts, elsewhere)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// sourcesOf names the variables that are set, of those that say where the keys of a use are.
func sourcesOf(use string, keys keyring.Source) (names []string) {
	for _, given := range []struct{ name, value string }{{"_SECRET", keys.Secret}, {"_KEYS", keys.List}, {"_KEYS_FILE", keys.File}} {
		if given.value != "" {
			names = append(names, use+given.name)
		}
	}
	return names
}

// checkKeys demands one source. A file is read when the program opens it.
func checkKeys(use string, keys keyring.Source) error {
	given := sourcesOf(use, keys)
	switch {
	case len(given) > 1:
		return fmt.Errorf("%s: set together with %s; unset one of them", given[0], given[1])
	case keys.File != "" && !filepath.IsAbs(keys.File):
		return fmt.Errorf("%s: must be a whole path that begins with /, as both programs read it from folders of their own", given[0])
	case keys.File != "":
		return nil
	case keys.List != "":
		if _, err := keyring.Parse(keys.List); err != nil {
			return fmt.Errorf("%s: %w", given[0], err)
		}
		return nil
	case len(keys.Secret) < keyring.MinSecretBytes:
		return fmt.Errorf("%s_SECRET: needs at least %d bytes, has %d; generate one with `openssl rand -hex 32`",
			use, keyring.MinSecretBytes, len(keys.Secret))
	}
	return nil
}

// checkScopes demands two scope-tokens of RFC 6749, section 3.3.
func checkScopes(rights Rights) error {
	forbidden := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
	for name, scope := range map[string]string{"SCOPE_READ": rights.Read, "SCOPE_WRITE": rights.Write} {
		if len(scope) > 255 || strings.ContainsFunc(scope, forbidden) {
			return fmt.Errorf("%s: must be one word of visible ASCII without quotes or backslash", name)
		}
	}
	if rights.Read == rights.Write {
		return errors.New("SCOPE_WRITE: must differ from SCOPE_READ")
	}
	return nil
}

func checkTenantID(id string) error {
	switch {
	case id == "":
		return errors.New("TENANT_ID: not set; set it to the id of the one tenant this process serves")
	case strings.Contains(id, ":"):
		return errors.New("TENANT_ID: must not contain ':', which separates it from the time in a signature")
	case !printable(id):
		return errors.New("TENANT_ID: must be printable text without spaces at its ends, as it travels in a header")
	}
	return nil
}

func printable(s string) bool {
	if !utf8.ValidString(s) || strings.TrimSpace(s) != s {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// checkKeepHours bounds the time, so that adding it to the clock cannot overflow.
func checkKeepHours(hours int64) error {
	const year = 366 * 24
	if hours < 1 || hours > year {
		return fmt.Errorf("IDEMPOTENCY_HOURS: must be a whole number from 1 to %d", year)
	}
	return nil
}

// checkDays bounds a number of days, so that it can be taken off the clock.
func checkDays(name string, days int64) error {
	const most = 36_500
	if days < 1 || days > most {
		return fmt.Errorf("%s: must be a whole number from 1 to %d", name, most)
	}
	return nil
}

func checkAtLeastOne(name string, limit int64) error {
	if limit < 1 {
		return fmt.Errorf("%s: must be a whole number of at least 1", name)
	}
	return nil
}

func checkConnections(most int) error {
	if most < 1 || most > 10_000 {
		return errors.New("DATABASE_MAX_CONNECTIONS: must be a whole number from 1 to 10000")
	}
	return nil
}
