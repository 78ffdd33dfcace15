#!/usr/bin/env bash
# Runs all tests on a fresh machine: installs missing packages, starts a Docker Engine if none runs, and runs the
# formatter, the linter, the documentation and every test. At the end it stops only the processes that it started.
#
# A suite that cannot run fails here. No test is skipped silently.
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
# The tests of `acceptance` wait most of the time, so they run together and in parallel with the other suites.
cargo test --locked --test acceptance -- --test-threads 8 >"$beside" 2>&1 &
acceptance=$!
status=0
cargo test --locked --no-fail-fast "${suites[@]}" 2>&1 | tee "$log" || status=$?
cargo test --locked --doc 2>&1 | tee -a "$log" || status=$?
wait "$acceptance" || status=$?
tee -a "$log" <"$beside"
# Prints one line for each suite and one for the whole run, from the lines of the test runner.
awk '/^ *(Running|Doc-tests) / { suite = $2 == "unittests" ? $3 : $2; sub("/main.rs$", "", suite) }
     /^test result:/ { lines = lines sprintf("%-18s %5d passed %5d failed %5d skipped\n", suite, $4, $6, $8)
                       p += $4; f += $6; i += $8 }
     END { printf "\n%s%-18s %5d passed %5d failed %5d skipped\n", lines, "all", p, f, i
           exit (f > 0 || i > 0 || p == 0) }' "$log" || status=1
rm -f "$log" "$beside"
exit "$status"
