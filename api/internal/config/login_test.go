package config_test

import (
	"strings"
	"testing"

	"toolbridge/api/internal/config"
)

func TestAnOwnLoginIsChosenByOneWordAndRefusesWhatContradictsIt(t *testing.T) {
	for _, row := range []struct {
		name    string
		changes map[string]string
		says    string
	}{
		{"alone", map[string]string{"LOGIN": "embedded", "JWT_HS256_SECRET": "unset"}, ""},
		{"with secrets for tokens", map[string]string{"LOGIN": "embedded"}, ""},
		{"by the gateway's setting", map[string]string{"TOOLBRIDGE_LOGIN": "embedded", "JWT_HS256_SECRET": "unset"}, ""},
		{"with version 2", map[string]string{"LOGIN": "embedded", "TENANT_SIGNATURES": "v2"}, ""},
		{"without signatures of calls", map[string]string{"LOGIN": "embedded", "TENANT_SIGNATURES": "off"}, ""},
		{"with a short secret", map[string]string{"LOGIN": "embedded", "JWT_HS256_SECRET": "short"}, "JWT_HS256_SECRET: needs at least 32 bytes"},
		{"with a key set", map[string]string{"LOGIN": "embedded", "JWT_HS256_SECRET": "unset", "JWT_JWKS_URL": "https://id.example/jwks"}, "JWT_JWKS_URL: set together with LOGIN=embedded"},
		{"without version 2", map[string]string{"LOGIN": "embedded", "TENANT_SIGNATURES": "v1"}, "TENANT_SIGNATURES: has no v2"},
		{"another word", map[string]string{"LOGIN": "yes"}, `LOGIN: "yes" is none of provider, proxy, embedded`},
		{"empty", map[string]string{"LOGIN": ""}, "LOGIN: set but empty"},
		{"a provider without a secret", map[string]string{"LOGIN": "provider", "JWT_HS256_SECRET": "unset"}, "JWT_HS256_SECRET: not set"},
		{"a proxy without a secret", map[string]string{"LOGIN": "proxy", "JWT_HS256_SECRET": "unset"}, "JWT_HS256_SECRET: not set"},
		{"an own word before the gateway's", map[string]string{"LOGIN": "provider", "TOOLBRIDGE_LOGIN": "embedded", "JWT_HS256_SECRET": "unset"}, "JWT_HS256_SECRET: not set"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := config.FromEnv(lookup(row.changes))
			switch {
			case row.says == "" && (err != nil || !got.Embedded):
				t.Errorf("%+v, %v", got, err)
			case row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)):
				t.Errorf("says %v, want %q", err, row.says)
			}
		})
	}
}
