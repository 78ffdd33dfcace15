#!/usr/bin/env bash
# Runs the suite `hostile` under gVisor: installs missing packages, starts a second Docker Engine in its own network with
# the runtime runsc, and runs the suite on it. Arguments go to the suite. It takes some minutes. At the end it stops only
# the processes that it started.
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

# The platform ptrace has no needs, not even KVM.
cat >"$own/daemon.json" <<'JSON'
{"runtimes": {"runsc": {"path": "runsc", "runtimeArgs": ["--platform=ptrace", "--network=none"]}}}
JSON
setsid unshare --net dockerd --config-file "$own/daemon.json" --iptables=false --host "unix://$own/sock" \
    --data-root "$own/data" --exec-root "$own/exec" --pidfile "$own/pid" >"$own/log" 2>&1 </dev/null &
own_engine() { timeout 600 docker --host "unix://$own/sock" "$@"; }
for _ in $(seq 120); do own_engine version >/dev/null 2>&1 && break; sleep 0.5; done
own_engine version --format 'gvisor: the second engine answers: Docker {{.Server.Version}}' ||
    { tail -n 3 "$own/log" >&2; fail "the engine with gVisor did not start"; }
engine save "$REFEREE_BASE" | own_engine load --quiet

DOCKER_HOST=unix://$own/sock REFEREE_TEST_RUNTIME=runsc cargo test --locked --test hostile -- "$@"
