// Package migration is what the migrations of both stores have in common: the list of
// them, the bounds of a chunk, and how far they are.
package migration

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// Report is how far one step of a migration is.
type Report struct {
	What        string // that is counted, such as "items"
	Done, Total int64
	Rate        float64 // per second, since this process began with the step
}

// Percent is how much of the step is done. It is 100 only at its end.
func (r Report) Percent() int64 {
	if r.Total <= 0 {
		return 0
	}
	return min(r.Done, r.Total) * 100 / r.Total
}

// String says it to a person.
func (r Report) String() string {
	if r.Total <= 0 {
		return "the database is being migrated"
	}
	return fmt.Sprintf("the database is being migrated: %d %% of %s %s", r.Percent(), thousands(r.Total), r.What)
}

// thousands writes a number with commas.
func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// Progress is how far a migration is. It is safe for concurrent use. A nil Progress
// keeps nothing.
type Progress struct {
	// Unreadable, if not nil, is called with the uid of an item whose payload is not
	// what the API stores, one call at a time. The item is kept as it is.
	Unreadable func(uid string)

	calls   sync.Mutex // of Unreadable
	mu      sync.Mutex
	report  Report
	running bool
	began   time.Time     // with the step
	first   int64         // what was done then
	changed chan struct{} // closed when the next step begins
}

// Set notes how far a step is. The first call begins the migration.
func (p *Progress) Set(what string, done, total int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running || p.report.What != what {
		p.running, p.began, p.first = true, time.Now(), done
		close(p.next())
		p.changed = nil
	}
	p.report = Report{What: what, Done: done, Total: total}
	if took := time.Since(p.began).Seconds(); took > 0 {
		p.report.Rate = float64(done-p.first) / took
	}
}

func (p *Progress) unreadable(uid string) {
	if p == nil || p.Unreadable == nil {
		return
	}
	p.calls.Lock()
	defer p.calls.Unlock()
	p.Unreadable(uid)
}

// Report is the present one. Running is false while nothing is being migrated.
func (p *Progress) Report() (report Report, running bool) {
	if p == nil {
		return Report{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.report, p.running
}

// Watch calls say when a step begins, and again each time that much time has passed. It
// returns when ctx ends.
func (p *Progress) Watch(ctx context.Context, every time.Duration, say func(Report)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for next := p.step(); ; {
		select {
		case <-ctx.Done():
			return
		case <-next:
			next = p.step()
			ticker.Reset(every)
		case <-ticker.C:
		}
		if report, running := p.Report(); running {
			say(report)
		}
	}
}

// step is closed when the next step begins.
func (p *Progress) step() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next()
}

func (p *Progress) next() chan struct{} {
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	return p.changed
}
