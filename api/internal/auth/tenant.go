package auth

import (
	"crypto/hmac"
	"encoding/hex"
	"net/http"
	"strconv"
	"sync"
	"time"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/mac"
)

// The headers by which a gateway proves its tenant.
const (
	HeaderTenant    = "X-Tb-Tenant-Id"
	HeaderTimestamp = "X-Tb-Timestamp"
	HeaderSignature = "X-Tb-Signature"
)

// maxSkew is the greatest difference between a signature's time and ours.
const maxSkew = 300 * time.Second

// TenantGate lets through only requests that are signed for its tenant.
type TenantGate struct {
	ID     string
	Secret string
	Now    func() time.Time

	prepared sync.Once
	key      *mac.Key // the secret; set by signature
}

// Sign returns the signature of a tenant id at a timestamp (Unix milliseconds,
// exactly as sent): lower-case hex of HMAC-SHA-256 over "<tenant>:<timestamp>".
func Sign(secret, tenant, timestamp string) string {
	return sign(mac.New([]byte(secret)), tenant, timestamp)
}

func sign(key *mac.Key, tenant, timestamp string) string {
	sum := key.Sum([]byte(tenant + ":" + timestamp))
	return hex.EncodeToString(sum[:])
}

// signature is the one that a tenant id at a timestamp has under the gate's secret.
func (g *TenantGate) signature(tenant, timestamp string) string {
	g.prepared.Do(func() { g.key = mac.New([]byte(g.Secret)) })
	return sign(g.key, tenant, timestamp)
}

// Check refuses a request whose tenant headers do not prove this tenant. The
// refusal never says why.
func (g *TenantGate) Check(r *http.Request) error {
	tenant, one := single(r.Header, HeaderTenant)
	timestamp, two := single(r.Header, HeaderTimestamp)
	signature, three := single(r.Header, HeaderSignature)
	if !one || !two || !three {
		return refused()
	}
	signed := hmac.Equal([]byte(signature), []byte(g.signature(tenant, timestamp)))
	if !signed || !g.fresh(timestamp) || tenant != g.ID {
		return refused()
	}
	return nil
}

func (g *TenantGate) fresh(timestamp string) bool {
	sent, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return false
	}
	now, skew := g.Now().UnixMilli(), maxSkew.Milliseconds()
	return sent >= now-skew && sent <= now+skew // no difference that could overflow
}

func single(header http.Header, name string) (string, bool) {
	values := header[name]
	if len(values) != 1 || values[0] == "" {
		return "", false
	}
	return values[0], true
}

func refused() error {
	return fault.New(fault.InvalidTenant, "Unauthorized: invalid tenant headers")
}
