#!/usr/bin/env bash
# One tenant on Fly.io, from its first deployment to its end: scripts/tenant.sh --help.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

find_python
exec "$PYTHON" "$ROOT/scripts/tenant.py" "$@"
