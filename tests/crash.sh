#!/bin/bash
# Kills a server under calls, at random and at named points, and compares its records with what the callers saw:
# first on SQLite, then on a throw-away PostgreSQL. KILLS and CALLS say how often and under how many.
set -euo pipefail
cd "$(dirname "$0")/.."

kills="${KILLS:-50}"
calls="${CALLS:-10}"
target="${CARGO_TARGET_DIR:-target}"
points=facts-uncommitted,facts-durable,seal-uncommitted,sealed-untold,start-lease-taken,start-reaping
crashed="$(mktemp -d /tmp/yunfa-crash.XXXXXX)"
trap 'rm -rf "$crashed"' EXIT

cargo build --release --locked --bin yunfa --features crash-points
cp "$target/release/yunfa" "$crashed/yunfa"
cargo build --release --locked -p yunfa-loadtest

crash() {
    "$target/release/yunfa-loadtest" crash --binary "$crashed/yunfa" --kills "$kills" --calls "$calls" --points "$points" "$@"
}
echo "SQLite:"
crash --data "$crashed/sqlite"
echo "PostgreSQL:"
export -f crash
export crashed kills calls points target
tests/with-postgres.sh --durable bash -euc 'crash --data "$crashed/postgres" --database "$YUNFA_TEST_POSTGRES"'
