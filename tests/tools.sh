#!/usr/bin/env bash
# Checks the tools that `make run` and `make test` need; as root on Debian installs what is missing, else says what to install.
set -euo pipefail

purpose=${1:?run or test}
missing=()

need() { # command, Debian package
    command -v "$1" >/dev/null 2>&1 || missing+=("$2")
}

need cc gcc
need g++ g++
need cmake cmake # builds libopus for the `opus` crate
if [ "$purpose" = test ]; then
    need chromium chromium
    need firefox-esr firefox-esr
    need ip iproute2
    need mount mount
    need mkfs.ext4 e2fsprogs
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || need initdb postgresql
    # Screenshots and text layout need a font with Chinese.
    fc-list ':lang=zh' 2>/dev/null | grep -q . || missing+=(fonts-noto-cjk fontconfig)
fi

if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing ${missing[*]}"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    else
        echo "missing: ${missing[*]}; on Debian: sudo apt-get install ${missing[*]}" >&2
        exit 1
    fi
fi

command -v cargo >/dev/null 2>&1 || { echo "missing: Rust 1.95 or newer (rustup.rs, or your distribution)" >&2; exit 1; }
rust=$(rustc --version | sed -E 's/^rustc 1\.([0-9]+).*/\1/')
[ "$rust" -ge 95 ] || { echo "Rust 1.$rust is too old: 1.95 or newer is needed" >&2; exit 1; }
command -v node >/dev/null 2>&1 || { echo "missing: Node.js 20 or newer" >&2; exit 1; }
node=$(node --version | sed -E 's/^v([0-9]+).*/\1/')
[ "$node" -ge 20 ] || { echo "Node.js $node is too old: 20 or newer is needed" >&2; exit 1; }
