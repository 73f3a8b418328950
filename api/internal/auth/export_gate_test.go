package auth

import "time"

// MaxNonces is how many nonces are kept for one process.
const MaxNonces = maxNonces

// ForProcess makes a gate's memory the one of this name.
func (g *Gate) ForProcess(process string) *Gate {
	g.nonces.process(g.Now(), g.elapsed())
	g.nonces.current.process = process
	return g
}

// Forget makes the gate take every request again.
func (g *Gate) Forget() { clear(g.nonces.current.recent) }

// Kept is how many nonces the gate keeps.
func (g *Gate) Kept() int { return g.nonces.Size() }

// Nonces is a memory of nonces.
type Nonces = nonces

// Process names the memory.
func (n *Nonces) Process(wall time.Time, elapsed time.Duration) string {
	return n.process(wall, elapsed)
}

// Take remembers a nonce, unless it is refused.
func (n *Nonces) Take(wall time.Time, elapsed time.Duration, process, random string) (string, Reason) {
	return n.take(wall, elapsed, process, random)
}

// Size is how many nonces are kept.
func (n *Nonces) Size() int {
	size := n.current.size()
	if n.before != nil {
		size += n.before.size()
	}
	return size
}
