#!/usr/bin/env bash
# The corpus under gVisor, on an engine of its own beside the machine's: installs what is missing (as tests/run.sh
# does, and Debian's runsc), starts a Docker Engine in a network of its own that knows runsc, and runs the suite
# `hostile` on it. Arguments go to the suite. Ends only what it started; takes some minutes.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT"
. examples/setup.sh
export CI=${CI:-true}

need_packages docker-registry runsc
need_engine
own=$(mktemp -d)
ended() {
    if [ -s "$own/pid" ]; then
        kill "$(cat "$own/pid")" 2>/dev/null || true
        for _ in $(seq 120); do [ -s "$own/pid" ] || break; sleep 0.5; done
    fi
    rm -rf "$own"
    stop_engine
}
trap ended EXIT
need_base

# ptrace needs nothing of the machine, not even KVM.
cat >"$own/daemon.json" <<'JSON'
{"runtimes": {"runsc": {"path": "runsc", "runtimeArgs": ["--platform=ptrace", "--network=none"]}}}
JSON
setsid unshare --net dockerd --config-file "$own/daemon.json" --iptables=false --host "unix://$own/sock" \
    --data-root "$own/data" --exec-root "$own/exec" --pidfile "$own/pid" >"$own/log" 2>&1 </dev/null &
own_engine() { timeout 600 docker --host "unix://$own/sock" "$@"; }
for _ in $(seq 120); do own_engine version >/dev/null 2>&1 && break; sleep 0.5; done
own_engine version --format 'gvisor: an engine of its own answers: Docker {{.Server.Version}}' ||
    { tail -n 3 "$own/log" >&2; fail "no engine with gVisor came up"; }
engine save "$REFEREE_BASE" | own_engine load --quiet

DOCKER_HOST=unix://$own/sock REFEREE_TEST_RUNTIME=runsc cargo test --locked --test hostile -- "$@"
