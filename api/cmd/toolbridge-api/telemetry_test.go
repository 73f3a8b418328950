package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"toolbridge/api/internal/config"
	"toolbridge/api/internal/telemetry/collectortest"
)

func TestSpansReachTheCollectorBeforeTheEnd(t *testing.T) {
	t.Parallel()
	collector := collectortest.Start(t)
	env := append(environment("127.0.0.1:0", filepath.Join(t.TempDir(), "api.db")),
		"OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_EXPORTER_OTLP_HEADERS=api-key=of-the-collector", "OTEL_EXPORTER_OTLP_COMPRESSION=gzip",
		"OTEL_SERVICE_NAME=notes", "OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test", "OTEL_BSP_SCHEDULE_DELAY=60000")
	api := launch(t, env)
	if status, _, err := api.call("POST", "/v1/notes", `{}`); err != nil || status != http.StatusCreated {
		t.Fatalf("status %d, %v", status, err)
	}
	if early := len(collector.Spans()); early > 0 {
		t.Errorf("%d spans came before their time", early)
	}
	api.signal(syscall.SIGTERM)
	if code := api.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	names := map[string]bool{}
	for _, span := range collector.Spans() {
		names[span.Name] = true
		if span.Resource["service.name"] != "notes" || span.Resource["deployment.environment.name"] != "test" {
			t.Errorf("%s is of %v", span.Name, span.Resource)
		}
	}
	if !names["POST /v1/notes"] || !names["save item"] || !names["commit"] {
		t.Errorf("spans %v", names)
	}
	if _, headers := collector.Raw(); headers.Get("Api-Key") != "of-the-collector" || headers.Get("Content-Encoding") != "gzip" {
		t.Errorf("headers %v", headers)
	}
}

func TestSpansCanBeShownOnTheStandardOutput(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(binary)
	cmd.Env = append(environment("127.0.0.1:0", filepath.Join(t.TempDir(), "api.db")), "OTEL_TRACES_EXPORTER=console")
	var shown bytes.Buffer
	cmd.Stdout = &shown
	api := started(t, cmd)
	if status, _, err := api.call("GET", "/v1/notes", ""); err != nil || status != http.StatusOK {
		t.Fatalf("status %d, %v", status, err)
	}
	api.signal(syscall.SIGTERM)
	api.exit()
	if !strings.Contains(shown.String(), `"Name":"GET /v1/notes"`) {
		t.Errorf("shown %.500s", shown.String())
	}
}

func TestAScrapeHasOnlyWhatTheProcessDoes(t *testing.T) {
	t.Parallel()
	api := launch(t, environment("127.0.0.1:0", filepath.Join(t.TempDir(), "api.db")))
	if status, _, err := api.call("POST", "/v1/notes", `{}`); err != nil || status != http.StatusCreated {
		t.Fatalf("status %d, %v", status, err)
	}
	status, scraped, err := api.call("GET", "/metrics", "")
	if text := string(scraped); err != nil || status != http.StatusOK || !strings.Contains(text, `db_operation_name="save item"`) ||
		strings.Contains(text, "postgresql") || len(text) > 50_000 {
		t.Errorf("%d bytes, status %d, %v: %.300s", len(scraped), status, err, scraped)
	}
}

func TestALineForPeopleIsOneLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := newLog(&out, slog.LevelInfo, true)
	log.Debug("unseen")
	log.With("who", "x").Warn("request", "subject", "two\nlines", "tool", "get_note", "ms", 1.25, "cause", `a "word"`, "empty", "", "invisible", "\u202e")
	want := regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{3} warning api: request who=x subject="two\\nlines" tool=get_note ms=1\.25 cause="a \\"word\\"" empty="" invisible="\\u202e"\n$`)
	if !want.MatchString(out.String()) {
		t.Errorf("logged %q", out.String())
	}
}

func TestALineForProgramsHasTheNamesOfTheGateway(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	newLog(&out, slog.LevelInfo, false).Warn("request", "outcome", "ok")
	if line := out.String(); !strings.Contains(line, `"level":"warning","message":"request","logger":"toolbridge_api","outcome":"ok"`) {
		t.Errorf("logged %s", line)
	}
}

func TestSubjectsAreShownAsTheSettingSays(t *testing.T) {
	t.Parallel()
	cfg := config.Config{TenantID: "acme"}
	if shown := shownSubject(cfg)("alice"); shown != "alice" {
		t.Errorf("plain: %q", shown)
	}
	cfg.HashSubjects = true
	// printf 'acme\nalice' | sha256sum | cut -c 1-16
	if shown := shownSubject(cfg)("alice"); shown != "913637949619df24" {
		t.Errorf("hashed: %q", shown)
	}
}

func TestVariablesOfTracesMayBeInQuotes(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", ` "http://127.0.0.1:4318" `)
	tidyEnvironment()
	if endpoint := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"); endpoint != "http://127.0.0.1:4318" {
		t.Errorf("endpoint %q", endpoint)
	}
}
