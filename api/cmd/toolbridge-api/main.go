// Command toolbridge-api serves the REST API of one tenant.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"toolbridge/api/internal/config"
	"toolbridge/api/internal/telemetry"
)

// wrongSetting is the exit code when a setting is missing or wrong, so that another
// start would not help: EX_CONFIG of sysexits.h, since a panic ends with 2.
const wrongSetting = 78

func main() {
	tidyEnvironment()
	// A second signal ends the process at once, even if calls are not finished.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop)
	os.Exit(command(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}

// command runs the command of the arguments and returns the exit code.
func command(ctx context.Context, args []string, lookup config.Lookup, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("toolbridge-api", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	healthcheck := flags.Bool("healthcheck", false, "ask the API at HTTP_ADDR whether it is ready, and exit")
	showVersion := flags.Bool("version", false, "print the version, and exit")
	if flags.Parse(args) != nil {
		return 2
	}
	switch {
	case *showVersion:
		fmt.Fprintln(stdout, "toolbridge-api", buildVersion())
		return 0
	case *healthcheck:
		return exitCode(probeReady(ctx, lookup), stderr)
	case flags.NArg() > 0:
		return dataCommand(ctx, flags.Args(), lookup, stdout, stderr)
	}
	return serveCommand(ctx, lookup, stdout, stderr)
}

// tidyEnvironment unsets the variables of libpq and of Go's tools. The driver and the
// runtime read them too, so one that was set for another program could name another
// server or weaken its TLS. ALL_PROXY counts as in the gateway, where HTTPS_PROXY wins.
// OpenTelemetry reads its own variables, so they lose the quotes that docker --env-file
// leaves around a value.
func tidyEnvironment() {
	if proxy := cmp.Or(os.Getenv("ALL_PROXY"), os.Getenv("all_proxy")); proxy != "" &&
		cmp.Or(os.Getenv("HTTPS_PROXY"), os.Getenv("https_proxy")) == "" {
		os.Setenv("HTTPS_PROXY", proxy)
	}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		switch {
		case strings.HasPrefix(name, "PG"), name == "GODEBUG":
			os.Unsetenv(name)
		case strings.HasPrefix(name, "OTEL_"):
			os.Setenv(name, config.Unquoted(value))
		}
	}
}

// serveCommand serves. A failed start is one log line in the usual format.
func serveCommand(ctx context.Context, lookup config.Lookup, stdout, stderr io.Writer) int {
	cfg, err := config.FromEnv(lookup)
	log := newLog(stderr, cfg.LogLevel, cfg.LogText)
	var opened rings
	if err == nil {
		opened, err = openRings(cfg)
	}
	var tracing *telemetry.Tracing
	if err == nil {
		tracing, err = startTracing(ctx, cfg.Traces, stdout, log)
	}
	if err != nil {
		log.Error("stopped", "error", err.Error())
		return wrongSetting
	}
	defer tracing.Close()
	tuneCollector()
	err = checkAlone(ctx, cfg.Database, lookup, net.DefaultResolver, log)
	if err == nil {
		err = run(ctx, cfg, opened, tracing, log)
	}
	if err != nil {
		log.Error("stopped", "error", err.Error())
		return 1
	}
	return 0
}

// startTracing begins to send traces, if the settings say so.
func startTracing(ctx context.Context, traces config.Traces, stdout io.Writer, log *slog.Logger) (*telemetry.Tracing, error) {
	if traces.Exporter == "" {
		return nil, nil
	}
	to := telemetry.TracesTo{Exporter: traces.Exporter, Stream: stdout, Version: buildVersion()}
	if !traces.Named {
		to.Endpoint = telemetry.LocalCollector
	}
	return telemetry.StartTracing(ctx, to, log)
}

func exitCode(err error, stderr io.Writer) int {
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

// probeReady probes the API on this machine, so an address for all interfaces becomes
// the loopback address.
func probeReady(ctx context.Context, lookup config.Lookup) error {
	addr, err := config.Addr(lookup)
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{}} // no proxy from the environment
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: status %d", response.StatusCode)
	}
	return nil
}

// version is set by the linker where a release is built.
var version string

func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
