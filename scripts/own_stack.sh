# shellcheck shell=bash
# A stack that a test starts for itself and stops, and the checks it counts. Sourced after lib.sh,
# never run. The caller makes TEMPORARY, and traps EXIT with finish and signals with interrupted.

PASSED=0
FAILED=0
STARTED=''
FINISHED=''
WORKER=''
TEMPORARY=''

# Runs however the script ends, and ends only what it started.
finish() {
    trap '' INT TERM HUP
    if [ -n "$WORKER" ]; then
        kill -TERM "$WORKER" 2>/dev/null || true
        wait "$WORKER" || true
    fi
    [ "$FAILED" -eq 0 ] || show_log
    [ -n "$FINISHED" ] || FAILED=$((FAILED + 1))
    if [ -n "$STARTED" ]; then
        "$ROOT/scripts/run.sh" stop >"$TEMPORARY/stop" 2>&1 || cat "$TEMPORARY/stop" >&2
    fi
    rm -rf "$TEMPORARY"
    printf '%d passed, %d failed\n' "$PASSED" "$FAILED"
    [ "$FAILED" -eq 0 ] || exit 1
}

interrupted() {
    say "Interrupted; stopping what was started."
    exit 1
}

show_log() {
    local log
    for log in "$TOOLBRIDGE_DATA_DIR"/toolbridge.log "$TOOLBRIDGE_DATA_DIR"/second/*.log; do
        [ -s "$log" ] || continue
        say "The end of ${log#"$TOOLBRIDGE_DATA_DIR"/}:"
        tail -n 30 "$log" >&2
    done
}

# own_settings NAME: run.sh makes the secrets in a file of this run, so neither the caller's
# environment nor a developer's .env takes part. NAME is the tenant and the audience.
own_settings() {
    local binary=$API_BINARY
    forget_settings
    export TOOLBRIDGE_API_BINARY=$binary
    export TOOLBRIDGE_ENV_FILE="$TEMPORARY/env" TOOLBRIDGE_DATA_DIR="$TEMPORARY/data"
    export TENANT_ID=$1 JWT_ISSUER=https://issuer.example/ JWT_AUDIENCE=$1
    export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
    ENV_FILE=$TOOLBRIDGE_ENV_FILE
}

# Below the ports that systems give to outgoing connections, which come and go meanwhile.
choose_ports() {
    local ports
    ports=$("$PYTHON" - <<'PY'
import random
import socket


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


ports = filter(is_free, random.sample(range(20_000, 32_000), 100))
print(next(ports), next(ports))
PY
    )
    export TOOLBRIDGE_PORT=${ports% *} API_PORT=${ports#* }
    GATEWAY="http://127.0.0.1:$TOOLBRIDGE_PORT"
    API="http://127.0.0.1:$API_PORT"
}

# Another stack may take a port between its choice and its use.
start_stack() {
    local attempt
    for attempt in 1 2 3; do
        choose_ports
        STARTED=yes
        if "$ROOT/scripts/run.sh" --detach >"$TEMPORARY/start" 2>&1; then
            return
        fi
        grep -q 'cannot be used' "$TEMPORARY/start" || break
        say "A port was taken meanwhile (attempt $attempt)."
    done
    grep -v -e Bearer -e '^Token' "$TEMPORARY/start" >&2 || true
    fail "the stack did not start."
}

# check SENTENCE COMMAND...: the last line that the command prints are its figures or the reason.
check() {
    local sentence=$1
    shift
    quietly "$TEMPORARY/check" "$@"
    if [ "$STATUS" -eq 0 ]; then
        PASSED=$((PASSED + 1))
        printf 'ok   %s (%s)\n' "$sentence" "$(tail -n 1 "$TEMPORARY/check")"
    else
        FAILED=$((FAILED + 1))
        printf 'FAIL %s: %s\n' "$sentence" "$(tail -n 1 "$TEMPORARY/check")"
        sed '$d' "$TEMPORARY/check" >&2
    fi
}

differ() {
    echo "$1 is ${2:-empty}, not $3"
    return 1
}

# attempt REASON COMMAND...: shows all output and the reason when the command fails.
attempt() {
    local reason=$1
    shift
    quietly "$TEMPORARY/attempt" "$@"
    if [ "$STATUS" -ne 0 ]; then
        cat "$TEMPORARY/attempt"
        echo "$reason"
        return 1
    fi
}

# add_checks_of SCRIPT: a Python script that prints checks and leaves their totals in a file. It runs
# in the background, so that a signal to this script is not kept waiting.
add_checks_of() {
    local passed=0 failed=0 totals="$TEMPORARY/totals"
    TOOLBRIDGE_E2E_TOTALS=$totals "$VENV_PYTHON" "$ROOT/scripts/$1" &
    WORKER=$!
    wait "$WORKER" || true
    WORKER=''
    if [ -f "$totals" ]; then
        read -r passed _ failed _ <"$totals"
    else
        echo "FAIL $1 ended early"
        failed=1
    fi
    PASSED=$((PASSED + passed))
    FAILED=$((FAILED + failed))
}
