package login

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"
	"golang.org/x/text/unicode/norm"

	"toolbridge/api/internal/fault"
)

// Bounds of a new password, in characters.
const (
	fewestCharacters  = 12
	mostCharacters    = 256
	fewestDifferent   = 5
	shortestForbidden = 3 // of a name that a password must not contain
)

// Cost is what hashing a password takes.
type Cost struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

// present is that of the Password Storage Cheat Sheet of OWASP with 19 MiB of memory. When it is
// raised, hashes follow at the next sign-in.
var present = Cost{memory: 19 << 10, time: 2, threads: 1}

// Cheap is for tests of other things than passwords.
var Cheap = Cost{memory: 8, time: 1, threads: 1}

// cost is what new hashes take.
func (s *Service) cost() Cost {
	if s.Cost == (Cost{}) {
		return present
	}
	return s.Cost
}

const (
	saltBytes = 16
	hashBytes = 32
)

// Hashing is bounded, as it takes processor time and memory: so many sign in at once at most,
// and wait for so long.
const (
	maxInside = 64
	maxWait   = 5 * time.Second
)

// hashing lets few passwords be hashed at once: a processor stays free for calls, and the memory
// that hashes take is a part of what the program may have.
type hashing struct {
	once   sync.Once
	turns  *semaphore.Weighted
	inside atomic.Int64
}

// enter is called before anything is done that leads to a hash, so that nothing is stored when
// there is no room. Leave must be called when there is no error.
func (h *hashing) enter() (leave func(), err error) {
	if h.inside.Add(1) > maxInside {
		h.inside.Add(-1)
		return nil, crowded()
	}
	return func() { h.inside.Add(-1) }, nil
}

// do runs a hash when it is its turn.
func (h *hashing) do(ctx context.Context, hash func()) error {
	h.once.Do(func() { h.turns = semaphore.NewWeighted(atOnce()) })
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	if h.turns.Acquire(ctx, 1) != nil {
		return crowded()
	}
	defer h.turns.Release(1)
	hash()
	return nil
}

// atOnce is how many passwords are hashed at once.
func atOnce() int64 { return int64(max(1, min(2, runtime.GOMAXPROCS(0)-1))) }

// errCrowded is the cause of what crowded returns: the store, too, can be unavailable.
var errCrowded = errors.New("too many sign-ins at once")

func crowded() error {
	return fault.New(fault.Unavailable, "too many people sign in at once; try again in a moment").Because(errCrowded)
}

// hashPassword is a new hash, in the PHC string format.
func (s *Service) hashPassword(ctx context.Context, password string) (phc string, err error) {
	salt := random(saltBytes)
	err = s.hashing.do(ctx, func() { phc = s.cost().phc(salt, s.cost().hash(password, salt, hashBytes)) })
	return phc, err
}

// checkPassword reports whether a password is the one of a hash. An empty hash, that of nobody,
// takes the same time.
func (s *Service) checkPassword(ctx context.Context, phc, password string) (right bool, err error) {
	known, salt, hash, err := parsePHC(phc)
	if phc == "" {
		known, salt, hash, err = s.cost(), random(saltBytes), random(hashBytes), nil
	}
	if err != nil {
		return false, err
	}
	err = s.hashing.do(ctx, func() {
		right = subtle.ConstantTimeCompare(known.hash(password, salt, len(hash)), hash) == 1
	})
	return right && phc != "", err
}

func (c Cost) hash(password string, salt []byte, size int) []byte {
	return argon2.IDKey([]byte(norm.NFC.String(password)), salt, c.time, c.memory, c.threads, uint32(size))
}

const phcForm = "$argon2id$v=%d$m=%d,t=%d,p=%d$"

func (c Cost) phc(salt, hash []byte) string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf(phcForm, argon2.Version, c.memory, c.time, c.threads) + encode(salt) + "$" + encode(hash)
}

// isPresent reports whether a hash costs what new ones do.
func (s *Service) isPresent(phc string) bool {
	known, _, _, err := parsePHC(phc)
	return err == nil && known == s.cost()
}

// parsePHC reads what phc returned.
func parsePHC(text string) (known Cost, salt, hash []byte, err error) {
	parts := strings.Split(text, "$")
	var version int
	if len(parts) == 6 {
		_, err = fmt.Sscanf(strings.Join(parts[:4], "$")+"$", phcForm, &version, &known.memory, &known.time, &known.threads)
	}
	if err == nil && len(parts) == 6 {
		salt, err = base64.RawStdEncoding.DecodeString(parts[4])
	}
	if err == nil && len(parts) == 6 {
		hash, err = base64.RawStdEncoding.DecodeString(parts[5])
	}
	if err != nil || version != argon2.Version || known.time == 0 || known.threads == 0 || len(hash) == 0 {
		return Cost{}, nil, nil, fmt.Errorf("a stored hash of a password cannot be read")
	}
	return known, salt, hash, nil
}

// checkNew refuses a password that is easily guessed, with a sentence for people. Long ones are
// what counts: there are no rules about kinds of characters (NIST SP 800-63B, section 3.1.1.2).
func checkNew(password, name string) error {
	password = norm.NFC.String(password)
	different := map[rune]bool{}
	for _, one := range password {
		different[one] = true
	}
	count := utf8.RuneCountInString(password)
	switch {
	case count < fewestCharacters:
		return weak("The password must have at least %d characters.", fewestCharacters)
	case count > mostCharacters:
		return weak("The password must have at most %d characters.", mostCharacters)
	case len(different) < fewestDifferent:
		return weak("The password must have at least %d different characters.", fewestDifferent)
	case contains(password, name):
		return weak("The password must not contain your name.")
	}
	return nil
}

// contains reports whether a password has the name, or what is before its @, within it.
func contains(password, name string) bool {
	name = folded(name)
	local, _, _ := strings.Cut(name, "@")
	for _, part := range []string{name, local} {
		if utf8.RuneCountInString(part) >= shortestForbidden && strings.Contains(folded(password), part) {
			return true
		}
	}
	return false
}

func weak(format string, arguments ...any) error {
	return fault.New(fault.WeakPassword, format, arguments...)
}

// folded is a name as names are compared: in compatibility form (NFKC) and lower case.
func folded(name string) string { return norm.NFKC.String(strings.ToLower(norm.NFKC.String(name))) }
