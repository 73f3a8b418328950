package mac_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"

	"toolbridge/api/internal/mac"
)

func TestSumsAreThoseOfAFreshHMACWhoeverElseComputes(t *testing.T) {
	for _, size := range []int{0, 1, 32, 63, 64, 65, 200} { // a block has 64 bytes
		secret := []byte(strings.Repeat("k", size))
		key := mac.New(secret)
		var users sync.WaitGroup
		for user := range 4 {
			users.Go(func() {
				for n := range 200 {
					text := fmt.Appendf(nil, "%d:%s", user, strings.Repeat("x", n))
					fresh := hmac.New(sha256.New, secret)
					fresh.Write(text)
					if sum := key.Sum(text); string(sum[:]) != string(fresh.Sum(nil)) {
						t.Errorf("wrong for a secret of %d bytes and %d of text", size, len(text))
					}
				}
			})
		}
		users.Wait()
	}
}
