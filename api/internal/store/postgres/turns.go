package postgres

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"

	"toolbridge/api/internal/account"
)

// turns allows each owner one write at a time in this process, first come, first
// served. The database would make the other writes wait, too, but each on a
// connection, until the pool is empty for everybody else.
type turns struct {
	mu sync.Mutex
	of map[account.Owner]*turn
}

type turn struct {
	*semaphore.Weighted
	claims int // holders and waiters; the last of them deletes the turn
}

// take waits for the owner's turn. Done must be called when there is no error.
func (t *turns) take(ctx context.Context, owner account.Owner) (done func(), err error) {
	its := t.claim(owner)
	if err := its.Acquire(ctx, 1); err != nil {
		t.drop(owner, its)
		return nil, err
	}
	return func() {
		its.Release(1)
		t.drop(owner, its)
	}, nil
}

// takeFree is take for a turn that nobody has or waits for; nil if somebody does.
func (t *turns) takeFree(owner account.Owner) (done func()) {
	its := t.claim(owner)
	if !its.TryAcquire(1) {
		t.drop(owner, its)
		return nil
	}
	return func() {
		its.Release(1)
		t.drop(owner, its)
	}
}

func (t *turns) claim(owner account.Owner) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	its, known := t.of[owner]
	if !known {
		its = &turn{Weighted: semaphore.NewWeighted(1)}
		t.of[owner] = its
	}
	its.claims++
	return its
}

func (t *turns) drop(owner account.Owner, its *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if its.claims--; its.claims == 0 {
		delete(t.of, owner)
	}
}
