#!/usr/bin/env bash
# Prints a development token for one user: `toolbridge token`, after the set-up it needs.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

toolbridge token "$@"
