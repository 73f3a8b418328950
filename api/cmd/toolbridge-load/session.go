package main

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"
)

// session is one client: it makes its calls in turn, and opens itself again
// after one that failed.
type session struct {
	way   way
	calls []prepared
	// prefix begins the unique texts, which are UUIDs, so that they can be ids.
	prefix string
	next   int
	sent   int

	took     []time.Duration
	errors   map[string]int
	examples map[string]string
}

func newSession(p plan, number int, address *url.URL, planned sessionPlan) (*session, error) {
	s := &session{
		prefix:   fmt.Sprintf("%s-%04x-4000-8000-", p.Run, number),
		next:     number,
		errors:   map[string]int{},
		examples: map[string]string{},
	}
	var err error
	if s.way, err = newWay(p.Way, address, planned.Headers); err != nil {
		return nil, err
	}
	for _, c := range planned.Calls {
		s.calls = append(s.calls, s.way.prepare(c))
	}
	if len(s.calls) == 0 {
		return nil, errors.New("a session has no calls")
	}
	return s, nil
}

// loop makes calls until the end, and keeps how long those took that end in
// the time given.
func (s *session) loop(from, to time.Time) {
	for {
		begun := time.Now()
		_, _, err := s.step()
		ended := time.Now()
		if !ended.Before(to) {
			return
		}
		switch {
		case err != nil:
			s.failed(err)
			_ = s.way.open()
		case !ended.Before(from):
			s.took = append(s.took, ended.Sub(begun))
		}
	}
}

// step makes the next call.
func (s *session) step() (called *prepared, unique string, err error) {
	called = &s.calls[s.next%len(s.calls)]
	s.next++
	s.sent++
	if called.unique {
		unique = fmt.Sprintf("%s%012x", s.prefix, s.sent)
	}
	return called, unique, s.way.call(called, s.sent, unique)
}

func (s *session) failed(err error) {
	kind := kindOf(err)
	if s.errors[kind] == 0 {
		s.examples[kind] = err.Error()
	}
	s.errors[kind]++
}

// quantiles returns a function that says which time, in milliseconds, a share
// of all calls did not exceed.
func quantiles(took []time.Duration) func(share float64) float64 {
	slices.Sort(took)
	return func(share float64) float64 {
		if len(took) == 0 {
			return 0
		}
		rank := int(share*float64(len(took))+0.999999) - 1
		return float64(took[max(0, min(rank, len(took)-1))].Nanoseconds()) / 1e6
	}
}
