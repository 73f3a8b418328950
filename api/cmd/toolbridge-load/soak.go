package main

import (
	"sync"
	"time"
)

const (
	// longGap is how long a gap between two answers must be to be reported.
	longGap = 150 * time.Millisecond
	// mostEvents bounds the report; all errors are counted.
	mostEvents = 5000
	// anySession is the number of all sessions together.
	anySession = -1
)

// soakPlan is how to go on for long: every session pauses between its calls,
// and after a failure tries to open itself again until that works, as clients
// do that were cut off.
type soakPlan struct {
	Pause float64 `json:"pause_seconds"`
	Retry float64 `json:"retry_seconds"`
}

type soakReport struct {
	Gaps   []gap   `json:"gaps"`
	Events []event `json:"events"`
	// Acknowledged and Unknown are the unique texts of calls that are to be
	// kept: of those that were answered well, and of those that may have been
	// done or not.
	Acknowledged []string `json:"acknowledged"`
	Unknown      []string `json:"unknown"`
}

// gap is a time without an answer, of one session or of all.
type gap struct {
	Session int     `json:"session"`
	From    float64 `json:"from"`
	To      float64 `json:"to"`
}

// event is a failed call or a failed attempt to open a session.
type event struct {
	At      float64 `json:"at"`
	Session int     `json:"session"`
	Kind    string  `json:"kind"`
}

// answered notices gaps between answers.
type answered struct {
	session int
	last    time.Time
	gaps    []gap
}

func (a *answered) at(now time.Time) {
	if now.Sub(a.last) > longGap {
		a.gaps = append(a.gaps, gap{a.session, unix(a.last), unix(now)})
	}
	a.last = now
}

func unix(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// soak runs the sessions until the time is up.
func (p plan) soak(sessions []*session) (report, error) {
	if err := openAll(sessions); err != nil {
		return report{}, err
	}
	start := time.Now()
	end := start.Add(time.Duration(p.Seconds * float64(time.Second)))
	all := &soaking{plan: *p.Soak, end: end, all: answered{session: anySession, last: start}}
	own, before := ownTime(), p.used()
	var wg sync.WaitGroup
	for number, s := range sessions {
		wg.Go(func() { all.session(number, s) })
	}
	wg.Wait()
	r := p.reported(total(sessions), time.Since(start), before, p.used(), ownTime()-own)
	all.report.Gaps = append(all.report.Gaps, all.all.gaps...)
	r.Soak = &all.report
	return r, nil
}

// soaking is what the sessions of a soak share.
type soaking struct {
	plan   soakPlan
	end    time.Time
	mu     sync.Mutex
	all    answered
	report soakReport
}

func (s *soaking) session(number int, one *session) {
	own := answered{session: number, last: time.Now()}
	for time.Now().Before(s.end) {
		begun := time.Now()
		called, unique, err := one.step()
		now := time.Now()
		if err == nil {
			one.took = append(one.took, now.Sub(begun))
			own.at(now)
		}
		s.note(number, now, called, unique, err)
		if err != nil {
			one.failed(err)
			s.reopen(number, one)
		}
		pause(s.plan.Pause)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Gaps = append(s.report.Gaps, own.gaps...)
}

// note keeps what came of a call.
func (s *soaking) note(number int, now time.Time, called *prepared, unique string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		s.event(number, kindOf(err))
		if called.keep {
			s.report.Unknown = append(s.report.Unknown, unique)
		}
	default:
		s.all.at(now)
		if called.keep {
			s.report.Acknowledged = append(s.report.Acknowledged, unique)
		}
	}
}

// reopen tries until the session is open or the time is up.
func (s *soaking) reopen(number int, one *session) {
	for time.Now().Before(s.end) {
		err := one.way.open()
		if err == nil {
			return
		}
		s.mu.Lock()
		s.event(number, "open: "+kindOf(err))
		s.mu.Unlock()
		pause(s.plan.Retry)
	}
}

func (s *soaking) event(number int, kind string) {
	if len(s.report.Events) < mostEvents {
		s.report.Events = append(s.report.Events, event{unix(time.Now()), number, kind})
	}
}

func pause(seconds float64) { time.Sleep(time.Duration(seconds * float64(time.Second))) }
