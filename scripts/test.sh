#!/usr/bin/env bash
# Runs every check and every test, or a part of them. The last line is "N passed, N failed".
set -euo pipefail

START_SECONDS=${TOOLBRIDGE_TEST_START_SECONDS:-60}
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'TEXT'
Usage: scripts/test.sh [all | fast | e2e | clients | nginx | trouble [NAME]]

  all       every check and every test (the default)
  fast      the checks of the code, the Go unit tests, and the Python tests that start hardly any program
  e2e       journeys through all of the container
  clients   every real MCP client and the official conformance suite, which are downloaded once
  nginx     the clients through nginx, with TLS and a path prefix; nginx and openssl must be installed
  trouble   for minutes, what clients see of trouble: prints tables; NAME is a part of a test's name

A slow machine may need more than 60 s to start a program: set TOOLBRIDGE_TEST_START_SECONDS.
TEXT
}

# check TITLE COMMAND...: counts as one test, or as the tests of the JUnit report that the command writes to
# $REPORT. A skipped test counts as failed. All of the output is shown when something failed.
check() {
    local title=$1 begun=$SECONDS output="$TEMPORARY/${1//[^A-Za-z0-9]/-}" status=0 passed=1 failed=0
    export REPORT="$output.xml"
    printf '%s ...\n' "$title" >&2
    "${@:2}" >"$output" 2>&1 || status=$?
    [ "$status" -eq 0 ] || passed=0
    [ ! -f "$REPORT" ] || read -r passed failed <<<"$(totals "$REPORT")"
    if [ $((status == 0 && passed > 0)) -eq 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
    echo "$passed $failed" >>"$TEMPORARY/totals"
    [ "$failed" -eq 0 ] || cat "$output" >&2
    printf '%s: %d passed, %d failed, %d s\n' "$title" "$passed" "$failed" $((SECONDS - begun)) >&2
}

totals() {
    grep -o '<testsuite [^>]*' "$1" | grep -Eo ' (tests|failures|errors|skipped)="[0-9]+' | tr -d ' "' | awk -F= \
        '{n[$1] += $2} END {bad = n["failures"] + n["errors"] + n["skipped"]; print n["tests"] - bad, bad}'
}

in_api() { cd "$ROOT/api" && "$@"; }

shell_syntax() { for file in "$ROOT"/scripts/*.sh "$ROOT/.ci/run"; do bash -n "$file" || return; done; }

gofmt_changes_nothing() { [ -z "$("$("$GO" env GOROOT)/bin/gofmt" -l "$ROOT/api" | tee /dev/stderr)" ]; }

# Go ends a package after 10 minutes, which the largest one may take on a busy machine.
go_tests() { in_api "$GO" tool gotestsum --format=pkgname --junitfile="$REPORT" -- -timeout=25m "$@"; }

python_tests() { in_mcp pytest --junitxml="$REPORT" "$@"; }

python_tests_on_two_cores() { python_tests -n 2 --dist worksteal "$@"; }

# What the tests recorded, sent the other way; see mcp/tests/harness/both_ways. The table is shown.
calls_both_ways() {
    local table status=0
    table=$(in_mcp tests.harness.both_ways "$TOOLBRIDGE_TEST_BOTH_WAYS") || status=$?
    printf '%s\n' "$table" >&3
    return "$status"
}

# What was confided to the programs of the tests, looked for in their logs; see mcp/tests/harness/log_search.
secrets_in_logs() {
    local found status=0
    found=$(in_mcp tests.harness.log_search "$TOOLBRIDGE_TEST_LOGS") || status=$?
    printf '%s\n' "$found" >&3
    return "$status"
}

# The tables are shown as they come.
trouble_tests() {
    local status=0
    python_tests -m trouble -s -k "$1" >&3 2>&3 || status=$?
    [ "$status" -ne 5 ] || say "No test of trouble has \"$1\" in its name."
    return "$status"
}

go_unit_tests() { go_tests -skip /PostgreSQL $(in_api "$GO" list ./internal/... | grep -v store/postgres); }

# SQLite is C translated to Go. The race detector watches our code and all that it shares with others;
# inside SQLite it would find nothing of ours, and double the time of the tests.
UNWATCHED=('-gcflags=modernc.org/sqlite/lib=-race=false' '-gcflags=modernc.org/libc=-race=false')

# Mostly Go, and two minutes long: at the end of the Python tests one core would wait for it.
PAGES=tests/repository/test_adding.py

go_and_checks() {
    check "go vet" in_api "$GO" vet ./...
    check "staticcheck" in_api "$GO" tool staticcheck ./...
    check "Go tests" go_tests -race "${UNWATCHED[@]}" -count=1 ./...
    check "pages on adding something" python_tests "$PAGES"
    check "mypy" in_mcp mypy
}

all_of_python() {
    check "Python tests" python_tests_on_two_cores -m "not nginx and not programs and not trouble" --deselect "$PAGES"
}

# They are built while the other lanes run, and their tests come last.
tests_with_programs() {
    check "Prometheus" provide_prometheus
    check "collector of traces" provide_collector
    check "Python tests with Prometheus and a collector" python_tests -m programs
}

fast_go() { check "Go unit tests" go_unit_tests; }

fast_python() {
    check "mypy" in_mcp mypy
    check "Python unit tests" python_tests_on_two_cores -m "not slow and not e2e and not clients and not nginx and not programs and not trouble"
}

# side_by_side FUNCTION...: each in a process group of its own, so that all of it can be interrupted.
side_by_side() {
    check "shell syntax" shell_syntax
    check "ruff check" in_mcp ruff check . ../scripts
    check "ruff format" in_mcp ruff format --check . ../scripts
    check "gofmt" gofmt_changes_nothing
    set -m
    for lane in "$@"; do "$lane" & LANES="$LANES $!"; done
    set +m
    wait
}

# Runs however the script ends. A set-up that failed, or an interruption, is a failure too.
finish() {
    local status=$? lane passed failed
    trap '' INT TERM
    if [ "$status" -ne 0 ]; then
        echo "0 1" >>"$TEMPORARY/totals"
        for lane in $LANES; do kill -INT -- "-$lane" 2>/dev/null && wait "$lane" || true; done
    fi
    stop_postgres "$TEMPORARY/postgres"
    read -r passed failed <<<"$(awk '{p += $1; f += $2} END {print p, f}' "$TEMPORARY/totals")"
    rm -rf "$TEMPORARY"
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ] || exit 1
}

PART=${1:-all}
case "$PART $#" in
    'all '[01]) SETUP="need_go need_c_compiler need_postgres need_node need_api" ;;
    'clients 1' | 'nginx 1') SETUP="need_go need_node need_api" ;;
    'trouble '[12]) SETUP="need_go need_api need_prometheus" ;;
    'fast 1' | 'e2e 1') SETUP="need_go need_api" ;;
    *)
        usage >&2
        exit 2
        ;;
esac
exec 3>&2
forget_settings
export TOOLBRIDGE_TEST_START_SECONDS=$START_SECONDS
TEMPORARY=$(mktemp -d)
chmod 711 "$TEMPORARY" # the PostgreSQL server in it may belong to another user
LANES=''
trap finish EXIT
export TMPDIR="$TEMPORARY"
export TOOLBRIDGE_TEST_BOTH_WAYS="$TEMPORARY/both-ways"
export TOOLBRIDGE_TEST_LOGS="$TEMPORARY/logs"
mkdir "$TOOLBRIDGE_TEST_BOTH_WAYS" "$TOOLBRIDGE_TEST_LOGS"
# The tests get a build of their own, so that a stack that runs keeps the one it started with.
API_BINARY="$TEMPORARY/bin/toolbridge-api"
export TOOLBRIDGE_API_BINARY=$API_BINARY

# shellcheck disable=SC2086  a list of names
set_up requirements-dev.lock $SETUP

case $PART in
    all)
        start_postgres "$TEMPORARY/postgres"
        export TOOLBRIDGE_TEST_COMPLETE=yes CGO_ENABLED=1
        side_by_side go_and_checks all_of_python tests_with_programs
        check "calls both ways" calls_both_ways
        check "secrets in logs" secrets_in_logs
        ;;
    fast)
        side_by_side fast_go fast_python
        check "secrets in logs" secrets_in_logs
        ;;
    trouble) check "trouble" trouble_tests "${2:-}" ;;
    *)
        check "$PART" python_tests -m "$PART"
        check "calls both ways" calls_both_ways
        check "secrets in logs" secrets_in_logs
        ;;
esac
