package httpapi_test

import (
	"context"
	"testing"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
)

// announcing stores say when a write has passed the guards and comes to them.
type announcingItems struct {
	item.Store
	came chan<- struct{}
}

func (s announcingItems) Write(ctx context.Context, batch item.Batch) error {
	s.came <- struct{}{}
	return s.Store.Write(ctx, batch)
}

type announcingAccounts struct {
	account.Store
	came chan<- struct{}
}

func (s announcingAccounts) Wipe(ctx context.Context, owner account.Owner, epoch int64, by journal.Origin, now func() time.Time) (
	account.State, map[string]int64, error,
) {
	s.came <- struct{}{}
	return s.Store.Wipe(ctx, owner, epoch, by, now)
}

// announce makes an API announce every write and wipe that comes to its store.
func announce(came chan<- struct{}) func(*httpapi.API) {
	return func(api *httpapi.API) {
		api.Items.Store = announcingItems{api.Items.Store, came}
		api.Accounts.Store = announcingAccounts{api.Accounts.Store, came}
	}
}

// locked takes the database's write lock until release is called.
func (p *process) locked() (release func()) {
	p.t.Helper()
	return p.shared.lock(p.t)
}

func TestWhatAWipeOvertakesIsNotWritten(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		came := make(chan struct{}, 100)
		u := start(t, announce(came)).user("alice")
		one := "/v1/notes/" + u.has(find("note"), "").UID
		<-came
		session := u.opens()
		calls := [][3]string{{"POST", "/v1/notes", "{}"}, {"PUT", one, "{}"}, {"PATCH", one, "{}"}, {"DELETE", one, ""}, {"POST", one + "/archive", ""}}
		release := u.locked()
		wiped := make(chan answer, 1)
		go func() { wiped <- u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`) }()
		<-came
		answers := make(chan answer, 2*len(calls))
		for _, call := range calls {
			go func() { answers <- u.call(call[0], call[1], call[2]) }()
			go func() { answers <- u.call(call[0], call[1], call[2], in(session, "1")) }()
		}
		for range cap(answers) {
			<-came
		}
		release()
		(<-wiped).is(200)

		// Which write still came before the wipe is not certain; that none is left is.
		refused := 0
		for range cap(answers) {
			got := <-answers
			if got.status != 409 {
				continue
			}
			refused++
			got.fails(409, "epoch_mismatch").says("epoch_mismatch")
			if got.json()["epoch"] != 2.0 || got.header.Get("X-Sync-Epoch") != "2" || got.header.Get("X-Sync-Session") != "" {
				t.Errorf("%s %s", got.header, got.body)
			}
		}
		if refused == 0 {
			t.Error("no write was refused")
		}
		if left := u.call("GET", "/v1/notes?includeDeleted=true", "").is(200); string(left.body) != `{"items":[]}` {
			t.Errorf("left after the wipe: %s", left.body)
		}
		u.call("POST", "/v1/notes", "{}").is(201)
	})
}

func TestOfTwoWipesOfOneEpochTheSecondHasNoSession(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		for _, row := range []struct {
			name    string
			session func(u user) header
		}{
			{"in-band", func(user) header { return nil }},
			{"opened before", func(u user) header { return in(u.opens(), "1") }},
		} {
			t.Run(row.name, func(t *testing.T) {
				came := make(chan struct{}, 2)
				u := start(t, announce(came)).user("alice")
				session := row.session(u)
				release := u.locked()
				answers := make(chan answer, 2)
				for range cap(answers) {
					go func() { answers <- u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`, session) }()
				}
				<-came
				<-came
				release()
				first, second := <-answers, <-answers
				if first.status != 200 {
					first, second = second, first
				}
				if first.is(200).json()["epoch"] != 2.0 {
					t.Errorf("first %s", first.body)
				}
				second.fails(428, "session_invalid").says(sentenceInvalid)
				if second.header.Get("X-Sync-Session") != "" || second.header.Get("X-Sync-Epoch") != "" {
					t.Errorf("the answer announces what the wipe ended: %v", second.header)
				}
				if state := u.call("GET", "/v1/sync/state", "").is(200).json(); state["epoch"] != 2.0 {
					t.Errorf("state %v", state)
				}
			})
		}
	})
}

func TestASessionOpenedWhileAWipeWaitedEndsWithIt(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		came := make(chan struct{}, 1)
		u := start(t, announce(came)).user("alice")
		release := u.locked()
		wiped := make(chan answer, 1)
		go func() { wiped <- u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`) }()
		<-came
		u.clock.advance(time.Second)
		session := u.opens()
		release()
		(<-wiped).is(200)
		u.call("GET", "/v1/notes", "", in(session, "2")).fails(428, "session_invalid")
	})
}
