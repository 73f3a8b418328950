package login

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"

	"toolbridge/api/internal/keyring"
)

// sealInfo names the use of the keys that are derived from those of the tenant (RFC 5869,
// section 3.2).
const sealInfo = "toolbridge/login/keys/v1"

// errSealed means that no key of the ring opens a secret: it was sealed elsewhere, or with a
// key that is not live any more.
var errSealed = errors.New("none of the tenant's keys opens it")

// seals are the ways in which secrets of the store are sealed, one for each key of the
// tenant, in their order: the first seals, all open.
type seals []cipher.AEAD

// sealsOf derives them by HKDF-SHA-256, so that whoever has the database without the
// tenant's secret cannot sign, and AES-256-GCM notices every change.
func sealsOf(keys []keyring.Key) (all seals, err error) {
	for _, key := range keys {
		derived, err := hkdf.Key(sha256.New, key.Secret, nil, sealInfo, 32)
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(derived)
		if err != nil {
			return nil, err
		}
		sealer, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		all = append(all, sealer)
	}
	if len(all) == 0 {
		return nil, errors.New("the tenant has no key to seal with")
	}
	return all, nil
}

// seal hides a secret. It opens again only under the same name, so that no sealed secret can
// be put in the place of another one.
func (s seals) seal(secret []byte, name string) []byte {
	return s[0].Seal(nil, nil, secret, []byte(name))
}

// open returns a sealed secret, and whether it should be sealed again, as another key than the
// first one has opened it.
func (s seals) open(sealed []byte, name string) (secret []byte, again bool, err error) {
	for i, opener := range s {
		if secret, err := opener.Open(nil, nil, sealed, []byte(name)); err == nil {
			return secret, i > 0, nil
		}
	}
	return nil, false, errSealed
}

// random are bytes that nobody can guess.
func random(size int) []byte {
	made := make([]byte, size)
	_, _ = rand.Read(made) // never fails
	return made
}
