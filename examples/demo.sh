#!/usr/bin/env bash
# The demo: installs what is missing, builds Referee, sets up the challenge `nuclei`, lets several
# teams push with real git, and prints the board and the address of the page.
#
#   examples/demo.sh          leaves the pages up until Ctrl-C
#   examples/demo.sh --exit   ends when the board is printed
#
# Every other option goes to `referee demo` (see `referee demo --help`). Changes nothing outside
# `target/`, but for packages and a Docker Engine where they are missing; ends only what it started.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
. examples/setup.sh

need_packages
need_engine
trap stop_engine EXIT
need_base

echo "== building Referee"
cargo build --locked --bin referee
echo "== demo"
target/debug/referee demo --examples examples --folder target/demo "$@"
