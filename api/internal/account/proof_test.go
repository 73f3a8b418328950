package account

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestASessionIDProvesItsOwner(t *testing.T) {
	created := time.UnixMilli(1763600000123)
	owner := Owner{Tenant: "acme", User: UserID("acme", "alice")}
	prover := NewProver("a secret of the deployment")
	id := uuid.MustParse(prover.issue(owner, created))
	for _, row := range []struct {
		name   string
		prover Prover
		owner  Owner
		want   verdict
	}{
		{"the owner's", prover, owner, mine},
		{"to another process with the secret, the owner's", NewProver("a secret of the deployment"), owner, mine},
		{"to another user, somebody else's", prover, Owner{Tenant: "acme", User: UserID("acme", "bob")}, others},
		{"to another tenant, unknown", prover, Owner{Tenant: "zeta", User: owner.User}, unknown},
		{"with another secret, unknown", NewProver("another secret"), owner, unknown},
	} {
		t.Run(row.name, func(t *testing.T) {
			at, whose := row.prover.inspect(row.owner, id)
			if whose != row.want {
				t.Errorf("verdict %d, want %d", whose, row.want)
			}
			if whose != unknown && !at.Equal(created) {
				t.Errorf("created %s, want %s", at, created)
			}
		})
	}
}

func TestEveryBitOfASessionIDCounts(t *testing.T) {
	owner := Owner{Tenant: "acme", User: UserID("acme", "alice")}
	prover := NewProver("a secret of the deployment")
	id := uuid.MustParse(prover.issue(owner, time.UnixMilli(1763600000123)))
	for bit := range 128 {
		changed := id
		changed[bit/8] ^= 1 << (bit % 8)
		if _, whose := prover.inspect(owner, changed); whose == mine {
			t.Errorf("still mine with bit %d changed", bit)
		}
	}
}

func TestTheFieldsOfASessionIDComeBack(t *testing.T) {
	const ms, nonce, issue, own = 1<<42 - 5, 1<<26 - 3, 1<<24 - 7, 1<<30 - 11
	for _, row := range [][4]uint64{{ms, nonce, issue, own}, {0, 0, 0, 0}, {ms, 0, issue, 0}, {0, nonce, 0, own}} {
		id := pack(row[0], row[1], row[2], row[3])
		if id.Version() != 8 || id.Variant() != uuid.RFC4122 {
			t.Errorf("%s has version %d, variant %s", id, id.Version(), id.Variant())
		}
		var back [4]uint64
		back[0], back[1], back[2], back[3] = unpack(id)
		if back != row {
			t.Errorf("packed %v, unpacked %v", row, back)
		}
	}
}

func TestUserIDsAreStableAndApart(t *testing.T) {
	alice := UserID("acme", "alice")
	if alice != UserID("acme", "alice") {
		t.Error("the same subject has two ids")
	}
	if alice == UserID("acme", "bob") || alice == UserID("zeta", "alice") {
		t.Error("two users share an id")
	}
	if id := uuid.MustParse(alice); id.Version() != 8 || id.Variant() != uuid.RFC4122 {
		t.Errorf("%s is not a UUID of version 8", alice)
	}
}
