package httpapi_test

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/keyring"
)

func TestOnlyAGoodTokenIsAccepted(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	now := u.clock.Now()
	hour := now.Add(time.Hour).Unix()
	good := jwt.MapClaims{"sub": "alice", "exp": hour}
	with := func(name string, value any) string {
		claims := jwt.MapClaims{"sub": "alice", "exp": hour, name: value}
		if value == nil {
			delete(claims, name)
		}
		return "Bearer " + token(claims)
	}
	broken := strings.Split(token(good), ".")
	forged := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"bob","exp":9999999999}`))
	invalidText := rawToken(`{"sub":"a` + "\xff" + `","exp":9999999999}`)
	for _, row := range []struct {
		name, authorization string
		status              int
	}{
		{"a token of HS256", "Bearer " + token(good), 200},
		{"no header", "", 401},
		{"another scheme", "Basic YTpi", 401},
		{"the scheme in lower case", "bearer " + token(good), 401},
		{"the scheme alone", "Bearer", 401},
		{"garbage", "Bearer x.y.z", 401},
		{"two spaces", "Bearer  " + token(good), 401},
		{"a wrong signature", "Bearer " + signedToken(jwt.SigningMethodHS256, good, []byte("another secret")), 401},
		{"changed claims", "Bearer " + broken[0] + "." + forged + "." + broken[2], 401},
		{"no signature", "Bearer " + broken[0] + "." + broken[1] + ".", 401},
		{"alg none", "Bearer " + signedToken(jwt.SigningMethodNone, good, jwt.UnsafeAllowNoneSignatureType), 401},
		{"HS384 with our secret", "Bearer " + signedToken(jwt.SigningMethodHS384, good, []byte(tokenSecret)), 401},
		{"HS512 with our secret", "Bearer " + signedToken(jwt.SigningMethodHS512, good, []byte(tokenSecret)), 401},
		{"no exp", with("exp", nil), 401},
		{"exp one second ago", with("exp", now.Add(-time.Second).Unix()), 401},
		{"exp a moment ahead", with("exp", now.Add(time.Second).Unix()), 200},
		{"exp that is text", with("exp", "tomorrow"), 401},
		{"exp beyond all time", with("exp", 1e300), 401},
		{"nbf in the past", with("nbf", now.Add(-time.Second).Unix()), 200},
		{"nbf in the future", with("nbf", now.Add(2*time.Second).Unix()), 401},
		{"iat in the future", with("iat", hour), 200},
		{"any iss and aud, as none is configured", with("iss", "anybody"), 200},
		{"no sub", with("sub", nil), 401},
		{"an empty sub", with("sub", ""), 401},
		{"a sub that is a number", with("sub", 7), 401},
		{"a sub under another spelling of the name", "Bearer " + token(jwt.MapClaims{"SUB": "alice", "exp": hour}), 401},
		{"a sub with U+0000", with("sub", "a\x00b"), 401},
		{"a sub of invalid UTF-8", "Bearer " + invalidText, 401},
		{"a sub of 255 bytes", with("sub", strings.Repeat("x", 255)), 200},
		{"a sub of 256 bytes", with("sub", strings.Repeat("x", 256)), 401},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := u.within(t)
			for _, version := range []string{auth.V1, auth.V2} {
				got := u.signing(version).call("GET", "/v1/notes", "", set("Authorization", row.authorization))
				if row.status == 200 {
					got.is(200)
					continue
				}
				got.fails(401, "unauthorized").says("unauthorized")
				if got.header.Get("WWW-Authenticate") != "Bearer" {
					t.Errorf("WWW-Authenticate is %q", got.header.Get("WWW-Authenticate"))
				}
			}
		})
	}
}

func TestTwoTokensAreNone(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	good := u.headers().Get("Authorization")
	bob := u.user("bob").headers().Get("Authorization")
	for _, both := range [][]string{{good, good}, {good, bob}, {good, ""}, {"", good}} {
		u.call("GET", "/v1/notes", "", header{"Authorization": both}).fails(401, "unauthorized")
	}
}

// rawToken signs claims that a JSON encoder would not write.
func rawToken(claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode([]byte(claims))
	signature, err := jwt.SigningMethodHS256.Sign(text, []byte(tokenSecret))
	if err != nil {
		panic(err)
	}
	return text + "." + encode(signature)
}

func TestIssuerAndAudienceAreDemandedOnceConfigured(t *testing.T) {
	t.Parallel()
	u := start(t, func(api *httpapi.API) {
		api.Tokens = auth.NewTokens(keyring.OfSecret(tokenSecret), auth.Demands{Issuer: "https://id.example/", Audience: "https://api.example https://mcp.example", Scopes: scopes}, api.Now)
	}).user("alice")
	exp := u.clock.Now().Add(time.Hour).Unix()
	for _, row := range []struct {
		name     string
		iss, aud any
		status   int
	}{
		{"both right", "https://id.example/", "https://api.example", 200},
		{"one of several audiences", "https://id.example/", []string{"x", "https://api.example"}, 200},
		{"another issuer", "https://id.example", "https://api.example", 401},
		{"the other audience asked for", "https://id.example/", "https://mcp.example", 200},
		{"another audience", "https://id.example/", "https://other.example", 401},
		{"no issuer", nil, "https://api.example", 401},
		{"no audience", "https://id.example/", nil, 401},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := u.within(t)
			claims := jwt.MapClaims{"sub": "alice", "exp": exp, "iss": row.iss, "aud": row.aud}
			for _, name := range []string{"iss", "aud"} {
				if claims[name] == nil {
					delete(claims, name)
				}
			}
			if got := u.call("GET", "/v1/notes", "", set("Authorization", "Bearer "+token(claims))); got.status != row.status {
				t.Errorf("status %d: %s", got.status, got.body)
			}
		})
	}
}

func TestOnlyThisTenantsFreshSignatureIsAccepted(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice").signing(auth.V1)
	now := u.clock.Now().UnixMilli()
	signed := func(tenant string, ms int64) header {
		timestamp := strconv.FormatInt(ms, 10)
		return signedAs(tenant, timestamp, auth.Sign(tenantSecret, tenant, timestamp))
	}
	stamp := strconv.FormatInt(now, 10)
	good := auth.Sign(tenantSecret, tenantID, stamp)
	seconds, plus := strconv.FormatInt(now/1000, 10), "+"+stamp
	for _, row := range []struct {
		name   string
		change header
		status int
		told   any // why, if the signature is right
	}{
		{"signed now", signed(tenantID, now), 200, nil},
		{"signed 300 s ago", signed(tenantID, now-300_000), 200, nil},
		{"signed 300.001 s ago", signed(tenantID, now-300_001), 401, "clock"},
		{"signed 301 s ago", signed(tenantID, now-301_000), 401, "clock"},
		{"signed 300 s ahead", signed(tenantID, now+300_000), 200, nil},
		{"signed 301 s ahead", signed(tenantID, now+301_000), 401, "clock"},
		{"signed at the beginning of time", signed(tenantID, -1<<63), 401, "clock"},
		{"signed at the end of time", signed(tenantID, 1<<63-1), 401, "clock"},
		{"a timestamp with a leading plus", signedAs(tenantID, plus, auth.Sign(tenantSecret, tenantID, plus)), 200, nil},
		{"a timestamp in seconds", signedAs(tenantID, seconds, auth.Sign(tenantSecret, tenantID, seconds)), 401, "clock"},
		{"a timestamp that is no number", signedAs(tenantID, "now", auth.Sign(tenantSecret, tenantID, "now")), 401, nil},
		{"a timestamp with a leading zero", signedAs(tenantID, "0"+stamp, auth.Sign(tenantSecret, tenantID, "0"+stamp)), 401, "downgrade"},
		{"another tenant, rightly signed", signed("zeta", now), 401, nil},
		{"another tenant under our signature", signedAs("zeta", stamp, good), 401, nil},
		{"another secret", signedAs(tenantID, stamp, auth.Sign("another", tenantID, stamp)), 401, nil},
		{"upper-case hex", signedAs(tenantID, stamp, strings.ToUpper(good)), 401, nil},
		{"a short signature", signedAs(tenantID, stamp, good[:32]), 401, nil},
		{"no tenant", unset("X-TB-Tenant-ID"), 401, nil},
		{"no timestamp", unset("X-TB-Timestamp"), 401, nil},
		{"no signature", unset("X-TB-Signature"), 401, nil},
		{"an empty tenant", set("X-TB-Tenant-ID", ""), 401, nil},
		{"two tenants", header{"X-TB-Tenant-ID": {tenantID, tenantID}}, 401, nil},
		{"two timestamps", header{"X-TB-Timestamp": {stamp, stamp}}, 401, nil},
		{"two signatures", header{"X-TB-Signature": {good, good}}, 401, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := u.within(t)
			for _, path := range []string{"/v1/notes", "/v1/sync/state", "/v1/sync/sessions/" + someUID} {
				got := u.call("GET", path, "", row.change)
				if row.status == 200 && got.status == 401 {
					t.Errorf("%s: refused: %s", path, got.body)
				}
				if row.status == 401 {
					got.fails(401, "invalid_tenant").says("Unauthorized: invalid tenant headers")
					if got.detail("reason") != row.told || got.header.Get("WWW-Authenticate") != "" {
						t.Errorf("%s: the answer tells %s", path, got.body)
					}
				}
			}
		})
	}
}

func signedAs(tenant, timestamp, signature string) header {
	return header{"X-TB-Tenant-ID": {tenant}, "X-TB-Timestamp": {timestamp}, "X-TB-Signature": {signature}}
}

func TestTheSameSignatureIsGoodForSeveralRequests(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	h := u.headers()
	for range 2 {
		u.send("GET", "/v1/notes", "", h).is(http.StatusOK)
		u.send("POST", "/v1/tasks", "{}", h).is(http.StatusCreated)
	}
}
