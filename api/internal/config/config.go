// Package config reads the process's settings from its environment.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MinSecretBytes is the least length of a secret: that of the HMAC-SHA-256 it keys.
const MinSecretBytes = 32

// Config is every setting of the process. The zero value is not usable.
type Config struct {
	HTTPAddr       string
	DatabasePath   string
	JWTSecret      string
	JWTIssuer      string
	JWTAudience    string
	TenantID       string
	TenantSecret   string
	MaxBodyBytes   int64
	InBandSessions bool
	LogLevel       slog.Level
}

// Validate reports every setting the process must not start with, each by the
// name of its variable.
func (c Config) Validate() error {
	return errors.Join(
		checkAddr(c.HTTPAddr),
		checkSecret("JWT_HS256_SECRET", c.JWTSecret),
		checkTenantID(c.TenantID),
		checkSecret("TENANT_HEADER_SECRET", c.TenantSecret),
		checkBodyLimit(c.MaxBodyBytes),
	)
}

func checkAddr(addr string) error {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("HTTP_ADDR: %q is not host:port; use for example 127.0.0.1:8081", addr)
	}
	return nil
}

func checkSecret(name, secret string) error {
	if len(secret) < MinSecretBytes {
		return fmt.Errorf("%s: needs at least %d bytes, has %d; generate one with `openssl rand -hex 32`",
			name, MinSecretBytes, len(secret))
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

func checkBodyLimit(limit int64) error {
	if limit < 1 {
		return errors.New("MAX_BODY_BYTES: must be a whole number of at least 1")
	}
	return nil
}
