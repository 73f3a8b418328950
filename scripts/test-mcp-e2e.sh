#!/usr/bin/env bash
# Starts a stack of its own, tests it end to end, and stops it. The last line is "N passed, N failed".
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/own_stack.sh
. "$ROOT/scripts/own_stack.sh"
# shellcheck source=scripts/node.sh
. "$ROOT/scripts/node.sh"

INSPECTOR="$STATE/inspector"
INSPECTOR_PROGRAM="$INSPECTOR/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"

# Checks

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

# Takes the lock of the setup, and gives it back by ending: a check is a subshell.
prepare_inspector() {
    lock_setup
    need_node
    need_npm_packages "$ROOT/scripts/e2e/inspector" "$INSPECTOR" --omit=dev --omit=optional
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

integration() {
    export TOOLBRIDGE_E2E_GATEWAY_URL=$GATEWAY TOOLBRIDGE_E2E_API_URL=$API
    export TOOLBRIDGE_E2E_API_BINARY=$API_BINARY
    add_checks_of test-mcp-integration.py
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
own_settings end-to-end
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
