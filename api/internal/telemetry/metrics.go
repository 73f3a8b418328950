package telemetry

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/login"
)

// Metrics is what Prometheus reads of a process. All labels are from sets that the
// program declares: a caller cannot add to them.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	refused  map[fault.Code]prometheus.Counter
	unsigned map[auth.Reason]prometheus.Counter
	granted  map[Grant]prometheus.Counter
	reused   prometheus.Counter
	signIns  map[login.Result]prometheus.Counter
}

// Grant is what an access token of the embedded authorization server was given for.
type Grant string

// The grants (RFC 6749, sections 4 and 6).
const (
	GrantCode    Grant = "authorization_code"
	GrantRefresh Grant = "refresh_token"
	GrantClient  Grant = "client_credentials"
)

// NewMetrics returns the metrics of a process of this version.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "http_server_request_duration_seconds",
			Help:    "Time of a request, until its response was written. error_type is the code of an error, client_left without a response, and empty for success.",
			Buckets: []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"http_request_method", "http_route", "http_response_status_code", "error_type"}),
		refused:  make(map[fault.Code]prometheus.Counter),
		unsigned: make(map[auth.Reason]prometheus.Counter),
		granted:  make(map[Grant]prometheus.Counter),
		reused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "toolbridge_api_refresh_reused_total", Help: "Refresh tokens that were used again after their time, so that their connection was ended.",
		}),
		signIns: make(map[login.Result]prometheus.Counter),
	}
	errors := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "toolbridge_api_errors_total", Help: "Requests that were answered with an error, by its code.",
	}, []string{"code"})
	for code := range fault.Codes {
		m.refused[code] = errors.WithLabelValues(string(code))
	}
	signatures := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "toolbridge_api_signature_refusals_total", Help: "Requests whose tenant signature was refused, by the reason.",
	}, []string{"reason"})
	for _, reason := range auth.Reasons {
		m.unsigned[reason] = signatures.WithLabelValues(string(reason))
	}
	granted := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "toolbridge_api_login_tokens_total", Help: "Access tokens that the API has issued itself, by what they were given for.",
	}, []string{"grant"})
	for _, grant := range []Grant{GrantCode, GrantRefresh, GrantClient} {
		m.granted[grant] = granted.WithLabelValues(string(grant))
	}
	signIns := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "toolbridge_api_sign_ins_total", Help: "Sign-ins by a password, a link or a change of the password, by how they ended.",
	}, []string{"result"})
	for _, result := range login.Results {
		m.signIns[result] = signIns.WithLabelValues(string(result))
	}
	built := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "toolbridge_api_build_info", Help: "1, with the version of the API.",
	}, []string{"version"})
	built.WithLabelValues(version).Set(1)
	m.registry.MustRegister(m.requests, errors, signatures, signIns, granted, m.reused, built, statementSeconds, spans,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the metrics in the format that is asked for.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Route is the metrics of one route.
type Route struct {
	metrics         *Metrics
	method, pattern string
	mu              sync.RWMutex
	took            map[outcome]prometheus.Observer
}

// outcome is how a request ended. Status is 0 when nobody waited for a response.
type outcome struct {
	status int
	code   string
}

// Route returns the metrics of the route with this method and pattern.
func (m *Metrics) Route(method, pattern string) *Route {
	return &Route{metrics: m, method: method, pattern: pattern, took: make(map[outcome]prometheus.Observer)}
}

// Note notes a request that was answered with a status: with an error of this code, or
// with none.
func (r *Route) Note(status int, code fault.Code, took time.Duration) {
	if counter := r.metrics.refused[code]; counter != nil {
		counter.Inc()
	}
	r.observer(outcome{status, string(code)}).Observe(took.Seconds())
}

// SignatureRefused notes a request whose tenant signature was refused.
func (m *Metrics) SignatureRefused(reason auth.Reason) { m.unsigned[reason].Inc() }

// TokenIssued notes an access token of the embedded authorization server.
func (m *Metrics) TokenIssued(grant Grant) { m.granted[grant].Inc() }

// RefreshReused notes a refresh token that has ended its connection.
func (m *Metrics) RefreshReused() { m.reused.Inc() }

// SignedIn notes how a sign-in ended.
func (m *Metrics) SignedIn(result login.Result) { m.signIns[result].Inc() }

// ClientLeft notes a request for whose response nobody waited.
func (r *Route) ClientLeft(took time.Duration) {
	r.observer(outcome{0, ClientLeft}).Observe(took.Seconds())
}

// ClientLeft is the outcome of a request for whose response nobody waited.
const ClientLeft = "client_left"

// observer keeps what Prometheus would look up by all labels.
func (r *Route) observer(of outcome) prometheus.Observer {
	r.mu.RLock()
	found := r.took[of]
	r.mu.RUnlock()
	if found != nil {
		return found
	}
	status := ""
	if of.status > 0 {
		status = strconv.Itoa(of.status)
	}
	found = r.metrics.requests.WithLabelValues(r.method, r.pattern, status, of.code)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.took[of] = found
	return found
}
