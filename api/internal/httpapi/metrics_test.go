package httpapi_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	naming "github.com/prometheus/common/model"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/limit"
	"toolbridge/api/internal/telemetry/collectortest"
)

// scraped is the metrics of a process, by name.
type scraped map[string]*dto.MetricFamily

// scrape reads the metrics as Prometheus does.
func (p *process) scrape() scraped {
	p.t.Helper()
	response, err := http.Get(p.url + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		p.t.Fatalf("status %d", response.StatusCode)
	}
	parser := expfmt.NewTextParser(naming.UTF8Validation)
	found, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return found
}

// sum adds up the series of a metric that have the labels, given as name=value. Of a
// histogram it counts the observations.
func (s scraped) sum(name string, labels ...string) (sum float64) {
	for _, series := range s[name].GetMetric() {
		has := map[string]bool{}
		for _, label := range series.Label {
			has[label.GetName()+"="+label.GetValue()] = true
		}
		wanted := true
		for _, label := range labels {
			wanted = wanted && has[label]
		}
		if wanted {
			sum += series.GetCounter().GetValue() + series.GetGauge().GetValue() + float64(series.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

func TestMetricsCountRequestsByRouteAndOutcome(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t)
		u := p.user("alice")
		note := u.has(find("note"), "").UID
		u.call("GET", "/v1/notes/"+note, "").is(200)
		u.call("GET", "/v1/notes/"+note, "").is(200)
		u.call("GET", "/v1/notes/"+someUID, "").is(404)
		p.send("GET", "/v1/notes/"+note, "", nil).is(401)
		got := p.scrape()
		const requests = "http_server_request_duration_seconds"
		get := []string{"http_request_method=GET", "http_route=/v1/notes/{uid}"}
		for _, row := range []struct {
			status, code string
			want         float64
		}{{"200", "", 2}, {"404", "not_found", 1}, {"401", "unauthorized", 1}} {
			labels := append(get, "http_response_status_code="+row.status, "error_type="+row.code)
			if n := got.sum(requests, labels...); n != row.want {
				t.Errorf("%v: %v, want %v", labels, n, row.want)
			}
		}
		for code, want := range map[string]float64{"not_found": 1, "unauthorized": 1, "rate_limited": 0, "quota_exceeded": 0} {
			if n := got.sum("toolbridge_api_errors_total", "code="+code); n != want {
				t.Errorf("errors %s: %v, want %v", code, n, want)
			}
		}
		if got.sum(requests) != 5 {
			t.Errorf("%v requests, the scrape itself does not count", got.sum(requests))
		}
		equal(t, "degraded", got.sum("toolbridge_api_degraded"), 0.0)
		equal(t, "keys", got.sum("toolbridge_api_keys"), 1.0)
		equal(t, "verified tokens", got.sum("toolbridge_api_verified_tokens"), 1.0)
		equal(t, "version", got.sum("toolbridge_api_build_info", "version=1.2.3"), 1.0)
		for _, name := range []string{"toolbridge_database_bytes", "db_client_connection_max", "go_goroutines", "process_cpu_seconds_total"} {
			if got.sum(name) <= 0 {
				t.Errorf("%s is %v", name, got.sum(name))
			}
		}
		if _, shared := got["toolbridge_api_keys_age_seconds"]; shared {
			t.Error("a shared secret has an age")
		}
	})
}

func TestMetricsNameStatementsByWhatTheyDo(t *testing.T) {
	t.Parallel()
	for system, fresh := range map[string]func(*testing.T) database{"sqlite": onSQLite, "postgresql": onPostgres} {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			p := startOn(t, fresh(t), newClock())
			u := p.user("alice")
			const statements = "db_client_operation_duration_seconds"
			read := []string{"db_system_name=" + system, "db_operation_name=read item with state", "error_type="}
			before := p.scrape().sum(statements, read...)
			u.call("GET", "/v1/notes/"+u.has(find("note"), "").UID, "").is(200)
			if n := p.scrape().sum(statements, read...) - before; n < 1 { // other tests count here, too
				t.Errorf("%v reads", n)
			}
		})
	}
}

func TestAWaitForTheWritersTurnIsMeasured(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		waits := func() float64 {
			return u.scrape().sum("db_client_operation_duration_seconds", "db_operation_name=wait for turn")
		}
		before := waits()
		release := u.locked()
		var writing sync.WaitGroup
		for range 3 {
			writing.Go(func() { u.call("POST", "/v1/notes", `{}`, waiting("300")) })
		}
		writing.Wait()
		release()
		if n := waits() - before; n < 2 {
			t.Errorf("%v waits, want 2 at least", n)
		}
	})
}

func TestHostileRequestsAddNoLabels(t *testing.T) {
	t.Parallel()
	p := start(t, func(api *httpapi.API) {
		api.Limits = httpapi.NewLimits(limit.Rate{PerMinute: 1, Burst: 1}, plenty, plenty)
	})
	attack := func(round int) {
		for i := range 20 {
			word := fmt.Sprintf("x%d-%d", round, i)
			h := p.user(word).headers()
			for _, name := range []string{"X-TB-Client", "X-TB-Tool", "X-Correlation-ID", "User-Agent", "traceparent", "X-" + word} {
				h.Set(name, word)
			}
			for _, path := range []string{"/" + word, "/v1/notes/" + word, "/v1/" + word, "/v1/sync/sessions/" + word, "/metrics"} {
				for _, method := range []string{"GET", "BREW" + word, "POST", "TRACE"} {
					if path+method != "/metricsGET" {
						p.send(method, path+"?"+word+"=1", "", h)
					}
				}
			}
		}
	}
	attack(1)
	before := series(p.scrape())
	attack(2)
	after := series(p.scrape())
	for name := range before {
		if before[name] != after[name] && strings.Contains(name, "http_") || strings.Contains(name, "toolbridge_") && before[name] != after[name] {
			t.Errorf("%s: %d series became %d", name, before[name], after[name])
		}
	}
	for _, family := range p.scrape() {
		if text := family.String(); regexp.MustCompile(`x[12]-\d`).MatchString(text) {
			t.Errorf("a label of the callers': %.300s", text)
		}
	}
	if p.scrape().sum("toolbridge_api_errors_total", "code=rate_limited") == 0 {
		t.Error("no request was refused")
	}
}

func series(all scraped) map[string]int {
	counted := map[string]int{}
	for name, family := range maps.All(all) {
		counted[name] = len(family.GetMetric())
	}
	return counted
}

func TestMetricsAreForThisMachineOnly(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, row := range []struct{ peer, header, method string }{
		{"10.0.0.7:9", "", "GET"}, {"pipe", "", "GET"}, {"127.0.0.1:9", "X-Forwarded-For", "GET"}, {"127.0.0.1:9", "Forwarded", "GET"}, {"127.0.0.1:9", "", "POST"},
	} {
		request := httptest.NewRequest(row.method, "/metrics", nil)
		request.RemoteAddr = row.peer
		if row.header != "" {
			request.Header.Set(row.header, "127.0.0.1")
		}
		recorder := httptest.NewRecorder()
		if p.handler.ServeHTTP(recorder, request); recorder.Code != http.StatusNotFound || !strings.Contains(recorder.Body.String(), "route_not_found") {
			t.Errorf("%+v: %d %s", row, recorder.Code, recorder.Body)
		}
	}
	if strings.Contains(p.log.String(), `"route":"/metrics"`) {
		t.Errorf("log %s", p.log)
	}
}

func TestAScrapeWhileServingIsWhole(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		note := "/v1/notes/" + u.has(find("note"), "").UID
		var calling sync.WaitGroup
		for range 4 {
			calling.Go(func() {
				for range 25 {
					u.call("PATCH", note, `{"a":1}`)
					u.call("GET", note, "").is(200)
					u.call("GET", "/v1/notes/"+someUID, "").is(404)
				}
			})
		}
		for range 20 {
			u.scrape()
		}
		calling.Wait()
		if n := u.scrape().sum("http_server_request_duration_seconds"); n != 1+4*75 {
			t.Errorf("%v requests", n)
		}
	})
}

func TestAnItemsAnswerSaysWhereItsTimeWent(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t)
		u := p.user("alice")
		note := "/v1/notes/" + u.has(find("note"), "").UID
		for _, got := range []answer{
			u.call("GET", note, ""), u.call("GET", "/v1/notes", ""), u.call("PATCH", note, `{"a":1}`),
			u.call("GET", "/v1/notes/"+someUID, "").is(404),
		} {
			var store, total float64
			if n, err := fmt.Sscanf(got.header.Get("Server-Timing"), "store;dur=%f, total;dur=%f", &store, &total); n != 2 || store <= 0 || total < store {
				t.Errorf("%s: Server-Timing %q, %v", got.request, got.header.Get("Server-Timing"), err)
			}
		}
		for _, got := range []answer{p.send("GET", "/healthz", "", nil), p.send("GET", note, "", nil).is(401), u.call("GET", note, "", set("Signature", "tb=::"))} {
			if timing, told := got.header["Server-Timing"]; told {
				t.Errorf("%s: somebody unknown is told %q", got.request, timing)
			}
		}
	})
}

func TestMetricsTellTheKeysOfTheProvider(t *testing.T) {
	t.Parallel()
	one := newSigner(t, "one", jwt.SigningMethodES256)
	u := trusting(t, newProvider(t, one.public()))
	if n := u.scrape().sum("toolbridge_api_keys"); n != 0 {
		t.Errorf("%v keys before any was needed", n)
	}
	u.call("GET", "/v1/notes", "", one.bearer(u)).is(200)
	got := u.scrape()
	equal(t, "keys", got.sum("toolbridge_api_keys"), 1.0)
	if _, told := got["toolbridge_api_keys_age_seconds"]; !told {
		t.Error("the keys have no age")
	}
}

func TestMetricsTellAStoreThatIsFull(t *testing.T) {
	t.Parallel()
	p := start(t, func(api *httpapi.API) {
		api.Ready = func(context.Context) error { return fault.New(fault.DiskFull, "the disk is full") }
	})
	equal(t, "degraded", p.scrape().sum("toolbridge_api_degraded"), 1.0)
}

func TestMetricsTellHowFullTheFullestUserIs(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, withQuota(item.Quota{Items: 4, Bytes: 10_000}))
		const name = "toolbridge_api_quota_used_ratio"
		shares := func(p *process) map[string]float64 {
			said := map[string]float64{}
			for _, series := range p.scrape()[name].GetMetric() {
				said[series.Label[0].GetName()+"="+series.Label[0].GetValue()] = series.GetGauge().GetValue()
			}
			return said
		}
		empty := map[string]float64{"quota=items": 0, "quota=bytes": 0}
		equal(t, "nobody", shares(p), empty)

		alice, bob := p.user("alice"), p.user("bob")
		for range 3 {
			alice.has(find("note"), "")
		}
		alice.call("DELETE", "/v1/notes/"+alice.has(find("note"), "").UID, "").is(200)
		bob.call("POST", "/v1/notes", `{"content":"`+strings.Repeat("x", 6000)+`"}`).is(201)
		p.clock.advance(59 * time.Second)
		equal(t, "the minute is not over", shares(p), empty)
		p.clock.advance(time.Second)
		said := shares(p)
		if bytes := said["quota=bytes"]; said["quota=items"] != 0.75 || bytes < 0.6 || bytes > 0.7 {
			t.Errorf("3 of 4 items of one, and 6000 of 10000 bytes of the other are %v", said)
		}
		equal(t, "a lower quota of items alone", shares(p.twin(withQuota(item.Quota{Items: 2}))), map[string]float64{"quota=items": 1.5})
		equal(t, "no quota", shares(p.twin()), map[string]float64{})
	})
}

func TestAScrapeWithoutTheMostUsedHasTheRest(t *testing.T) {
	t.Parallel()
	p := start(t, withQuota(item.Quota{Items: 4}), func(api *httpapi.API) { api.Accounts.Store = mute{api.Accounts.Store} })
	got := p.scrape()
	if family, told := got["toolbridge_api_quota_used_ratio"]; told || got.sum("db_client_connection_max") == 0 {
		t.Errorf("%v", family)
	}
}

// mute is a store that does not say in time how much users have.
type mute struct{ account.Store }

func (mute) MostUsed(ctx context.Context, _ string) (items, bytes int64, err error) {
	<-ctx.Done()
	return 0, 0, ctx.Err()
}

func TestTheDocumentListsWhatIsExported(t *testing.T) {
	t.Parallel()
	tracing, stop := traced(t, collectortest.Start(t).URL, &lockedBuffer{})
	defer stop()
	one := newSigner(t, "one", jwt.SigningMethodES256)
	rings := withRings(t, map[string]keyring.Source{"tenant": {List: keyMade("k1", newClock().Now())}})
	u := trusting(t, newProvider(t, one.public()), tracing, rings, withQuota(item.Quota{Items: 1}))
	u.call("GET", "/v1/notes", "", one.bearer(u)).is(200)
	exported := []string{}
	for name, family := range u.scrape() {
		if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") || strings.HasPrefix(name, "promhttp_") {
			continue
		}
		labels := []string{}
		for _, label := range family.Metric[0].Label {
			labels = append(labels, "`"+label.GetName()+"`")
		}
		slices.Sort(labels)
		kind := strings.ToLower(family.GetType().String())
		if strings.HasSuffix(name, "_seconds") {
			kind += ", s"
		} else if strings.HasSuffix(name, "_bytes") {
			kind += ", bytes"
		}
		exported = append(exported, fmt.Sprintf("| `%s` | %s | %s | %s |", name, kind, cmp.Or(strings.Join(labels, " "), "none"), family.GetHelp()))
	}
	slices.Sort(exported)
	page, err := os.ReadFile("../../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, ours, _ := strings.Cut(string(page), "\n## The API\n")
	ours, _, _ = strings.Cut(ours, "\n### ")
	documented := regexp.MustCompile("(?m)^\\| `.*$").FindAllString(ours, -1)
	if !slices.Equal(documented, exported) {
		t.Errorf("docs/metrics.md should list:\n%s", strings.Join(exported, "\n"))
	}
}

func TestEveryReasonOfARefusedSignatureIsExplained(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, explained, _ := strings.Cut(string(page), "\n### Why a signature is refused\n")
	for _, reason := range auth.Reasons {
		if !strings.Contains(explained, "\n| `"+string(reason)+"` | ") {
			t.Errorf("docs/metrics.md does not explain %s", reason)
		}
	}
}
