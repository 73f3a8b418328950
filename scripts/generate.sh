#!/usr/bin/env bash
# Rewrites what is generated, or says that it is stale.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'TEXT'
Usage: scripts/generate.sh [--check] [lock | tools | contract | settings]...

  lock      mcp/requirements.lock and mcp/requirements-dev.lock, from mcp/pyproject.toml
  tools     mcp/tests/surface/tools.json, the tools as a client sees them
  contract  api/internal/httpapi/testdata/contract.json, the API's entities, operations and error codes
  settings  docs/configuration.md and docs/gateway-settings.md, from the settings of API and gateway

Without a name: all but lock. --check changes nothing and fails when something is stale; it
does not look at the lock files, since what they should hold depends on the day.
TEXT
}

# Keeps the versions that are locked where pyproject.toml still allows them.
write_locks() {
    local uv="$TEMPORARY/uv/bin/uv"
    "$PYTHON" -m venv "$TEMPORARY/uv"
    "$TEMPORARY/uv/bin/python" -m pip install --disable-pip-version-check --quiet \
        --require-hashes --no-deps --only-binary=:all: -r "$ROOT/scripts/uv.lock"
    cd "$ROOT/mcp"
    compile_lock "$uv" -o requirements.lock
    compile_lock "$uv" --group dev -c requirements.lock -o requirements-dev.lock
}

compile_lock() {
    "$1" pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 --no-annotate \
        --custom-compile-command "scripts/generate.sh lock" -q pyproject.toml "${@:2}"
}

write_tools() {
    cd "$ROOT/mcp"
    "$VENV_PYTHON" -m tests.surface.write ${CHECK:+--check}
}

write_settings() {
    cd "$ROOT/mcp"
    "$VENV_PYTHON" -m tests.repository.settings_document ${CHECK:+--check}
}

# write_golden PACKAGE TEST: the test compares; -update makes it write.
write_golden() {
    local update=''
    [ -n "$CHECK" ] || update=-update
    cd "$ROOT/api"
    "$GO" test -count=1 -run "$2" "./internal/$1" ${update:+"$update"}
}

generate() {
    case $1 in
        lock)
            TEMPORARY=$(mktemp -d)
            trap 'rm -rf "$TEMPORARY"' EXIT
            step "Python lock files" "Check the network and mcp/pyproject.toml." write_locks
            ;;
        tools)
            need_packages requirements-dev.lock
            step "tool surface" "When it is stale, run scripts/generate.sh tools and review the change." write_tools
            ;;
        contract)
            need_go
            step "API contract" "When it is stale, run scripts/generate.sh contract and review the change." \
                write_golden httpapi Contract
            ;;
        settings)
            need_packages requirements-dev.lock
            need_go
            step "settings of the gateway" \
                "When they are stale, run scripts/generate.sh settings and review the change." write_settings
            step "settings of the API" "When they are stale, run scripts/generate.sh settings and review the change." \
                write_golden config .
            ;;
    esac
}

CHECK=''
NAMES=''
for argument in "$@"; do
    case $argument in
        --check) CHECK=yes ;;
        lock | tools | contract | settings) NAMES="$NAMES $argument" ;;
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
NAMES=${NAMES:-tools contract settings}
if [ -n "$CHECK" ]; then NAMES=${NAMES//lock/}; fi

find_python
lock_setup
for name in $NAMES; do
    # The others first need the tools they run with.
    case $name in
        lock) STEPS=$((STEPS + 1)) ;;
        settings) STEPS=$((STEPS + 4)) ;;
        *) STEPS=$((STEPS + 2)) ;;
    esac
done
for name in $NAMES; do
    generate "$name"
done
