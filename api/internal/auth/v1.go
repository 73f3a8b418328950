package auth

import (
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"toolbridge/api/internal/mac"
)

// The headers of version 1, beside that of the tenant.
const (
	HeaderTimestamp = "X-Tb-Timestamp"
	HeaderSignature = "X-Tb-Signature"
)

// windowV1 is the greatest difference between a signature's time and ours.
const windowV1 = 300 * time.Second

// Sign returns the signature of a tenant id at a timestamp (Unix milliseconds,
// exactly as sent): lower-case hex of HMAC-SHA-256 over "<tenant>:<timestamp>".
func Sign(secret, tenant, timestamp string) string {
	signature := signV1(mac.New([]byte(secret)), tenant, timestamp)
	return string(signature[:])
}

func signV1(key *mac.Key, tenant, timestamp string) (signature [64]byte) {
	sum := key.Sum([]byte(tenant + ":" + timestamp))
	hex.Encode(signature[:], sum[:])
	return signature
}

// checkV1 refuses what version 1 can: another tenant, another secret, another time. A gateway
// that can sign in version 2 writes a zero before the time of version 1. Then somebody in
// between has hidden from it what this API takes.
func (g *Gate) checkV1(header http.Header) error {
	tenant, one := single(header, HeaderTenant)
	timestamp, two := single(header, HeaderTimestamp)
	signature, three := single(header, HeaderSignature)
	if !two && !three {
		return conceal(ReasonAbsent)
	}
	if !one || !two || !three {
		return conceal(ReasonForm)
	}
	if !g.signedV1(tenant, timestamp, signature) {
		return conceal(ReasonMAC)
	}
	if tenant != g.ID {
		return conceal(ReasonTenant)
	}
	if err := g.checkTimeV1(timestamp); err != nil {
		return err
	}
	if timestamp[0] == '0' && len(timestamp) > 1 { // now, as a recording of earlier must write no error into the log
		return refuse(Refusal{Reason: ReasonDowngrade}, nil)
	}
	return g.checkVersion(V1)
}

func (g *Gate) checkTimeV1(timestamp string) error {
	sent, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return conceal(ReasonForm)
	}
	now, window := g.Now().UnixMilli(), windowV1.Milliseconds()
	if sent < now-window || sent > now+window { // no difference that could overflow
		return refuseClock(sent/1000 - now/1000)
	}
	return nil
}

// signedV1 reports whether any key made the signature. It takes as long whichever did.
func (g *Gate) signedV1(tenant, timestamp, signature string) bool {
	found := 0
	for _, key := range *g.Keys.Keys() {
		right := signV1(key.MAC, tenant, timestamp)
		found |= subtle.ConstantTimeCompare([]byte(signature), right[:])
	}
	return found == 1
}

func single(header http.Header, name string) (string, bool) {
	values := header[name]
	if len(values) != 1 || values[0] == "" {
		return "", false
	}
	return values[0], true
}
