package auth

import (
	"crypto/sha256"
	"maps"
	"net/http"
	"slices"
	"time"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/keyring"
)

// HeaderTenant names the tenant that a gateway asks for.
const HeaderTenant = "X-Tb-Tenant-Id"

// The versions of the tenant's signature. Version 1 proves the tenant and the time, version 2
// the whole request.
const (
	V1 = "v1"
	V2 = "v2"
)

// Gate lets through only requests that are signed for its tenant, with one of its keys.
type Gate struct {
	ID       string
	Keys     *keyring.Ring
	Versions []string // that are accepted
	Now      func() time.Time
	Elapsed  func() time.Duration // since any moment, on a clock that nobody sets; nil: the system's

	nonces nonces
}

// Proof is what the signature of a request says about its body. That of version 1 says
// nothing.
type Proof struct {
	signed bool
	digest *[sha256.Size]byte // nil: the request has no body
}

// Bound reports whether the signature says anything about the body.
func (p Proof) Bound() bool { return p.signed }

// Body refuses a body that is not the signed one.
func (p Proof) Body(content []byte) error {
	right := !p.signed || p.digest == nil && len(content) == 0 || p.digest != nil && *p.digest == sha256.Sum256(content)
	if right {
		return nil
	}
	return refuse(Refusal{Reason: ReasonDigest}, nil)
}

// Check refuses a request whose headers do not prove this tenant. Every error is a
// fault.Error because of a Refusal. A request that is signed in both versions must be right in
// version 2.
func (g *Gate) Check(r *http.Request) (Proof, error) {
	var found input
	signed, ok := found.find(r.Header)
	switch {
	case !ok:
		return Proof{}, conceal(ReasonForm)
	case signed:
		return g.checkV2(r, &found)
	}
	return Proof{}, g.checkV1(r.Header)
}

// CheckWhole is Check for a request that must be signed in version 2, whatever else the gate
// accepts.
func (g *Gate) CheckWhole(r *http.Request) (Proof, error) {
	var found input
	switch signed, ok := found.find(r.Header); {
	case !ok:
		return Proof{}, conceal(ReasonForm)
	case !signed:
		return Proof{}, conceal(ReasonAbsent)
	}
	return g.checkV2(r, &found)
}

// Process names the memory of nonces: a request must be signed for it.
func (g *Gate) Process() string { return g.nonces.process(g.Now(), g.elapsed()) }

// KeyIDs name the keys with which a gateway may sign. They are not secret.
func (g *Gate) KeyIDs() []string {
	ids := []string{}
	for _, key := range *g.Keys.Keys() {
		ids = append(ids, key.ID)
	}
	return ids
}

func (g *Gate) elapsed() time.Duration {
	if g.Elapsed == nil {
		return time.Since(started)
	}
	return g.Elapsed()
}

var started = time.Now()

// checkVersion refuses a version that the gate knows and does not accept.
func (g *Gate) checkVersion(version string) error {
	if slices.Contains(g.Versions, version) {
		return nil
	}
	return refuse(Refusal{Reason: ReasonVersion}, fault.Facts{"versions": g.Versions})
}

// Reason is why the gate refuses a request.
type Reason string

// The reasons. The first six are not told to the sender, whose signature is not known to be
// right.
const (
	ReasonAbsent    Reason = "absent"    // there is no signature
	ReasonForm      Reason = "form"      // the signature is not of the form that it must have
	ReasonUncovered Reason = "uncovered" // it does not cover all that it must
	ReasonKey       Reason = "key"       // it is of a key that is not there
	ReasonMAC       Reason = "mac"       // it is wrong
	ReasonTenant    Reason = "tenant"    // it is right, for another tenant
	ReasonVersion   Reason = "version"   // its version is not accepted
	ReasonDowngrade Reason = "downgrade" // the gateway can sign in version 2, and was told that the API cannot
	ReasonDigest    Reason = "digest"    // the body is not the one that was signed
	ReasonClock     Reason = "clock"     // the clocks of both sides differ, or the request is old
	ReasonExpired   Reason = "expired"   // the signature was to be valid for less time
	ReasonProcess   Reason = "process"   // it was made for another process
	ReasonReplay    Reason = "replay"    // the request was here before
)

// Reasons are all of them.
var Reasons = []Reason{
	ReasonAbsent, ReasonForm, ReasonUncovered, ReasonKey, ReasonMAC, ReasonTenant, ReasonVersion,
	ReasonDowngrade, ReasonDigest, ReasonClock, ReasonExpired, ReasonProcess, ReasonReplay,
}

// Refusal is the cause of a refused request. It is for the log; what the sender may know of it
// is in the details of the fault.
type Refusal struct {
	Reason  Reason
	Skew    int64  // how many seconds the sender's clock is ahead; of ReasonClock
	Process string // for which the sender must sign; of ReasonProcess
}

// Error is the reason, for the log.
func (r *Refusal) Error() string {
	if r.Reason == ReasonDowngrade {
		return "a gateway that can sign requests in version 2 was led to believe that this API cannot; look for what changes the answer of GET /v1/sync/info between them"
	}
	return "the tenant's signature: " + string(r.Reason)
}

// conceal refuses a request without telling why.
func conceal(reason Reason) error {
	return fault.New(fault.InvalidTenant, "%s", refusedText).Because(&Refusal{Reason: reason})
}

// refuse refuses a request whose signature is right, and tells why.
func refuse(why Refusal, more fault.Facts) error {
	details := fault.Facts{"reason": why.Reason}
	maps.Copy(details, more)
	return fault.New(fault.InvalidTenant, "%s", refusedText).With(details).Because(&why)
}

const refusedText = "Unauthorized: invalid tenant headers"

// refuseClock refuses a signature whose time is so many seconds ahead of ours.
func refuseClock(skew int64) error {
	return refuse(Refusal{Reason: ReasonClock, Skew: skew}, fault.Facts{"skewSeconds": skew})
}
