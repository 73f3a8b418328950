package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"
)

const (
	// A nonce can be refused by its time 121 s after it was taken: it may be 60 s ahead of our
	// clock, and is good for 60 s and the rest of a second after its time.
	keepNonces = 2*windowV2 + time.Second + 2*clockLeeway + 2*time.Second
	// Within this, the clocks are adjusted; beyond, somebody has set the one on the wall.
	clockLeeway = time.Second

	maxNonces  = 1 << 19           // of one memory; there are two
	fullNonces = maxNonces / 8 * 7 // from here on, a new memory is used
)

// nonces remembers which requests have been here. The zero value is empty.
//
// A nonce is good for one process: it names the memory in which it is to be remembered. A
// memory forgets nonces whose time is over. When one is nearly full, another begins, under a new
// name; requests that were made for the one before are taken as long as it has room. When the
// wall clock was set, all begin anew, since the time of a forgotten nonce may not be over.
type nonces struct {
	mu              sync.Mutex
	current, before *memory
	offset          time.Duration // of the wall clock from the one that nobody sets
	noted           time.Duration // when, on the latter
}

// memory is a set of nonces under a name.
type memory struct {
	process       string
	recent, older map[nonce]struct{}
	turned        time.Duration // when older was recent
}

// nonce is so much of its hash that two are never the same.
type nonce [16]byte

func newMemory(elapsed time.Duration) *memory {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return &memory{process: hex.EncodeToString(id[:]), recent: map[nonce]struct{}{}, turned: elapsed}
}

// process names the memory that is used now.
func (n *nonces) process(wall time.Time, elapsed time.Duration) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.keep(wall, elapsed)
	return n.current.process
}

// take remembers a nonce. It refuses one that is known, and one of another process, with the
// name of the memory that is used now.
func (n *nonces) take(wall time.Time, elapsed time.Duration, process, random string) (current string, refused Reason) {
	sum := sha256.Sum256([]byte(random))
	this := nonce(sum[:])
	n.mu.Lock()
	defer n.mu.Unlock()
	n.keep(wall, elapsed)
	found := n.named(process)
	switch {
	case found == nil:
		return n.current.process, ReasonProcess
	case found.has(this):
		return "", ReasonReplay
	case found.size() >= maxNonces:
		return n.current.process, ReasonProcess
	}
	found.recent[this] = struct{}{}
	if found == n.current && found.size() >= fullNonces {
		n.current, n.before = newMemory(elapsed), n.current
	}
	return "", ""
}

// keep makes the memories fit for this moment.
func (n *nonces) keep(wall time.Time, elapsed time.Duration) {
	offset := time.Duration(wall.UnixNano()) - elapsed
	if n.current == nil || (offset-n.offset).Abs() > clockLeeway {
		n.current, n.before = newMemory(elapsed), nil
		n.offset, n.noted = offset, elapsed
	}
	if elapsed-n.noted > keepNonces {
		n.offset, n.noted = offset, elapsed
	}
	n.current.forget(elapsed)
	if n.before != nil {
		n.before.forget(elapsed)
	}
}

func (n *nonces) named(process string) *memory {
	if n.current.process == process {
		return n.current
	}
	if n.before != nil && n.before.process == process {
		return n.before
	}
	return nil
}

func (m *memory) has(this nonce) bool {
	_, recent := m.recent[this]
	_, older := m.older[this]
	return recent || older
}

func (m *memory) size() int { return len(m.recent) + len(m.older) }

// forget drops the nonces that are at least as old as they are kept. Some are kept for twice as
// long.
func (m *memory) forget(elapsed time.Duration) {
	since := elapsed - m.turned
	if since < keepNonces {
		return
	}
	if since >= 2*keepNonces {
		m.recent = nil
	}
	m.older, m.recent, m.turned = m.recent, map[nonce]struct{}{}, elapsed
}
