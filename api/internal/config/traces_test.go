package config_test

import (
	"strings"
	"testing"

	"toolbridge/api/internal/config"
)

func TestTracesAreSentWhenAVariableSaysWhereTo(t *testing.T) {
	const endpoint = "http://127.0.0.1:4318"
	collector, local := config.Traces{Exporter: "otlp", Named: true}, config.Traces{Exporter: "otlp"}
	for _, row := range []struct {
		name    string
		changes map[string]string
		want    config.Traces
	}{
		{"nothing", nil, config.Traces{}},
		{"an empty endpoint", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, config.Traces{}},
		{"an endpoint", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}, collector},
		{"an endpoint in quotes", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": `"` + endpoint + `"`}, collector},
		{"an endpoint of traces", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint + "/v1/traces"}, collector},
		{"an exporter", map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, local},
		{"the protocol", map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, local},
		{"words in capitals", map[string]string{"OTEL_TRACES_EXPORTER": "OTLP", "OTEL_EXPORTER_OTLP_PROTOCOL": "HTTP/protobuf"}, local},
		{"the console", map[string]string{"OTEL_TRACES_EXPORTER": "console", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, config.Traces{Exporter: "console"}},
		{"none", map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}, config.Traces{}},
		{"a switch", map[string]string{"OTEL_SDK_DISABLED": "True", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}, config.Traces{}},
		{"no switch", map[string]string{"OTEL_SDK_DISABLED": "perhaps", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}, collector},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := config.FromEnv(lookup(row.changes))
			if err != nil || got.Traces != row.want {
				t.Errorf("got %+v, %v; want %+v", got.Traces, err, row.want)
			}
		})
	}
}

func TestTracesThatCannotBeSentStopTheStart(t *testing.T) {
	for _, row := range []struct{ name, value, says string }{
		{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", `"grpc" is not http/protobuf`},
		{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", `"http/json" is not http/protobuf`},
		{"OTEL_TRACES_EXPORTER", "zipkin", `"zipkin" is none of otlp, console, none`},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "user:secret-word@collector", "not an address of a collector"},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "grpc://secret-word@collector:4317", "not an address of a collector"},
	} {
		t.Run(row.name, func(t *testing.T) {
			changes := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", row.name: row.value}
			_, err := config.FromEnv(lookup(changes))
			if err == nil || !strings.Contains(err.Error(), row.name+": ") || !strings.Contains(err.Error(), row.says) {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "secret-word") {
				t.Errorf("quotes the address: %v", err)
			}
		})
	}
}
