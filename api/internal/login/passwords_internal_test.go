package login

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"toolbridge/api/internal/fault"
)

func TestAHashIsAStandardTextThatVerifies(t *testing.T) {
	t.Parallel()
	s := &Service{}
	phc, err := s.hashPassword(t.Context(), "pa\u0308sswords are long")
	if err != nil || !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") || len(phc) != 97 {
		t.Fatalf("%s, %v", phc, err)
	}
	if again, _ := s.hashPassword(t.Context(), "pa\u0308sswords are long"); again == phc {
		t.Error("there is no salt")
	}
	for password, want := range map[string]bool{"pässwords are long": true, "pa\u0308sswords are long": true, "passwords are long": false, "": false} {
		if right, err := s.checkPassword(t.Context(), phc, password); right != want || err != nil {
			t.Errorf("%q: %v, %v", password, right, err)
		}
	}
	// As the reference implementation makes it: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 24
	const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if right, err := s.checkPassword(t.Context(), reference, "password"); !right || err != nil {
		t.Errorf("the reference's hash: %v, %v", right, err)
	}
	for _, broken := range []string{"x", "$argon2id$v=19$m=1,t=0,p=1$AA$AA", "$argon2i$v=19$m=8,t=1,p=1$AA$AA", strings.Replace(phc, "v=19", "v=16", 1), phc + "$", phc[:40]} {
		if _, err := s.checkPassword(t.Context(), broken, "x"); err == nil || strings.Contains(err.Error(), broken) {
			t.Errorf("%s: %v", broken, err)
		}
	}
}

func TestNewPasswordsAreLongAndNoRuleSaysOfWhichCharacters(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ password, name, says string }{
		{"correct horse", "ann", ""},
		{"ÄÖÜ äöü ßẞ ☃", "ann", ""},
		{"123456789012", "ann", ""},
		{strings.Repeat("abcde", 51) + "f", "ann", ""},
		{"elevenchars", "ann", "The password must have at least 12 characters."},
		{"e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301abcde", "ann", "The password must have at least 12 characters."},
		{strings.Repeat("abcde", 51) + "fg", "ann", "The password must have at most 256 characters."},
		{"abababababababab", "ann", "The password must have at least 5 different characters."},
		{"the Ann's password", "aNN", "The password must not contain your name."},
		{"hello JORG 2026 !", "jörg", ""},
		{"hello JÖRG 2026 !", "jo\u0308rg", "The password must not contain your name."},
		{"ann.ash likes tea", "Ann.Ash@example.com", "The password must not contain your name."},
		{"an apple each day", "an", ""},
	} {
		err := checkNew(row.password, row.name)
		if said := ""; err != nil {
			said = err.Error()
			if said != row.says {
				t.Errorf("%q of %s: %q, want %q", row.password, row.name, said, row.says)
			}
		} else if row.says != "" {
			t.Errorf("%q of %s is accepted", row.password, row.name)
		}
	}
}

func TestSoManySignInAtOnceAndTheOthersHearAtOnce(t *testing.T) {
	t.Parallel()
	s := &Service{}
	for range maxInside {
		if _, err := s.hashing.enter(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.hashing.enter(); resultOfError(err) != Crowded {
		t.Errorf("got %v", err)
	}
	if s.hashing.inside.Load() != maxInside {
		t.Errorf("%d are inside", s.hashing.inside.Load())
	}
}

func TestHashesLeaveAProcessorFree(t *testing.T) {
	t.Parallel()
	s := &Service{}
	var mu sync.Mutex
	var now, most int
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			err := s.hashing.do(t.Context(), func() {
				mu.Lock()
				now++
				most = max(most, now)
				mu.Unlock()
				time.Sleep(5 * time.Millisecond)
				mu.Lock()
				now--
				mu.Unlock()
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if most > max(1, min(2, runtime.GOMAXPROCS(0)-1)) {
		t.Errorf("%d at once", most)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.hashing.do(ended, func() { t.Error("for nobody") }); err != nil && resultOfError(err) != Crowded {
		t.Errorf("got %v", err)
	}
}

func TestAnAddressOfIPv6IsItsNetwork(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
		"": "", "unknown": "", "192.0.2.7:80": "",
	} {
		if got := network(address); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

func TestAStoreThatCannotAnswerIsNoCrowd(t *testing.T) {
	t.Parallel()
	for want, err := range map[Result]error{
		Crowded: crowded(), Failed: fault.New(fault.Unavailable, "the store cannot answer right now; try again"),
	} {
		if got := resultOfError(err); got != want {
			t.Errorf("%v: %s instead of %s", err, got, want)
		}
	}
}
