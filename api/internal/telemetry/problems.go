package telemetry

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
)

// problems collects what OpenTelemetry finds wrong with its variables. It would go on with
// defaults, and log the values, which may be secret.
type problems struct {
	mu    sync.Mutex
	found []error
}

// collectProblems collects until the function that it returns is called, which returns
// them. From then on OpenTelemetry says nothing.
func collectProblems() (done func() error) {
	p := &problems{}
	otel.SetLogger(logr.New(p))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(p.addError))
	return func() error {
		otel.SetLogger(logr.Discard())
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
		p.mu.Lock()
		defer p.mu.Unlock()
		return errors.Join(p.found...)
	}
}

// addError is told of a sampler, and of escapes that are none in attributes of the resource.
func (p *problems) addError(err error) {
	var escape url.EscapeError
	if errors.As(err, &escape) {
		p.add("OTEL_RESOURCE_ATTRIBUTES: " + err.Error())
		return
	}
	p.add("OTEL_TRACES_SAMPLER: " + err.Error())
}

func (p *problems) add(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.ContainsFunc(p.found, func(known error) bool { return known.Error() == text }) {
		p.found = append(p.found, errors.New(text))
	}
}

// Init, Enabled, Info, Error, WithValues and WithName implement logr.LogSink.
func (p *problems) Init(logr.RuntimeInfo)          {}
func (p *problems) Enabled(int) bool               { return true }
func (p *problems) WithValues(...any) logr.LogSink { return p }
func (p *problems) WithName(string) logr.LogSink   { return p }
func (p *problems) Error(_ error, msg string, _ ...any) {
	const all = "OTEL_EXPORTER_OTLP_"
	name := "a variable " + all + "..."
	if ending := endings[msg]; ending != "" {
		name = all + ending + " or " + all + "TRACES_" + ending
	}
	p.add(name + " cannot be used: " + msg)
}

// endings of the names of variables, by what OpenTelemetry could not do with them.
var endings = map[string]string{
	"parse duration":             "TIMEOUT",
	"parse url":                  "ENDPOINT",
	"read tls ca cert file":      "CERTIFICATE",
	"create tls cert pool":       "CERTIFICATE",
	"read tls client cert":       "CLIENT_CERTIFICATE",
	"read tls client key":        "CLIENT_KEY",
	"create tls client key pair": "CLIENT_CERTIFICATE",
	"parse headers":              "HEADERS",
	"escape header value":        "HEADERS",
}

// Info looks for a number that is none, whose variable is the key.
func (p *problems) Info(_ int, _ string, pairs ...any) {
	if name, isName := first(pairs).(string); isName && strings.HasPrefix(name, "OTEL_") {
		p.add(name + ": not a whole number")
	}
}

func first(pairs []any) any {
	if len(pairs) == 0 {
		return nil
	}
	return pairs[0]
}
