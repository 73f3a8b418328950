#!/usr/bin/env bash
# Starts ToolBridge on this machine: the API, the gateway, and proof that a client can use them.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'TEXT'
Usage: scripts/run.sh [--detach | stop | --help]

  (nothing)   set everything up, start it, print how to connect, stop it on Ctrl-C
  --detach    set everything up, start it, print how to connect, and return
  stop        stop what runs on this data folder

Settings come from the environment, then from .env. The usual ones:
  TOOLBRIDGE_PORT       port of the gateway (8001)
  API_PORT              port of the API on loopback (8081)
  TOOLBRIDGE_DATA_DIR   database, log and lock (.toolbridge/data)
  TOOLBRIDGE_ENV_FILE   the file of settings (.env)
Several stacks run side by side when all three differ. .env.example lists the rest.
TEXT
}

case $#${1:-} in
    0 | 1--detach) ;;
    1stop)
        need_toolbridge
        toolbridge down
        ;;
    1-h | 1--help)
        usage
        exit
        ;;
    *)
        usage >&2
        exit 2
        ;;
esac
STEPS=3
find_python
lock_setup
need_packages requirements.lock
need_go
need_api
unlock_setup
toolbridge up "$@"
