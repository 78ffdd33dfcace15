# Sourced by examples/demo.sh and tests/run.sh. Installs and starts what the examples need on a Debian 12 machine.
#
#   need_packages   installs the packages of the build and the examples, and the named packages
#   need_engine     starts a Docker Engine if none answers
#   stop_engine     stops the engine that need_engine started, and no other
#   need_base       makes the base image referee/python:3.11
#
# Each can be called twice and prints one line. If it fails, it prints how to go on and returns non-zero. It never stops,
# reconfigures or cleans up an engine that was already there, and it names no mirror or registry. REFEREE_STATE is the
# folder for the pid file and the logs. DOCKER_HOST chooses an engine, as in every Docker tool.

REFEREE_ROOT=${REFEREE_ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
REFEREE_STATE=${REFEREE_STATE:-$REFEREE_ROOT/target/engine}
REFEREE_BASE=referee/python:3.11

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; return 1; }

# The client's own contexts are passed over: Referee itself knows only DOCKER_HOST and the default socket.
engine() { timeout "${ENGINE_TIMEOUT:-600}" docker --host "${DOCKER_HOST:-unix:///var/run/docker.sock}" "$@"; }
engine_answers() { ENGINE_TIMEOUT=10 engine version --format '{{.Server.Version}}' 2>/dev/null; }

need_packages() {
    local missing=() package
    # What only the caller needs, by the names of Debian's packages.
    for package in "$@"; do
        dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    command -v cc >/dev/null || missing+=(build-essential)
    # OpenSSL is what gitea-rs and libgit2 speak HTTPS through; asked of pkg-config, as their builds do.
    command -v pkg-config >/dev/null || missing+=(pkg-config)
    pkg-config --exists openssl 2>/dev/null || missing+=(libssl-dev)
    [ -s /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
    command -v pgrep >/dev/null || missing+=(procps)
    command -v git >/dev/null || missing+=(git)
    command -v python3 >/dev/null || missing+=(python3)
    python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
    command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
    # A machine whose engine is elsewhere needs the client only, and one with another engine none of Debian's.
    { command -v docker && { command -v dockerd || engine_answers; }; } >/dev/null || missing+=(docker.io)
    # Where the kernel has AppArmor, the engine starts nothing without its parser.
    if grep -qx Y /sys/module/apparmor/parameters/enabled 2>/dev/null && ! command -v apparmor_parser >/dev/null; then
        missing+=(apparmor)
    fi
    if [ ${#missing[@]} -eq 0 ]; then say "packages: all there"; return; fi
    if [ "$(id -u)" -ne 0 ]; then
        fail "packages missing; run as root: apt-get install --no-install-recommends ${missing[*]}"; return
    fi
    say "packages: installing ${missing[*]}"
    mkdir -p "$REFEREE_STATE"
    install_packages "${missing[@]}" >"$REFEREE_STATE/apt.log" 2>&1 || fail "apt-get failed; see $REFEREE_STATE/apt.log"
}

# The package lists are refreshed only if apt does not get by without: that is the slow half.
# No service is started by the installation, because need_engine decides whether one is wanted.
install_packages() {
    local apt=(env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends "$@")
    "${apt[@]}" || { apt-get update && "${apt[@]}"; }
}

need_engine() {
    local version
    mkdir -p "$REFEREE_STATE"
    if version=$(engine_answers); then say "engine: Docker $version is already running"; return; fi
    if [ -n "${DOCKER_HOST:-}" ]; then fail "no engine answers at DOCKER_HOST=$DOCKER_HOST"; return; fi
    if [ "$(id -u)" -ne 0 ]; then fail "no Docker Engine answers; start one, or run this as root"; return; fi
    if pgrep -x dockerd >/dev/null; then
        # Perhaps it is only starting, for another script like this one.
        for _ in $(seq 60); do
            if version=$(engine_answers); then say "engine: Docker $version is already running"; return; fi
            sleep 0.5
        done
        fail "a dockerd runs, but does not answer at /var/run/docker.sock; set DOCKER_HOST to its socket"; return
    fi
    # setsid, so that an interrupt at the terminal ends the demo and not the engine. The pid file is
    # written before exec, and holds the start time too, because pids are used again.
    setsid bash -c 'cut -d" " -f1,22 "/proc/$$/stat" >"$1"; exec dockerd --live-restore' _ "$REFEREE_STATE/dockerd.pid" \
        >"$REFEREE_STATE/dockerd.log" 2>&1 </dev/null &
    for _ in $(seq 120); do
        if version=$(engine_answers); then
            say "engine: started Docker $version (log: $REFEREE_STATE/dockerd.log)"; return
        fi
        sleep 0.5
        started_engine || break
    done
    tail -n 3 "$REFEREE_STATE/dockerd.log" >&2
    fail "dockerd did not come up; its log is $REFEREE_STATE/dockerd.log"
}

# Prints the pid of the dockerd that need_engine started, if it still is one.
started_engine() {
    local pid started
    # With its own status: a bare return would give that of before the trap that stop_engine runs in.
    [ -r "$REFEREE_STATE/dockerd.pid" ] || return 1
    read -r pid started <"$REFEREE_STATE/dockerd.pid" || return 1
    [ "$(cut -d" " -f1,2,22 "/proc/$pid/stat" 2>/dev/null)" = "$pid (dockerd) $started" ] && echo "$pid"
}

stop_engine() {
    local pid
    if ! pid=$(started_engine); then say "engine: none of ours to stop"; return; fi
    kill "$pid"
    for _ in $(seq 60); do started_engine >/dev/null || break; sleep 0.5; done
    if started_engine >/dev/null; then fail "dockerd (pid $pid) is still stopping"; return; fi
    rm -f "$REFEREE_STATE/dockerd.pid"
    say "engine: stopped ours (pid $pid)"
}

# The label holds the digest of the recipe, so that a changed recipe makes a new image.
need_base() {
    local base=$REFEREE_ROOT/examples/base log=$REFEREE_STATE/base.log settings recipe label tar
    # One OpenBLAS thread: it would start one per core of the host, more than a sandbox has processes.
    settings=('ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' 'ENV OPENBLAS_NUM_THREADS=1')
    recipe=$({ cat "$base/build.sh" "$base/requirements.txt"; echo "${settings[@]}"; } | sha256sum | cut -c1-16)
    label='{{index .Config.Labels "base.recipe"}}'
    if [ "$(engine image inspect --format "$label" "$REFEREE_BASE" 2>/dev/null)" = "$recipe" ]; then
        say "base image: $REFEREE_BASE is there"; return
    fi
    mkdir -p "$REFEREE_STATE"
    say "base image: building $REFEREE_BASE, about a minute"
    # To a file first: an import would make an image of half a tar, too.
    tar=$(mktemp "$REFEREE_STATE/base.XXXXXX")
    if "$base/build.sh" >"$tar" 2>"$log" &&
        engine import --change "${settings[0]}" --change "${settings[1]}" --change "LABEL base.recipe=$recipe" \
            - "$REFEREE_BASE" <"$tar" >>"$log" 2>&1
    then
        rm -f "$tar"
    else
        rm -f "$tar"; tail -n 3 "$log" >&2; fail "no base image; see $log"
    fi
}
