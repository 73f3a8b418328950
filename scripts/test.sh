#!/usr/bin/env bash
# Runs every check and every test. The last line is "N passed, N failed".
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PASSED=0
FAILED=0
FINISHED=''

# Prints the last line however the script ends: a setup that failed is a failure too.
finish() {
    [ -n "$FINISHED" ] || FAILED=$((FAILED + 1))
    stop_postgres
    rm -rf "$TEMPORARY"
    printf '%d passed, %d failed\n' "$PASSED" "$FAILED"
    [ "$FAILED" -eq 0 ] || exit 1
}

begin() {
    STEP=$((STEP + 1))
    STARTED=$SECONDS
    printf '[%d/%d] %s ... ' "$STEP" "$STEPS" "$1" >&2
}

# count PASSED FAILED: adds a step's result, and shows all of its output when something failed.
count() {
    PASSED=$((PASSED + $1))
    FAILED=$((FAILED + $2))
    printf '%d passed, %d failed, %d s\n' "$1" "$2" $((SECONDS - STARTED)) >&2
    [ "$2" -eq 0 ] || cat "$OUTPUT" >&2
}

# check TITLE COMMAND...: counts as one test.
check() {
    begin "$1"
    quietly "$OUTPUT" "${@:2}"
    if [ "$STATUS" -eq 0 ]; then count 1 0; else count 0 1; fi
}

# suite TITLE COMMAND...: a command whose last line of output is "N passed, N failed".
suite() {
    local numbers passed failed
    begin "$1"
    quietly "$OUTPUT" "${@:2}"
    numbers=$(tail -n 1 "$OUTPUT" | sed -n 's/^\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed$/\1 \2/p')
    read -r passed failed <<<"${numbers:-0 0}"
    if [ $((passed + failed)) -eq 0 ]; then
        echo "This step ran no tests." >>"$OUTPUT"
        failed=1
    elif [ "$STATUS" -ne 0 ] && [ "$failed" -eq 0 ]; then
        echo "This step ended with exit code $STATUS." >>"$OUTPUT"
        failed=1
    fi
    count "$passed" "$failed"
}

in_mcp() { cd "$ROOT/mcp" && "$VENV_PYTHON" -m "$@"; }

in_api() { cd "$ROOT/api" && "$@"; }

types_of_scripts() { in_mcp mypy "$ROOT"/scripts/*.py; }

python_tests() {
    local status=0
    in_mcp pytest --continue-on-collection-errors --junitxml="$TEMPORARY/pytest.xml" || status=$?
    "$VENV_PYTHON" "$ROOT/scripts/count_tests.py" junit "$TEMPORARY/pytest.xml"
    return "$status"
}

formatted_go() {
    local unformatted
    unformatted=$("$("$GO" env GOROOT)/bin/gofmt" -l "$ROOT/api")
    [ -z "$unformatted" ] || {
        printf 'not formatted: %s\n' "$unformatted"
        return 1
    }
}

go_tests() {
    local status=0
    cd "$ROOT/api"
    CGO_ENABLED=1 TOOLBRIDGE_TEST_COMPLETE=yes TOOLBRIDGE_TEST_POSTGRES=$(postgres_url) "$GO" test -race -count=1 -json ./... >"$TEMPORARY/go.json" 2>&1 || status=$?
    "$VENV_PYTHON" "$ROOT/scripts/count_tests.py" go "$TEMPORARY/go.json"
    return "$status"
}

shell_syntax() {
    local file
    for file in "$ROOT"/scripts/*.sh "$ROOT/.ci/run"; do
        bash -n "$file"
    done
}

if [ $# -gt 0 ]; then
    say "Usage: scripts/test.sh"
    exit 2
fi
forget_settings
TEMPORARY=$(mktemp -d)
POSTGRES_FOLDER="$TEMPORARY/postgres"
chmod 711 "$TEMPORARY" # the PostgreSQL server in it may belong to another user
OUTPUT="$TEMPORARY/output"
trap finish EXIT
export TMPDIR="$TEMPORARY"
# The tests get a build of their own, so that a stack that runs keeps the one it started with.
API_BINARY="$TEMPORARY/bin/toolbridge-api"
export TOOLBRIDGE_API_BINARY=$API_BINARY

STEPS=20
find_python
lock_setup
need_packages requirements-dev.lock
need_go
need_c_compiler
need_postgres
unlock_setup

check "shell syntax" shell_syntax
check "ruff check" in_mcp ruff check . ../scripts
check "ruff format" in_mcp ruff format --check . ../scripts
check "mypy" in_mcp mypy
check "mypy (scripts)" types_of_scripts
check "gofmt" formatted_go
check "go vet" in_api "$GO" vet ./...
check "staticcheck" in_api "$GO" tool staticcheck ./...
check "API build" build_api
check "generated: tool surface" "$ROOT/scripts/generate.sh" --check tools
check "generated: API contract" "$ROOT/scripts/generate.sh" --check contract
step "PostgreSQL server" "Look at its log." start_postgres
suite "Go tests" go_tests
suite "Python tests" python_tests
suite "end to end" "$ROOT/scripts/test-mcp-e2e.sh"
suite "real clients" "$ROOT/scripts/test-clients.sh"
FINISHED=yes
