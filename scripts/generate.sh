#!/usr/bin/env bash
# Rewrites what is generated, or says that it is stale.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'TEXT'
Usage: scripts/generate.sh [--check] [lock | tools | contract | settings | examples | dashboard | counts]...

  lock      the lock files in mcp/, from mcp/pyproject.toml; what is locked stays where pyproject.toml allows it
  tools     mcp/tests/surface/tools.json, the tools as a client sees them
  contract  api/internal/httpapi/testdata/contract.json, the API's entities, operations and error codes
  settings  docs/configuration.md and docs/gateway-settings.md, from the settings of API and gateway
  examples  docs/tools.md and the calls in docs/agents.md, with the answers of the programs
  dashboard docs/grafana/toolbridge.json, the dashboard for Grafana
  counts    mcp/tests/work/counts.json, what everyday jobs cost a model, from a run of half a minute; stale is what
            costs 5 % more or less

Without a name: all but lock. --check changes nothing and fails when something is stale; it does not check the
lock files, since the newest versions depend on the day.
TEXT
}

PLATFORMS="x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu aarch64-apple-darwin x86_64-apple-darwin"

# The last series of cryptography with wheels for Macs with an Intel processor.
CONSTRAINT="cryptography<49; sys_platform == 'darwin' and platform_machine == 'x86_64'"

# No lock file names an index, and each has the hashes of every file.
lock() {
    local platform lock uv="$VENV/bin/uv"
    cd "$ROOT/mcp"
    printf '%s\n' "$CONSTRAINT" >"$STATE/constraint.txt"
    compile -o requirements.lock pyproject.toml -c "$STATE/constraint.txt"
    compile -o requirements-dev.lock pyproject.toml --group dev -c requirements.lock
    compile -o toolchain.lock --group toolchain --no-deps
    for platform in $PLATFORMS; do
        for lock in requirements-dev.lock toolchain.lock; do
            "$uv" pip install --dry-run --target "$STATE/none" --python-platform "$platform" \
                --require-hashes --no-deps --only-binary :all: -r "$lock"
        done
    done
}

compile() {
    "$VENV/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-annotate --custom-compile-command "scripts/generate.sh lock" "$@"
}

tools() { in_mcp tests.surface.write ${CHECK:+--check}; }

contract() { golden httpapi Contract; }

settings() {
    golden config .
    in_mcp tests.repository.settings_document ${CHECK:+--check}
}

examples() {
    build_api
    cd "$ROOT"
    TOOLBRIDGE_API_BINARY="$API_BINARY" in_mcp tests.examples ${CHECK:+--check}
}

dashboard() { in_mcp tests.grafana.board ${CHECK:+--check}; }

counts() {
    build_api
    cd "$ROOT"
    TOOLBRIDGE_API_BINARY="$API_BINARY" in_mcp tests.work.counts ${CHECK:+--check}
}

# golden PACKAGE TEST: a Go test that compares, and with -update writes.
golden() { (cd "$ROOT/api" && "$GO" test -count=1 -run "$2" "./internal/$1" $([ -n "$CHECK" ] || echo -update)); }

CHECK=''
NAMES=''
for argument in "$@"; do
    case $argument in
        --check) CHECK=yes ;;
        lock | tools | contract | settings | examples | dashboard | counts) NAMES="$NAMES $argument" ;;
        -h | --help)
            usage
            exit
            ;;
        *)
            usage >&2
            exit 2
            ;;
    esac
done
NAMES=${NAMES:-tools contract settings examples dashboard counts}
set_up requirements-dev.lock need_go
for name in $NAMES; do
    [ "$name$CHECK" = lockyes ] || step "$name" "If it is stale, run scripts/generate.sh $name and review the change." "$name"
done
