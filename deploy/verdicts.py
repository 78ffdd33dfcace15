#!/usr/bin/env python3
"""Measures how long a team waits for the verdict of admission, or for the reply to a command, on a real Gitea or
Forgejo, and which step takes the time.

Pushes commits that admission rejects (so nothing is built) to a team's repository, one after the other, and asks the
forge until `referee/admission` is there. Prints the median and the 90th percentile of

  push -> delivery      from the end of `git push` until the daemon had the delivery (may be negative, because the
                        forge may send it before git returns); needs --database
  delivery -> verdict   from then until the commit status was seen; needs --database
  push -> verdict       both

With --commands it then writes `/help` this many times into a new issue, which it closes at the end, and prints

  text -> delivery      from the end of the call that wrote the comment; needs --database
  delivery -> reply     from then until the reply was seen; needs --database
  text -> reply         both

Run it on the daemon's machine, so that all times come from one clock. It uses the team's submissions of the day, and
no evaluation. If a verdict or a reply is not there after a minute, it ends with an error.
"""

import argparse
import json
import pathlib
import sqlite3
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

PATIENCE = 60.0  # seconds for one verdict
POLL = 0.05      # seconds between two requests; the resolution of the measurement


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forge", required=True, help="https://git.example.org")
    parser.add_argument("--repository", required=True, help="nuclei/team-alpha")
    parser.add_argument("--user", required=True, help="an account that may push there")
    parser.add_argument("--token-file", required=True, type=pathlib.Path, help="file with a token of the account (scope write:repository, and write:issue with --commands)")
    parser.add_argument("--pushes", type=int, default=50)
    parser.add_argument("--commands", type=int, default=0)
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two pushes or commands")
    parser.add_argument("--database", type=pathlib.Path, help="the daemon's SQLite file")
    return parser.parse_args()


class Team:
    """A working copy of a team's repository, and its API."""

    def __init__(self, options, folder):
        secret = options.token_file.read_text().strip()
        scheme, rest = options.forge.rstrip("/").split("://")
        account = f"{urllib.parse.quote(options.user)}:{urllib.parse.quote(secret)}"
        self.copy = f"{folder}/copy"
        subprocess.run(
            ["git", "clone", "--quiet", f"{scheme}://{account}@{rest}/{options.repository}.git", self.copy], check=True
        )
        self.git("config", "user.name", options.user)
        self.git("config", "user.email", f"{options.user}@example.org")
        self.api = f"{options.forge.rstrip('/')}/api/v1/repos/{options.repository}"
        self.headers = {"Authorization": f"token {secret}", "Content-Type": "application/json"}

    def ask(self, method, path, body=None):
        body = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.api}/{path}", body, self.headers, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return json.load(response)

    def git(self, *words):
        ran = subprocess.run(["git", "-C", self.copy, *words], check=True, capture_output=True, text=True)
        return ran.stdout.strip()

    def push(self, n):
        """Pushes a commit that admission rejects. Returns its id and the time at which git ended."""
        path = pathlib.Path(self.copy)
        (path / "Dockerfile").write_text("FROM unknown/base:image\nADD main.py /\n")
        (path / "number.txt").write_text(f"{n} {time.time_ns()}\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", f"Push {n}")
        self.git("push", "--quiet", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD"), time.time()

    def verdict_seen(self, sha):
        """Waits for the final `referee/admission` of a commit. Returns the time."""
        end = time.time() + PATIENCE
        while time.time() < end:
            statuses = self.ask("GET", f"commits/{sha}/statuses")
            if any(s["context"] == "referee/admission" and s["status"] in ("success", "failure") for s in statuses):
                return time.time()
            time.sleep(POLL)
        raise SystemExit(f"no verdict on {sha} within {PATIENCE:.0f} s; run `referee doctor` to find the reason")

    def command(self, issue):
        """Writes a command. Returns the comment's id and the time at which the forge had it."""
        made = self.ask("POST", f"issues/{issue}/comments", {"body": "/help"})
        return made["id"], time.time()

    def reply_seen(self, issue, comment):
        """Waits for the reply to a comment. Returns the time."""
        end = time.time() + PATIENCE
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5))
        while time.time() < end:
            comments = self.ask("GET", f"issues/{issue}/comments?since={since}")
            if any(c["body"].startswith(f"<!-- referee:reply={comment} -->") for c in comments):
                return time.time()
            time.sleep(POLL)
        raise SystemExit(f"no reply within {PATIENCE:.0f} s; Referee learns of comments only by deliveries, see `referee doctor`")


def received(database, text):
    """The time at which the daemon received the delivery with this text, in seconds."""
    end = time.time() + PATIENCE / 6
    while time.time() < end:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as store:
            pattern = f"%{text}%"
            query = "SELECT received_at FROM delivery WHERE event LIKE ? ORDER BY id"
            row = store.execute(query, (pattern,)).fetchone()
        if row:
            return row[0] / 1000
        time.sleep(POLL)
    return None


def print_head():
    print(f"{'':<22}{'median':>11}{'90 %':>11}{'longest':>11}{'of':>6}")


def print_row(name, seconds):
    if not seconds:
        return
    ninth = statistics.quantiles(seconds, n=10, method="inclusive")[8] if len(seconds) > 1 else seconds[0]
    print(f"{name:<22}{statistics.median(seconds):>9.3f} s{ninth:>9.3f} s{max(seconds):>9.3f} s{len(seconds):>6}")


def main():
    options = arguments()
    before, after, whole, swept = [], [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        team = Team(options, folder)
        for n in range(options.pushes):
            sha, pushed = team.push(n)
            seen = team.verdict_seen(sha)
            whole.append(seen - pushed)
            if options.database:
                arrived = received(options.database, f'"after":"{sha}"')
                if arrived is None or arrived > seen:
                    swept += 1
                else:
                    before.append(arrived - pushed)
                    after.append(seen - arrived)
            time.sleep(options.pause)
        print_head()
        print_row("push -> delivery", before)
        print_row("delivery -> verdict", after)
        print_row("push -> verdict", whole)
        if swept:
            print(f"the sweep found {swept} pushes before their delivery arrived")
        if options.commands:
            commands(options, team)


def commands(options, team):
    before, after, whole = [], [], []
    issue = team.ask("POST", "issues", {"title": "How long a reply takes", "body": "A measurement."})["number"]
    for _ in range(options.commands):
        comment, written = team.command(issue)
        seen = team.reply_seen(issue, comment)
        whole.append(seen - written)
        if options.database:
            arrived = received(options.database, f'"comment":{comment},')
            if arrived:
                before.append(arrived - written)
                after.append(seen - arrived)
        time.sleep(options.pause)
    team.ask("PATCH", f"issues/{issue}", {"state": "closed"})
    print_head()
    print_row("text -> delivery", before)
    print_row("delivery -> reply", after)
    print_row("text -> reply", whole)


main()
