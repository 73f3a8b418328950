package account

import (
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"toolbridge/api/internal/mac"
)

// A session id is a UUID that proves by itself that this deployment issued it,
// when, and to whom. Opening and checking a session therefore writes nothing, and
// works after a restart and on every process with the same secret.
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

// Prover makes and checks session ids.
type Prover struct {
	key *mac.Key
}

// NewProver derives its key from the deployment's tenant secret.
func NewProver(secret string) Prover {
	own := mac.New([]byte(secret)).Sum([]byte("toolbridge sync session v1"))
	return Prover{key: mac.New(own[:])}
}

// verdict says who owns the session of an id.
type verdict int

const (
	unknown verdict = iota
	others
	mine
)

func (p Prover) issue(owner Owner, created time.Time) string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails: the runtime ends the process instead
	ms := uint64(created.UnixMilli())
	nonce := uint64(binary.BigEndian.Uint32(random[:]) >> (32 - nonceBits))
	return pack(ms, nonce, p.issueProof(owner, ms, nonce), p.ownerProof(owner, ms, nonce)).String()
}

// inspect finds out when a session was opened and who owns it.
func (p Prover) inspect(owner Owner, id uuid.UUID) (created time.Time, whose verdict) {
	if shaped(id) != id {
		return time.Time{}, unknown
	}
	ms, nonce, issue, own := unpack(id)
	if p.issueProof(owner, ms, nonce) != issue {
		return time.Time{}, unknown
	}
	created = time.UnixMilli(int64(ms))
	if p.ownerProof(owner, ms, nonce) != own {
		return created, others
	}
	return created, mine
}

func (p Prover) issueProof(owner Owner, ms, nonce uint64) uint64 {
	return p.proof("issue", owner.Tenant, "", ms, nonce) >> (64 - issueBits)
}

func (p Prover) ownerProof(owner Owner, ms, nonce uint64) uint64 {
	return p.proof("owner", owner.Tenant, owner.User, ms, nonce) >> (64 - ownerBits)
}

func (p Prover) proof(purpose, tenant, user string, ms, nonce uint64) uint64 {
	text := make([]byte, 0, 128)
	text = append(text, purpose...)
	text = append(append(text, 0), tenant...)
	text = append(append(text, 0), user...)
	text = append(text, 0)
	text = binary.BigEndian.AppendUint64(text, ms)
	text = binary.BigEndian.AppendUint64(text, nonce)
	sum := p.key.Sum(text)
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
