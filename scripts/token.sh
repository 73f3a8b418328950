#!/usr/bin/env bash
# Prints a development token for one user, and nothing else on stdout.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'TEXT'
Usage: scripts/token.sh [--expires SECONDS] [SUB]

Prints a token (JWT, HS256) for the user SUB, by default "dev", that expires after SECONDS, by
default 30 days. It is signed with JWT_HS256_SECRET from the environment or .env, and names
JWT_ISSUER and JWT_AUDIENCE when they are set.
TEXT
}

case ${1:-} in
    -h | --help)
        usage
        exit
        ;;
esac

# A second call says nothing about the setup, since it has nothing to do.
ready() {
    has_packages requirements.lock &&
        { [ -n "${JWT_HS256_SECRET:-}" ] || grep -qs '^JWT_HS256_SECRET=' "$ENV_FILE"; }
}

if ! ready; then
    STEPS=2
    find_python
    lock_setup
    need_packages requirements.lock
    need_settings
    unlock_setup
fi
load_settings
exec "$VENV_PYTHON" "$ROOT/scripts/development_token.py" "$@"
