#!/usr/bin/env bash
# The demo: nine teams of an example challenge push with real git. Referee evaluates and ranks them.
#
#   examples/demo.sh [--exit] [--challenge NAME] [--teams NAME,NAME] [--folder DIR] [--listen ADDRESS]
#
#   --exit        end when the leaderboards are printed; without it the pages stay up until Ctrl-C
#   --challenge   the example challenge (default: nuclei)
#   --teams       the example submissions to push, one team each (default: nine of nuclei)
#   --folder      folder for repositories, state and working copies, emptied first (default: target/demo)
#   --listen      address of the pages (default: 127.0.0.1:8030)
#
# The script first installs missing packages, starts a Docker Engine if none runs, makes the base image, and builds
# Referee. It changes nothing else outside `target/`, and ends only the processes that it started.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. examples/setup.sh

challenge=nuclei folder=target/demo listen=127.0.0.1:8030 stay=yes daemon=
# Four teams that are ranked, and one for each kind of mistake.
teams=good-watershed,five-mistakes,good-otsu,crashes,good-li,missing-case,baseline-empty,build-fails,hidden-crash
while [ $# -gt 0 ]; do
    case $1 in
        --exit) stay= ;;
        --challenge) challenge=$2; shift ;;
        --teams) teams=$2; shift ;;
        --folder) folder=$2; shift ;;
        --listen) listen=$2; shift ;;
        --help) sed -n '2,14s/^# \?//p' "$0"; exit ;;
        *) echo "demo: unknown option $1; see examples/demo.sh --help" >&2; exit 2 ;;
    esac
    shift
done
submissions=$PWD/examples/$challenge/submissions
for team in ${teams//,/ }; do
    [ -d "$submissions/$team" ] || { echo "demo: $submissions has no $team" >&2; exit 2; }
done

cleanup() {
    [ -z "$daemon" ] || { kill "$daemon" 2>/dev/null; wait "$daemon" || true; }
    stop_engine
}
need_packages
need_engine
trap cleanup EXIT
need_base

echo "== building Referee"
cargo build --locked --bin referee
referee=$PWD/target/debug/referee

echo "== demo"
if [ -e "$folder" ]; then
    # Only the folder of an earlier demo may be deleted.
    [ -e "$folder/referee.toml" ] || rmdir "$folder"
    rm -rf "$folder"
fi
mkdir -p "$folder/working-copies"
folder=$(cd "$folder" && pwd)
export REFEREE_CONFIG=$folder/referee.toml
cat >"$REFEREE_CONFIG" <<SETTINGS
challenges = ["$PWD/examples/$challenge"]
[server]
listen = "$listen"
data = "data"
[forge.local]
kind = "local"
root = "repositories"
SETTINGS

"$referee" serve >"$folder/daemon.log" 2>&1 &
daemon=$!
until grep -q "referee is up" "$folder/daemon.log"; do
    kill -0 "$daemon" 2>/dev/null || { tail "$folder/daemon.log" >&2; echo "demo: the daemon did not start" >&2; exit 1; }
    sleep 0.2
done

# Clones a team's repository, replaces the template by an example submission, and pushes.
push() {
    local copy=$folder/working-copies/$1 bare
    bare=$("$referee" team add "$1" | sed -n "s/^$1: //p")
    git=(git -C "$copy" -c user.name=Demo -c user.email=demo@localhost -c core.hooksPath=/dev/null)
    git clone --quiet "$bare" "$copy"
    find "$copy" -mindepth 1 -maxdepth 1 ! -name .git -exec rm -rf {} +
    cp -a "$submissions/$1/." "$copy"
    # The expected verdict of an example is not part of the submission.
    rm -f "$copy/expected.toml"
    "${git[@]}" add --all
    "${git[@]}" commit --quiet --message "Our method"
    "${git[@]}" push origin HEAD:main 2>&1 | tee "$folder/push.log"
    grep -oE 'http://[^ ]*/submissions/[0-9a-f]{32}' "$folder/push.log" | sort -u | sed "s/^/$1 /" >>"$folder/pages"
}

# Waits until all submissions have ended, and prints each change of their states, then the verdicts.
follow() {
    python3 - "$folder/pages" <<'PYTHON'
import json, sys, time, urllib.request
pages = [line.split() for line in open(sys.argv[1])]
shown, deadline = {}, time.time() + 600
while True:
    views = []
    for team, url in pages:
        with urllib.request.urlopen(url.replace("/submissions/", "/api/v1/submissions/"), timeout=30) as response:
            views.append(json.load(response))
        state = " ".join(views[-1]["state"].values())
        if shown.get(url) != state:
            print(f"  {team:<16} {state}", flush=True)
            shown[url] = state
    if all(view["state"]["state"] == "ended" for view in views):
        break
    if time.time() > deadline:
        sys.exit("demo: some submissions have not ended within 10 minutes")
    time.sleep(1)
print("\nVerdicts:")
for (team, url), view in zip(pages, views):
    outcome = view["state"]["at"]
    codes = "" if outcome == "scored" else " ".join(finding["code"] for finding in view["findings"])
    print(f"  {team:<16} {outcome:<15} {codes}\n  {'':<16} {url}")
PYTHON
}

SECONDS=0
for team in ${teams//,/ }; do
    printf '\n── team %s pushes\n' "$team"
    push "$team"
done
printf '\n── waiting for the evaluations\n'
follow
while "$referee" board --format json | grep -q '"under_way": [1-9]'; do sleep 1; done
printf '\n── done after %s s\n\n' "$SECONDS"
"$referee" board

if [ -n "$stay" ]; then
    printf '\nThe pages stay up at http://%s until Ctrl-C.\n' "$listen"
    echo "To push yourself, change a file in $folder/working-copies/${teams%%,*}, commit and push."
    wait "$daemon"
fi
