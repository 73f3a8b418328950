#!/usr/bin/env bash
# Starts ToolBridge on this machine: the API, the gateway, and proof that a client can use them.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'TEXT'
Usage: scripts/run.sh [--detach | stop | --help]

  (nothing)   start everything, print how to connect, stop everything on Ctrl-C
  --detach    start everything, print how to connect, and return
  stop        stop what runs on this data folder

Settings come from the environment, then from .env. The usual ones:
  TOOLBRIDGE_PORT       port of the gateway (8001)
  API_PORT              port of the API on loopback (8081)
  TOOLBRIDGE_DATA_DIR   database, log and process id (.toolbridge/data)
  TOOLBRIDGE_ENV_FILE   the file of settings (.env)
Several stacks run side by side when all three differ. .env.example lists the rest.
TEXT
}

stack() { "$1" "$ROOT/scripts/stack.py" "${@:2}"; }

start() {
    STEPS=5
    find_python
    load_settings
    export_stack_settings
    # Said before the minutes that a first installation may take.
    stack "$PYTHON" check
    lock_setup
    need_packages requirements.lock
    need_settings
    need_go
    need_api
    unlock_setup
    export_stack_settings
    exec "$VENV_PYTHON" "$ROOT/scripts/stack.py" "$1"
}

stop() {
    find_python
    load_settings
    export_stack_settings
    stack "$PYTHON" stop
}

if [ $# -gt 1 ]; then
    usage >&2
    exit 2
fi
case ${1:-} in
    '') start run ;;
    --detach) start detach ;;
    stop) stop ;;
    -h | --help) usage ;;
    *)
        usage >&2
        exit 2
        ;;
esac
