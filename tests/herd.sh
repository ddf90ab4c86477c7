#!/bin/bash
# Five hundred people lose their sockets at once, by a cut line and by a killed server: first from fifty addresses, with the
# settings as they come, then all from one. CLIENTS says how many.
set -euo pipefail
cd "$(dirname "$0")/.."

clients="${CLIENTS:-500}"
target="${CARGO_TARGET_DIR:-target}"
folder="$(mktemp -d /tmp/yunfa-herd.XXXXXX)"
trap 'rm -rf "$folder"' EXIT

cargo build --release --locked --bin yunfa
cargo build --release --locked -p yunfa-loadtest

# A socket at each end.
ulimit -n 16384 2>/dev/null || ulimit -n "$(ulimit -Hn)"
for addresses in 50 1; do
    echo "$clients clients from $addresses addresses:"
    "$target/release/yunfa-loadtest" herd --binary "$target/release/yunfa" --data "$folder/$addresses" --n "$clients" --addresses "$addresses"
done
