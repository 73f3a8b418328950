#!/usr/bin/env bash
# Sets ToolBridge up on this machine and starts it: the API, the gateway, and proof that a client can use them.
# With TOOLBRIDGE_GO_API_BASE_URL, the gateway alone, in front of the API at that address.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'TEXT'
Usage: scripts/run.sh [--detach | stop | --help]

  (nothing)   set everything up, start it, print how to connect, stop it on Ctrl-C
  --detach    set everything up, start it, print how to connect, and return
  stop        stop what runs on this data folder

After the set-up this is `toolbridge up` and `toolbridge down`; `.venv/bin/toolbridge --help` shows all commands.
TEXT
}

case $#${1:-} in
    0 | 1--detach) ;;
    1stop) toolbridge down ;;
    1-h | 1--help)
        usage
        exit
        ;;
    *)
        usage >&2
        exit 2
        ;;
esac
set_up requirements.lock
if has_own_api; then set_up requirements.lock need_go need_api; fi
toolbridge up "$@"
