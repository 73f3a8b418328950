#!/usr/bin/env bash
# Connects every real MCP client to a stack of its own. The last line is "N passed, N failed".
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/own_stack.sh
. "$ROOT/scripts/own_stack.sh"
# shellcheck source=scripts/node.sh
. "$ROOT/scripts/node.sh"

# Takes the lock of the setup, and gives it back by ending: a check is a subshell. Claude Code is an
# optional dependency of its own package, one for each platform.
install_clients() {
    lock_setup
    need_node
    need_npm_packages "$ROOT/scripts/clients" "$STATE/clients"
    need_npm_packages "$ROOT/scripts/e2e/inspector" "$STATE/inspector" --omit=dev --omit=optional
    "$NODE" --version | sed 's/^/Node /'
}

client_checks() {
    local failed=$FAILED
    check "Node and the clients are installed" install_clients
    [ "$FAILED" -eq "$failed" ] || return 0
    find_node
    mkdir "$TEMPORARY/home"
    export TOOLBRIDGE_E2E_GATEWAY_URL=$GATEWAY TOOLBRIDGE_E2E_API_URL=$API
    export TOOLBRIDGE_E2E_API_BINARY=$API_BINARY
    export TOOLBRIDGE_CLIENTS_NODE=$NODE TOOLBRIDGE_CLIENTS_HOME="$TEMPORARY/home"
    export TOOLBRIDGE_CLIENTS_PACKAGES="$STATE/clients" TOOLBRIDGE_CLIENTS_INSPECTOR="$STATE/inspector"
    add_checks_of "$1"
}

usage() {
    cat <<'TEXT'
Usage: scripts/test-clients.sh [nginx]

  (nothing)   every client that needs no more than Python and Node, and the conformance suite
  nginx       the clients through nginx, with TLS and a path prefix; needs nginx and openssl
TEXT
}

case "$#${1:-}" in
    0) CHECKS=test-clients.py ;;
    1nginx)
        CHECKS=test-behind-nginx.py
        for program in nginx openssl; do
            type -P "$program" >/dev/null || fail "$program is needed and was not found on PATH."
        done
        ;;
    *)
        usage >&2
        exit 2
        ;;
esac
TEMPORARY=$(mktemp -d)
trap finish EXIT
trap interrupted INT TERM HUP
own_settings clients
export JWT_ISSUER=clients # no address, so no client looks for it on the network
find_python
start_stack
load_settings
client_checks "$CHECKS"
FINISHED=yes
