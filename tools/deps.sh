#!/bin/sh
# Installs what is missing for a purpose: tools/deps.sh make|build|test|lint|fuzz|bench|deb|bench-door
# Debian packages through apt-get (as root or with sudo), npm packages by package-lock.json. Says what it does, is silent and
# quick when there is nothing to do.
set -eu
cd "$(dirname "$0")/.."
purpose=${1:?usage: tools/deps.sh make|build|test|lint|fuzz|bench|deb|bench-door}

libraries="libjavascriptcoregtk-4.1-dev libuv1-dev libnghttp2-dev libcurl4-openssl-dev libssl-dev libicu-dev zlib1g-dev
    libbrotli-dev libzstd-dev libseccomp-dev libyaml-dev"
case $purpose in
make) packages="make" ;;
build) packages="make gcc libc6-dev meson ninja-build pkg-config python3 npm ca-certificates $libraries" ;;
test) packages="curl procps openssl chromium" ;;
lint) packages="clang clang-format clang-tidy" ;;
fuzz) packages="clang libclang-rt-14-dev" ;;
bench) packages="wrk curl" ;;
deb) packages="dpkg-dev" ;;
# What bench/door.mjs compares with. Debian starts nginx as a service where there is an init system.
bench-door) packages="wrk nginx-light nghttp2-server nghttp2-client" ;;
*)
    echo "tools/deps.sh: unknown purpose '$purpose'" >&2
    exit 2
    ;;
esac

missing=""
for p in $packages; do
    # A tool that came from elsewhere (another Node.js, say) counts as much as Debian's package of it.
    case $p in
    make | gcc | meson | npm | curl | clang | clang-format | clang-tidy | wrk | openssl) command -v "$p" >/dev/null 2>&1 && continue ;;
    python3) command -v python3 >/dev/null 2>&1 && continue ;;
    chromium) { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null 2>&1 && continue ;;
    ninja-build) command -v ninja >/dev/null 2>&1 && continue ;;
    esac
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $p"
done
if [ -n "$missing" ]; then
    echo "selvage: installing Debian packages:$missing"
    as_root=""
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 || {
            echo "selvage: these need root: run 'apt-get install$missing' as root, then try again" >&2
            exit 1
        }
        as_root=sudo
    fi
    log=$(mktemp)
    if ! { $as_root apt-get update && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        echo "selvage: installing failed; the lines above say why" >&2
        exit 1
    fi
    rm -f "$log"
fi

node_at_least() { # major version
    [ "$(node -p 'process.versions.node.split(".")[0]')" -ge "$1" ]
}

node_22() { # directory, why
    ls "$1"/node_modules/node-linux-*/bin/node >/dev/null 2>&1 && return 0
    arch=$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
    echo "selvage: installing Node.js 22 from npm $2 (the system has $(node --version))"
    npm install --prefix "$1" --no-save --no-fund --no-audit --loglevel=error "node-linux-$arch@22" >&2
}

npm_install() { # directory, npm command, why
    stamp=$1/node_modules/.selvage-stamp
    want=$(cat "$1/package.json" "$1/package-lock.json" 2>/dev/null | cksum)
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return 0
    echo "selvage: installing npm packages $3"
    (cd "$1" && npm $2 --ignore-scripts --no-fund --no-audit --loglevel=error >&2)
    echo "$want" >"$stamp"
}

case $purpose in
build) npm_install . ci "by package-lock.json" ;;
bench) npm_install bench "install --no-workspaces --no-package-lock" "of the peers that we compare with (600 MB)" ;;
test)
    # The integration tests need Node.js 20; Debian 12 has 18. npm carries newer ones as plain packages.
    node_at_least 20 || node_22 .deps "for the tests"
    npm_install test/wrangler/pinned "ci --no-workspaces" "of wrangler, which is run against a server (200 MB)"
    npm_install test/wrangler/newest "install --no-workspaces --no-package-lock" "of the newest wrangler (200 MB)"
    node_at_least 22 || node_22 .deps/newest "for the newest wrangler"
    ;;
esac
