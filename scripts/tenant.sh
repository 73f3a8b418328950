#!/usr/bin/env bash
# One tenant on Fly.io: `toolbridge tenant`, after the set-up it needs.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

toolbridge tenant "$@"
