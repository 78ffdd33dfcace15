#!/usr/bin/env bash
# All tests on a fresh machine: installs what is missing, starts a Docker Engine if none runs, then
# runs formatter, linter, documentation and every test. Ends only what it started.
#
# A suite that cannot run fails here; nothing is skipped silently.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
. examples/setup.sh
export CI=${CI:-true}

need_packages postgresql docker-registry runsc
need_engine
trap stop_engine EXIT
need_base

echo "== format"
cargo fmt --all --check
echo "== lints"
cargo clippy --locked --all-targets -- -D warnings
echo "== documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items --quiet
echo "== tests"
log=$(mktemp) beside=$(mktemp)
suites=(--lib --bins)
for main in tests/*/main.rs; do
    suite=$(basename "$(dirname "$main")")
    [ "$suite" = acceptance ] || suites+=(--test "$suite")
done
cargo test --locked --no-run
# Its stories wait most of the time, for forges and for minutes to pass: all of them at once, beside the others.
cargo test --locked --test acceptance -- --test-threads 8 >"$beside" 2>&1 &
acceptance=$!
status=0
cargo test --locked --no-fail-fast "${suites[@]}" 2>&1 | tee "$log" || status=$?
cargo test --locked --doc 2>&1 | tee -a "$log" || status=$?
wait "$acceptance" || status=$?
tee -a "$log" <"$beside"
# One line for each suite and one for the whole run: the runner's own lines, told apart and summed.
awk '/^ *(Running|Doc-tests) / { suite = $2 == "unittests" ? $3 : $2; sub("/main.rs$", "", suite) }
     /^test result:/ { lines = lines sprintf("%-18s %5d passed %5d failed %5d skipped\n", suite, $4, $6, $8)
                       p += $4; f += $6; i += $8 }
     END { printf "\n%s%-18s %5d passed %5d failed %5d skipped\n", lines, "all", p, f, i
           exit (f > 0 || i > 0 || p == 0) }' "$log" || status=1
rm -f "$log" "$beside"
exit "$status"
