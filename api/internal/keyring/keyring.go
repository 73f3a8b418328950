// Package keyring holds the secrets of one use. Several are live at once: the first signs,
// all verify. So a secret is changed by adding one, putting it first, and taking the other
// away, and no request fails meanwhile.
package keyring

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"toolbridge/api/internal/mac"
)

// Bounds of a list.
const (
	MinSecretBytes = 32 // the size of an HMAC-SHA-256 (RFC 7518, section 3.2)
	maxKeys        = 8
)

// OldDays is the age from which a key should be changed.
const OldDays = 90

// OnlyID is the id of the one key of a ring that was made of a bare secret.
const OnlyID = "default"

// Key is one secret with its id, which is not secret.
type Key struct {
	ID     string
	Made   time.Time // the day, in UTC; zero when it is not known
	Secret []byte
	MAC    *mac.Key // Secret, prepared
}

// String is the id, so that no log shows the secret by mistake.
func (k Key) String() string { return k.ID }

// GoString is the same for %#v.
func (k Key) GoString() string { return k.ID }

func (k Key) equal(other Key) bool {
	return k.ID == other.ID && k.Made.Equal(other.Made) && slices.Equal(k.Secret, other.Secret)
}

// Age is how long ago the day began on which the key was made, if that is known.
func (k Key) Age(now time.Time) (age time.Duration, known bool) {
	return now.Sub(k.Made), !k.Made.IsZero()
}

var (
	words  = regexp.MustCompile(`[^ \t\r\n,]+`)
	usable = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)
)

// Parse reads a list of keys, each a word `id:made:secret`, separated by spaces, tabs,
// line ends or commas. A line that begins with # is a comment. The error quotes no secret.
func Parse(list string) (keys []Key, err error) {
	for line := range strings.Lines(list) {
		if strings.HasPrefix(strings.TrimLeft(line, " \t\r"), "#") {
			continue
		}
		for _, word := range words.FindAllString(line, -1) {
			key, err := parseKey(word)
			if err != nil {
				return nil, fmt.Errorf("key %d %w", len(keys)+1, err)
			}
			keys = append(keys, key)
		}
	}
	return keys, check(keys)
}

func parseKey(word string) (Key, error) {
	parts := strings.SplitN(word, ":", 3)
	if len(parts) != 3 {
		return Key{}, errors.New("is not id:made:secret, such as k1:2026-01-31: and a secret of 64 hexadecimal digits")
	}
	id, secret := parts[0], parts[2]
	made, err := time.Parse(time.DateOnly, parts[1])
	switch {
	case !usable.MatchString(id):
		return Key{}, errors.New("has no usable id: it is 1 to 32 letters, digits, dots, hyphens and underscores")
	case err != nil || made.Year() < 1:
		return Key{}, errors.New("has no day on which it was made, such as 2026-01-31")
	case len(secret) < MinSecretBytes:
		return Key{}, fmt.Errorf("has a secret of %d bytes, and needs at least %d; `openssl rand -hex 32` makes one", len(secret), MinSecretBytes)
	case !visible(secret):
		return Key{}, errors.New("has a secret with other characters than visible ASCII")
	}
	return newKey(id, made, secret), nil
}

func visible(secret string) bool {
	return !strings.ContainsFunc(secret, func(r rune) bool { return r < '!' || r > '~' })
}

func newKey(id string, made time.Time, secret string) Key {
	return Key{ID: id, Made: made, Secret: []byte(secret), MAC: mac.New([]byte(secret))}
}

func check(keys []Key) error {
	if len(keys) == 0 || len(keys) > maxKeys {
		return fmt.Errorf("has %d keys; give it 1 to %d", len(keys), maxKeys)
	}
	seen := map[string]bool{}
	for _, key := range keys {
		if seen[key.ID] {
			return fmt.Errorf("has two keys with the id %s; give each its own", key.ID)
		}
		seen[key.ID] = true
	}
	return nil
}
