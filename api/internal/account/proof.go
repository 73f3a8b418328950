package account

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/mac"
)

// A session id is a UUID that proves by itself that this deployment issued it,
// when, and to whom. Opening and checking a session therefore writes nothing, and
// works after a restart and on every process with the same keys.
//
// Its 122 free bits are, from the top: 42 creation time in Unix ms, 26 random,
// 24 issue proof, 30 owner proof. Proofs this short are enough because the session
// is no credential; the token of the same request is. A session only orders the
// sync protocol, and a guessed id is useless without the victim's own token.
const (
	nonceBits = 26
	issueBits = 24
	ownerBits = 30
)

// maxRetired bounds the keys that only prove sessions of earlier.
const maxRetired = 8

// Prover makes and checks session ids with keys that it derives from those of the tenant.
// The first signs, all prove. One that was retired goes on to prove the sessions that were
// opened before, so that a change of keys ends none: whoever has the secret gains nothing
// by it, as a session is no credential.
type Prover struct {
	ring    *keyring.Ring
	now     func() time.Time
	derived atomic.Pointer[derived]
	mu      sync.Mutex // is held while keys are derived
}

// derived is what was derived from the keys of a ring.
type derived struct {
	from *[]keyring.Key
	keys []proofKey // the live ones, then the retired ones, of which the last to go is first
}

// proofKey is a derived key.
type proofKey struct {
	secret  [sha256.Size]byte
	mac     *mac.Key
	retired time.Time // zero: it is live
}

// NewProver returns a prover with the keys of a ring, also when these change.
func NewProver(ring *keyring.Ring, now func() time.Time) *Prover {
	p := &Prover{ring: ring, now: now}
	p.derive()
	return p
}

// keys are those that prove now; the first signs.
func (p *Prover) keys() []proofKey {
	if known := p.derived.Load(); known.from == p.ring.Keys() {
		return known.keys
	}
	return p.derive()
}

// derive prepares the keys of the ring anew if they have changed.
func (p *Prover) derive() []proofKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	live, before := p.ring.Keys(), p.derived.Load()
	if before != nil && before.from == live {
		return before.keys
	}
	keys := make([]proofKey, 0, len(*live))
	for _, key := range *live {
		own := key.MAC.Sum([]byte("toolbridge sync session v1"))
		keys = append(keys, proofKey{secret: own, mac: mac.New(own[:])})
	}
	if before != nil {
		keys = append(keys, p.retire(before.keys, keys)...)
	}
	p.derived.Store(&derived{from: live, keys: keys})
	return keys
}

// retire returns the keys that are not live any more, and may still have sessions to prove.
func (p *Prover) retire(before, live []proofKey) (retired []proofKey) {
	now := p.now()
	for _, key := range before {
		isThis := func(other proofKey) bool { return other.secret == key.secret }
		if slices.ContainsFunc(live, isThis) {
			continue
		}
		if key.retired.IsZero() {
			key.retired = now
		}
		if now.Before(key.retired.Add(SessionLifetime)) && len(retired) < maxRetired {
			retired = append(retired, key)
		}
	}
	return retired
}

// verdict says who owns the session of an id.
type verdict int

const (
	unknown verdict = iota
	others
	mine
)

func (p *Prover) issue(owner Owner, created time.Time) string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails: the runtime ends the process instead
	ms := uint64(created.UnixMilli())
	nonce := uint64(binary.BigEndian.Uint32(random[:]) >> (32 - nonceBits))
	key := p.keys()[0]
	return pack(ms, nonce, key.issueProof(owner, ms, nonce), key.ownerProof(owner, ms, nonce)).String()
}

// inspect finds out when a session was opened and who owns it.
func (p *Prover) inspect(owner Owner, id uuid.UUID) (created time.Time, whose verdict) {
	if shaped(id) != id {
		return time.Time{}, unknown
	}
	ms, nonce, issue, own := unpack(id)
	created = time.UnixMilli(int64(ms))
	for _, key := range p.keys() {
		if !key.retired.IsZero() && created.After(key.retired) || key.issueProof(owner, ms, nonce) != issue {
			continue
		}
		if key.ownerProof(owner, ms, nonce) == own {
			return created, mine
		}
		whose = others // unless a further key proves more: so short a proof may hold by chance
	}
	if whose == unknown {
		return time.Time{}, unknown
	}
	return created, whose
}

func (k proofKey) issueProof(owner Owner, ms, nonce uint64) uint64 {
	return k.proof("issue", owner.Tenant, "", ms, nonce) >> (64 - issueBits)
}

func (k proofKey) ownerProof(owner Owner, ms, nonce uint64) uint64 {
	return k.proof("owner", owner.Tenant, owner.User, ms, nonce) >> (64 - ownerBits)
}

func (k proofKey) proof(purpose, tenant, user string, ms, nonce uint64) uint64 {
	text := make([]byte, 0, 128)
	text = append(text, purpose...)
	text = append(append(text, 0), tenant...)
	text = append(append(text, 0), user...)
	text = append(text, 0)
	text = binary.BigEndian.AppendUint64(text, ms)
	text = binary.BigEndian.AppendUint64(text, nonce)
	sum := k.mac.Sum(text)
	return binary.BigEndian.Uint64(sum[:])
}

// pack places the four fields around the version (bits 48-51) and the variant
// (bits 64-65) of a UUID.
func pack(ms, nonce, issue, own uint64) uuid.UUID {
	const lowNonce = 8 // bits of the nonce that follow the variant
	high := ms<<(nonceBits-lowNonce) | nonce>>lowNonce
	low := nonce<<(issueBits+ownerBits)&(1<<62-1) | issue<<ownerBits | own
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], high>>12<<16|high&0xfff)
	binary.BigEndian.PutUint64(id[8:], low)
	return shaped(id)
}

func unpack(id uuid.UUID) (ms, nonce, issue, own uint64) {
	const lowNonce = 8
	first, low := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])&(1<<62-1)
	high := first>>16<<12 | first&0xfff
	ms = high >> (nonceBits - lowNonce)
	nonce = high<<lowNonce&(1<<nonceBits-1) | low>>(issueBits+ownerBits)
	issue = low >> ownerBits & (1<<issueBits - 1)
	own = low & (1<<ownerBits - 1)
	return ms, nonce, issue, own
}
