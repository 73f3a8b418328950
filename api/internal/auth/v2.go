package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"sync"
	"time"

	"toolbridge/api/internal/mac"
)

// windowV2 is the greatest difference between a signature's time and ours, in whole seconds.
const windowV2 = 60 * time.Second

// checkV2 refuses a request that is not wholly the one that a gateway signed, or that was here
// before. Nothing is remembered, and nothing told, before the signature is known to be right.
func (g *Gate) checkV2(r *http.Request, in *input) (Proof, error) {
	if !in.wellFormed() {
		return Proof{}, conceal(ReasonForm)
	}
	if err := g.checkMAC(r, in); err != nil {
		return Proof{}, err
	}
	if r.Header.Get(HeaderTenant) != g.ID {
		return Proof{}, conceal(ReasonTenant)
	}
	if err := g.checkVersion(V2); err != nil {
		return Proof{}, err
	}
	proof, err := proofOf(r)
	if err != nil {
		return Proof{}, err
	}
	return proof, g.checkTime(in)
}

// bases are buffers for signature bases.
var bases = sync.Pool{New: func() any { return new([]byte) }}

// maxKeptBase is the largest buffer that is kept.
const maxKeptBase = 16 << 10

// checkMAC refuses a signature that is wrong, or that covers less than it must.
func (g *Gate) checkMAC(r *http.Request, in *input) error {
	var all [maxComponents]component
	covered, ok := componentsOf(all[:0], in.components[:in.covered])
	if !ok {
		return conceal(ReasonForm)
	}
	if reason := uncovered(r.Header, covered); reason != "" {
		return conceal(reason)
	}
	text, ok := bytesOf(r.Header["Signature"], in.label)
	given, read := decoded(text)
	if !ok || !read {
		return conceal(ReasonForm)
	}
	buffer := bases.Get().(*[]byte)
	defer bases.Put(buffer)
	base, ok := messageOf(r).appendBase((*buffer)[:0], covered, in.text)
	if !ok {
		return conceal(ReasonForm)
	}
	if cap(base) <= maxKeptBase {
		*buffer = base
	}
	key := g.key(in.keyID.text)
	if key == nil {
		return conceal(ReasonKey)
	}
	if right := key.Sum(base); subtle.ConstantTimeCompare(given[:], right[:]) != 1 {
		return conceal(ReasonMAC)
	}
	return nil
}

func (g *Gate) key(id string) *mac.Key {
	for _, key := range *g.Keys.Keys() {
		if key.ID == id {
			return key.MAC
		}
	}
	return nil
}

// uncovered is why a signature of these components is not enough; empty if it is.
func uncovered(header http.Header, components []component) Reason {
	bits := uint(0)
	for _, one := range components {
		bits |= one.bit
	}
	if bits&always != always {
		return ReasonUncovered
	}
	for _, one := range obeyed {
		switch count := len(header[one.key]); {
		case count > 1:
			return ReasonForm
		case count == 1 && bits&one.bit == 0:
			return ReasonUncovered
		}
	}
	return ""
}

// proofOf reads what a signed request says about its body (RFC 9530, section 2).
func proofOf(r *http.Request) (Proof, error) {
	lines := r.Header["Content-Digest"]
	if len(lines) == 0 {
		if r.ContentLength > 0 {
			return Proof{}, refuse(Refusal{Reason: ReasonDigest}, nil)
		}
		return Proof{signed: true}, nil
	}
	text, ok := bytesOf(lines, "sha-256")
	sum, read := decoded(text)
	if !ok || !read {
		return Proof{}, refuse(Refusal{Reason: ReasonDigest}, nil)
	}
	return Proof{signed: true, digest: &sum}, nil
}

// checkTime refuses a request that is not of now, or not for this process, or not new.
func (g *Gate) checkTime(in *input) error {
	now := g.Now()
	skew, window := in.created.seconds()-now.Unix(), int64(windowV2/time.Second)
	if skew < -window || skew > window {
		return refuseClock(skew)
	}
	if in.expires.kind != 0 && in.expires.seconds() < now.Unix() {
		return refuse(Refusal{Reason: ReasonExpired}, nil)
	}
	process, random := in.processAndRandom()
	current, reason := g.nonces.take(now, g.elapsed(), process, random)
	if reason != "" {
		return refuse(Refusal{Reason: reason, Process: current}, nil)
	}
	return nil
}

var strict = base64.StdEncoding.Strict()

// decoded is base64 of as many bytes as SHA-256 has. There is one text for each sum.
func decoded(text string) (sum [sha256.Size]byte, ok bool) {
	const size = (sha256.Size + 2) / 3 * 4
	if len(text) != size {
		return sum, false
	}
	var encoded [size]byte
	var bytes [size / 4 * 3]byte
	copy(encoded[:], text)
	n, err := strict.Decode(bytes[:], encoded[:])
	copy(sum[:], bytes[:])
	return sum, err == nil && n == len(sum)
}
