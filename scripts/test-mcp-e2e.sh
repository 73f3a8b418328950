#!/usr/bin/env bash
# Tests all of the container end to end, on a stack of its own. The last line is "N passed, N failed".
exec "$(dirname "${BASH_SOURCE[0]}")/test.sh" e2e
