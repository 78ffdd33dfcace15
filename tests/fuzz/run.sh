#!/usr/bin/env bash
# Searches with libFuzzer for inputs that violate an invariant of a parser, SECONDS (10) for each target:
#
#     tests/fuzz/run.sh [SECONDS] [TARGET...]
#
# The script needs the stable toolchain and a C++ compiler. It keeps the corpus in target/fuzz/corpus. If an input violates
# an invariant, the script shows it, keeps it in target/fuzz/artifacts, and fails.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT"
seconds=${1:-10}
shift || true
out=target/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')

# The same versions of dependencies as in all other tests.
cp Cargo.lock tests/fuzz/Cargo.lock
# The flags of `cargo fuzz`, but without a sanitizer: sanitizers need the nightly toolchain, and this repository has no
# unsafe code.
flags="-Cpasses=sancov-module"
for flag in level=4 inline-8bit-counters pc-table trace-compares; do
    flags+=" -Cllvm-args=-sanitizer-coverage-$flag"
done
echo "== build"
RUSTFLAGS="$flags" cargo build --release --manifest-path tests/fuzz/Cargo.toml --target "$host" --target-dir "$out"
programs=$out/$host/release
"$programs/seeds" "$out/seeds"
mkdir -p "$out/artifacts"

[ $# -gt 0 ] || set -- $(ls "$out/seeds")
status=0
for target in "$@"; do
    mkdir -p "$out/corpus/$target"
    log=$out/$target.log
    if "$programs/$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=32768 \
        -artifact_prefix="$out/artifacts/$target-" "$out/corpus/$target" "$out/seeds/$target" >"$log" 2>&1; then
        awk -v target="$target" '$2 == "INITED" || $2 == "DONE" { for (i = 1; i < NF; i++) if ($i ~ /^(cov|ft):/) seen[$2 $i] = $(i + 1); n = $1 }
             END { printf "%-12s %9s executions, %6d edges (seeds alone: %d), %7d features\n", target, substr(n, 2),
                   seen["DONEcov:"], seen["INITEDcov:"], seen["DONEft:"] }' "$log"
    else
        status=1
        echo "$target: an input violates an invariant"
        grep -A 3 'panicked at' "$log" || true
        grep -v '^#' "$log" | tail -n 8
    fi
done
exit "$status"
