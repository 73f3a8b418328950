#!/usr/bin/env bash
# Measures the API or the gateway on this machine: requests per second and processor time per request.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'TEXT'
Usage: scripts/bench.sh [api | gateway | scale] [SECONDS]

  api       get, list(20), create and patch over REST, each session opened in-band, and opening sessions,
            on SQLite and PostgreSQL
  gateway   get_note over SSE at 1, 10 and 50 sessions
  scale     a page of a list of 1,000,000 items against one of 1,000, median of five, on both stores
            (takes some minutes)

The PostgreSQL server is a private one that does not wait for the disk. Each figure is measured for
SECONDS (3). Processor time is the figure to compare: throughput depends on what else the machine does.
Needs /proc.
TEXT
}

case ${1:-} in
    api | gateway | scale) ;;
    *)
        usage
        exit 2
        ;;
esac
forget_settings
TEMPORARY=$(mktemp -d)
chmod 711 "$TEMPORARY" # the PostgreSQL server in it may belong to another user
finish() {
    stop_postgres "$TEMPORARY/postgres"
    rm -rf "$TEMPORARY"
}
trap finish EXIT
API_BINARY="$TEMPORARY/bin/toolbridge-api"
set_up requirements-dev.lock need_go need_api need_postgres
start_postgres "$TEMPORARY/postgres"
build_load() { cd "$ROOT/api" && "$GO" build -o "$TEMPORARY/bin/toolbridge-load" ./cmd/toolbridge-load; }
step "Load generator" "Fix what the compiler names." build_load
if [ "$1" = scale ]; then
    cd "$ROOT/api"
    "$GO" test -run '^$' -bench Scale -benchtime 500x -timeout 60m ./internal/store/... |
        (cd "$ROOT/mcp" && "$VENV_PYTHON" -m tests.bench.scale)
    exit
fi
cd "$ROOT/mcp"
PATH="$TEMPORARY/bin:$PATH" "$VENV_PYTHON" -m tests.bench.measure "$1" "${2:-3}" "$TEMPORARY"
