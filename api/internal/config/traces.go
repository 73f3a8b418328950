package config

import (
	"fmt"
	"net/url"
	"strings"
)

const onlyProtocol = "http/protobuf"

// traces reads whether spans are sent. What the exporter would not obey is a problem, as
// nobody would see why no spans arrive.
func traces(env *reader) Traces {
	exporter, named := strings.ToLower(env.standard("OTEL_TRACES_EXPORTER")), false
	var problems []error
	for _, signal := range []string{"", "TRACES_"} {
		endpoint, protocol := "OTEL_EXPORTER_OTLP_"+signal+"ENDPOINT", "OTEL_EXPORTER_OTLP_"+signal+"PROTOCOL"
		if address := env.standard(endpoint); address != "" {
			named = true
			if !isEndpoint(address) { // which may contain a password
				problems = append(problems, fmt.Errorf("%s: not an address of a collector; use for example http://127.0.0.1:4318", endpoint))
			}
		}
		if asked := env.standard(protocol); asked != "" && !strings.EqualFold(asked, onlyProtocol) {
			problems = append(problems, fmt.Errorf("%s: %q is not %s, the only protocol by which traces are sent", protocol, asked, onlyProtocol))
		}
	}
	disabled := strings.EqualFold(env.standard("OTEL_SDK_DISABLED"), "true")
	switch {
	case disabled, exporter == "none", exporter == "" && !named:
		return Traces{}
	case exporter == "console":
		return Traces{Exporter: exporter}
	case exporter != "" && exporter != "otlp":
		problems = append(problems, fmt.Errorf("OTEL_TRACES_EXPORTER: %q is none of otlp, console, none", exporter))
	}
	env.problems = append(env.problems, problems...)
	return Traces{Exporter: "otlp", Named: named}
}

// standard is a variable of OpenTelemetry, where empty is as good as unset.
func (r *reader) standard(name string) string {
	value, _ := r.lookup(name)
	return Unquoted(value)
}

func isEndpoint(address string) bool {
	parsed, err := url.Parse(address)
	return err == nil && parsed.Hostname() != "" && (parsed.Scheme == "http" || parsed.Scheme == "https")
}
