#!/usr/bin/env bash
# Measures the API or the gateway on this machine: requests per second and processor time per request.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'TEXT'
Usage: scripts/bench.sh [api | gateway | scale] [SECONDS]

  api       get, list(20), create and patch over REST, each session opened in-band, on SQLite, and on
            PostgreSQL too if TOOLBRIDGE_TEST_POSTGRES names a server
  gateway   get_note over SSE at 1, 10 and 50 sessions
  scale     a page of a list of 1,000,000 items against one of 1,000, median of five, on the same stores
            as above (takes some minutes)

Each figure is measured for SECONDS (3). Processor time is the figure to compare: throughput depends on
what else the machine does. Needs /proc.
TEXT
}

case ${1:-} in
    api | gateway | scale) ;;
    *)
        usage
        exit 2
        ;;
esac
forget_settings_keeping_postgres() {
    local postgres=${TOOLBRIDGE_TEST_POSTGRES:-}
    forget_settings
    if [ -n "$postgres" ]; then export TOOLBRIDGE_TEST_POSTGRES=$postgres; fi
}

forget_settings_keeping_postgres
TEMPORARY=$(mktemp -d)
trap 'rm -rf "$TEMPORARY"' EXIT
STEPS=4
API_BINARY="$TEMPORARY/bin/toolbridge-api"
find_python
lock_setup
need_packages requirements-dev.lock
need_go
need_api
unlock_setup
build_load() { cd "$ROOT/api" && "$GO" build -o "$TEMPORARY/bin/toolbridge-load" ./cmd/toolbridge-load; }
step "Load generator" "Mend what the compiler names." build_load
if [ "$1" = scale ]; then
    cd "$ROOT/api"
    "$GO" test -run '^$' -bench Scale -benchtime 500x -timeout 60m ./internal/store/... |
        "$VENV_PYTHON" "$ROOT/scripts/bench_scale.py"
    exit
fi
cd "$ROOT/mcp"
PATH="$TEMPORARY/bin:$PATH" "$VENV_PYTHON" "$ROOT/scripts/bench.py" "$1" "${2:-3}" "$TEMPORARY"
