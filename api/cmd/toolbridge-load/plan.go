package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"runtime"
	"sync"
	"time"
)

// plan is what to call, how, and for how long. Each session has one call in
// flight at a time, and goes through its calls over and over.
type plan struct {
	URL string `json:"url"`
	// Way is rest, sse, session (Streamable HTTP in a session) or stateless
	// (Streamable HTTP of revision 2026-07-28).
	Way      string        `json:"way"`
	Sessions []sessionPlan `json:"sessions"`
	// Warmup and Seconds: calls that end in the first are not counted.
	Warmup  float64 `json:"warmup"`
	Seconds float64 `json:"seconds"`
	// Watch names processes; each is measured together with its descendants.
	Watch map[string]int `json:"watch"`
	// Run is eight hexadecimal digits, with which the UUIDs begin that take the
	// place of {unique} in calls.
	Run  string    `json:"run"`
	Soak *soakPlan `json:"soak"`
}

type sessionPlan struct {
	Headers map[string]string `json:"headers"`
	Calls   []call            `json:"calls"`
}

// call is one request. In Body, {unique} is replaced by a text that no other
// call has.
type call struct {
	// Method is that of HTTP over REST, and that of MCP otherwise.
	Method string `json:"method"`
	// Path is the path and query of a REST call.
	Path string `json:"path"`
	// Name is the name of the tool.
	Name string `json:"name"`
	// Body is the body of a REST call, and the params of MCP.
	Body json.RawMessage `json:"body"`
	// Keep: a soak reports the unique text of this call, and whether the call
	// was acknowledged.
	Keep bool `json:"keep"`
}

// report is what came of a plan.
type report struct {
	Calls   int     `json:"calls"`
	Seconds float64 `json:"seconds"`
	P50     float64 `json:"p50_ms"`
	P95     float64 `json:"p95_ms"`
	P99     float64 `json:"p99_ms"`
	// Errors counts failed calls by kind; Examples has the first of each.
	Errors   map[string]int    `json:"errors"`
	Examples map[string]string `json:"examples"`
	// Used is the processor time of the watched processes in seconds, and Own
	// that of this one as a share of all processors.
	Used map[string]float64 `json:"used_seconds"`
	Own  float64            `json:"own_share"`
	// OwnPerCall is the processor time of this process for each call, in microseconds.
	OwnPerCall float64     `json:"own_us_per_call"`
	Soak       *soakReport `json:"soak,omitempty"`
}

func (p plan) run() (report, error) {
	address, err := url.Parse(p.URL)
	if err != nil || address.Scheme != "http" || address.Port() == "" {
		return report{}, fmt.Errorf("%q is no http address with a port", p.URL)
	}
	sessions := make([]*session, len(p.Sessions))
	for i, planned := range p.Sessions {
		if sessions[i], err = newSession(p, i, address, planned); err != nil {
			return report{}, err
		}
	}
	defer func() {
		for _, s := range sessions {
			s.way.close()
		}
	}()
	if p.Soak != nil {
		return p.soak(sessions)
	}
	return p.measure(sessions)
}

// measure opens all sessions, and then counts the calls that end in the
// seconds after the warm-up.
func (p plan) measure(sessions []*session) (report, error) {
	if err := openAll(sessions); err != nil {
		return report{}, err
	}
	from := time.Now().Add(time.Duration(p.Warmup * float64(time.Second)))
	to := from.Add(time.Duration(p.Seconds * float64(time.Second)))
	var wg sync.WaitGroup
	for _, s := range sessions {
		wg.Go(func() { s.loop(from, to) })
	}
	time.Sleep(time.Until(from))
	start, before, own := time.Now(), p.used(), ownTime()
	time.Sleep(time.Until(to))
	seconds, after := time.Since(start), p.used()
	own = ownTime() - own
	wg.Wait()

	return p.reported(total(sessions), seconds, before, after, own), nil
}

// reported adds to a report what the processes used.
func (p plan) reported(r report, took time.Duration, before, after map[string]float64, own time.Duration) report {
	r.Seconds, r.Used = took.Seconds(), map[string]float64{}
	for name := range p.Watch {
		r.Used[name] = after[name] - before[name]
	}
	r.Own = own.Seconds() / r.Seconds / float64(runtime.NumCPU())
	if r.Calls > 0 {
		r.OwnPerCall = float64(own.Microseconds()) / float64(r.Calls)
	}
	return r
}

func openAll(sessions []*session) error {
	errs := make([]error, len(sessions))
	var wg sync.WaitGroup
	for i, s := range sessions {
		wg.Go(func() { errs[i] = s.way.open() })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("a session cannot be opened: %w", err)
		}
	}
	return nil
}

// total adds the sessions up.
func total(sessions []*session) report {
	r := report{Errors: map[string]int{}, Examples: map[string]string{}}
	var took []time.Duration
	for _, s := range sessions {
		took = append(took, s.took...)
		for kind, count := range s.errors {
			r.Errors[kind] += count
			r.Examples[kind] = s.examples[kind]
		}
	}
	r.Calls = len(took)
	quantile := quantiles(took)
	r.P50, r.P95, r.P99 = quantile(0.50), quantile(0.95), quantile(0.99)
	return r
}
