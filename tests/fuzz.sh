#!/bin/bash
# Fuzzes every target for FUZZ_SECONDS, as many at once as there are cores, from the corpora of the tree; what is new goes to a
# throw-away folder, what breaks a promise to `fuzz/artifacts`. RUSTC_BOOTSTRAP lets the stable compiler build with a sanitizer.
set -euo pipefail
cd "$(dirname "$0")/.."

export RUSTC_BOOTSTRAP=1 FUZZ_SECONDS="${FUZZ_SECONDS:-600}"
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
FOLDER="$(mktemp -d /tmp/yunfa-fuzz.XXXXXX)"
export FOLDER
trap 'rm -rf "$FOLDER"' EXIT

fuzz() {
    local part="$1" target="$2" said="$FOLDER/$2.log" ended=0
    mkdir "$FOLDER/$target"
    cd "$part"
    cargo fuzz run "$target" "$FOLDER/$target" "fuzz/corpus/$target" -- \
        -max_total_time="$FUZZ_SECONDS" -rss_limit_mb=2048 -print_final_stats=1 >"$said" 2>&1 || ended=$?
    echo "$part $target: exit $ended," "$(sed -n 's/^stat::number_of_executed_units: //p' "$said") runs," \
        "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$said" | tail -1) branches covered"
    [ "$ended" = 0 ] || { tail -40 "$said"; return 1; }
}
export -f fuzz
for part in media signaling; do
    (cd "$part" && cargo fuzz build)
    (cd "$part" && cargo fuzz list) | sed "s/^/$part /"
done | xargs -P "$(nproc)" -L 1 bash -euc 'fuzz "$@"' fuzz
