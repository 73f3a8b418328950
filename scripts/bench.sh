#!/usr/bin/env bash
# Measures the API and the gateway on this machine.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'TEXT'
Usage: scripts/bench.sh WHAT [OPTIONS]

  gateway   tool calls through the gateway, the API alone, and FastMCP's from_openapi on the same API, interleaved:
            calls a second, latency, processor time and memory, as ratios to the two others, and whether the
            targets are reached (about 20 minutes; --rounds 1 --seconds 1 for a quick look)
  soak      50 sessions through the whole stack for minutes, with kills if wanted: memory, descriptors, errors,
            how long nobody is answered, and whether an acknowledged write is lost
  telemetry what log lines, metrics, traces, Server-Timing and the journal cost the gateway and the API in processor
            time, each alone and all together, interleaved (about 10 minutes; --only traces for a part)
  signatures  what a signature of the whole request costs the gateway and the API beside one of tenant and time,
            interleaved (about 2 minutes)
  profile   where the time of a saturated gateway goes, by part
  api       get, list(20), create and patch over REST, each session opened in-band, and opening sessions,
            on SQLite and PostgreSQL
  scale     a page of a list of 1,000,000 items against one of 1,000, median of five, on both stores
            (takes some minutes)

scripts/bench.sh WHAT --help shows the options. docs/performance.md says how to read the figures: processor time and
ratios of one run can be compared, while throughput depends on what else the machine does. Needs /proc. The
PostgreSQL server is a private one that does not wait for the disk.
TEXT
}

WHAT=${1:-}
case $WHAT in
    gateway | soak | signatures | profile) NEEDS="need_go need_api" ;;
    telemetry) NEEDS="need_go need_api need_collector" ;;
    api | scale) NEEDS="need_go need_api need_postgres" ;;
    *)
        usage
        exit 2
        ;;
esac
shift
TOKEN=${TOOLBRIDGE_BENCH_TOKEN:-}
forget_settings
TEMPORARY=$(mktemp -d)
chmod 711 "$TEMPORARY" # the PostgreSQL server in it may belong to another user
finish() {
    stop_postgres "$TEMPORARY/postgres"
    rm -rf "$TEMPORARY"
}
trap finish EXIT
API_BINARY="$TEMPORARY/bin/toolbridge-api"
LOAD="$TEMPORARY/bin/toolbridge-load"
# shellcheck disable=SC2086  a list of names
set_up requirements-dev.lock $NEEDS
build_load() { cd "$ROOT/api" && "$GO" build -o "$LOAD" ./cmd/toolbridge-load; }
step "Load generator" "Fix what the compiler names." build_load
case $WHAT in
    scale)
        start_postgres "$TEMPORARY/postgres"
        cd "$ROOT/api"
        "$GO" test -run '^$' -bench Scale -benchtime 500x -timeout 60m ./internal/store/... |
            in_mcp tests.bench.scale
        exit
        ;;
    api) start_postgres "$TEMPORARY/postgres" ;;
esac
# In the folder of the caller, so that files are where options name them.
TOOLBRIDGE_BENCH_TOKEN=$TOKEN PYTHONPATH="$ROOT/mcp" \
    "$VENV_PYTHON" -P -m "tests.bench.$WHAT" --api "$API_BINARY" --load "$LOAD" "$@"
