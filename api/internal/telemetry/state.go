package telemetry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// scrapeWithin is how long the state of a store may take.
const scrapeWithin = time.Second

// State is what a process has and uses at a moment.
type State struct {
	Degraded bool // whether writes fail, or the store does not answer
	Keys     int  // that verify tokens
	KeysRead time.Time
	Tokens   int // that need not be verified again
	Store    Sizes
	Secrets  map[string]Secrets // by their use
	Signing  *Signing           // nil: the API issues no tokens

	// The share of each quota that the fullest user has used. One that is off, or whose use
	// is not known, has none.
	QuotaUsed map[string]float64
}

// Secrets are the keys of one use.
type Secrets struct {
	Problem bool                     // whether their file cannot be used
	Ages    map[string]time.Duration // of the keys whose day is known, by their ids
}

// Signing is the key that signs the API's own tokens.
type Signing struct {
	ID  string
	Age time.Duration
}

// Sizes is what a store has and uses. What is 0 is not known.
type Sizes struct {
	Database           int64 // bytes
	DiskFree, DiskSize int64 // bytes; both are known when DiskSize is
	Used, Idle, Most   int   // connections
}

// Watch adds the state of a process, which is asked for at each scrape.
func (m *Metrics) Watch(state func(context.Context) State) {
	m.registry.MustRegister(watched{state})
}

// watched collects the state of a process.
type watched struct {
	state func(context.Context) State
}

func described(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	degraded    = described("toolbridge_api_degraded", "1 while writes fail or the store does not answer, else 0.")
	keys        = described("toolbridge_api_keys", "Keys that verify tokens.")
	keysAge     = described("toolbridge_api_keys_age_seconds", "Time since the identity provider's keys were read. Absent with a shared secret.")
	keyAge      = described("toolbridge_api_key_age_seconds", "Time since the day on which a secret was made, for the tenant's signatures (tenant) and for tokens (token), or since the API made the key that signs its own tokens (login). Absent where the day is not known.", "use", "key")
	keysProblem = described("toolbridge_api_keys_problem", "1 while the file with the secrets of this use cannot be used, so that earlier ones stay in use, else 0.", "use")
	tokens      = described("toolbridge_api_verified_tokens", "Tokens whose signature need not be verified again.")
	quotaUsed   = described("toolbridge_api_quota_used_ratio", "The share of a quota that the fullest user has used, from 0 to 1, or above after it was lowered. Absent where the quota is off.", "quota")
	database    = described("toolbridge_database_bytes", "Size of the database.")
	diskFree    = described("toolbridge_disk_free_bytes", "Free space of the disk of the database. Absent with PostgreSQL.")
	diskSize    = described("toolbridge_disk_size_bytes", "Size of the disk of the database. Absent with PostgreSQL.")
	connections = described("db_client_connection_count", "Connections to the database.", "db_client_connection_state")
	mostConns   = described("db_client_connection_max", "Most connections to the database at once.")
)

// Describe implements prometheus.Collector.
func (w watched) Describe(to chan<- *prometheus.Desc) {
	for _, one := range []*prometheus.Desc{degraded, keys, keysAge, keyAge, keysProblem, tokens, quotaUsed, database, diskFree, diskSize, connections, mostConns} {
		to <- one
	}
}

// Collect implements prometheus.Collector.
func (w watched) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWithin)
	defer cancel()
	gauge := func(of *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(of, prometheus.GaugeValue, value, labels...)
	}
	state := w.state(ctx)
	gauge(degraded, map[bool]float64{true: 1}[state.Degraded])
	gauge(keys, float64(state.Keys))
	gauge(tokens, float64(state.Tokens))
	if !state.KeysRead.IsZero() {
		gauge(keysAge, time.Since(state.KeysRead).Seconds())
	}
	for use, secrets := range state.Secrets {
		gauge(keysProblem, map[bool]float64{true: 1}[secrets.Problem], use)
		for id, age := range secrets.Ages {
			gauge(keyAge, age.Seconds(), use, id)
		}
	}
	if state.Signing != nil {
		gauge(keyAge, state.Signing.Age.Seconds(), "login", state.Signing.ID)
	}
	for quota, share := range state.QuotaUsed {
		gauge(quotaUsed, share, quota)
	}
	sizes := state.Store
	if sizes.Database > 0 {
		gauge(database, float64(sizes.Database))
	}
	if sizes.DiskSize > 0 {
		gauge(diskFree, float64(sizes.DiskFree))
		gauge(diskSize, float64(sizes.DiskSize))
	}
	gauge(connections, float64(sizes.Used), "used")
	gauge(connections, float64(sizes.Idle), "idle")
	gauge(mostConns, float64(sizes.Most))
}
