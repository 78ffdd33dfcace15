//! Pushes to repositories on the server's own disk, above all unusual ones: which submissions they enter, which they do
//! not enter, and which lines they print.

use std::cell::Cell;
use std::time::Duration;

use referee::model::{Outcome, Timestamp};
use serde_json::Value;

use crate::copy::{Copy, Pushed};
use crate::world::{PATIENCE, World, submission};

/// The sweep runs once a minute. The rest is time for a busy machine.
const SWEEP_PATIENCE: Duration = Duration::from_secs(90);
const TEAM: &str = "one";

/// A daemon with one team and its working copy.
fn world() -> Option<(World, Copy)> {
    let mut world = World::with_example("nuclei")?;
    world.add_teams("nuclei", &[TEAM]);
    world.start();
    let copy = world.copy_of("nuclei", TEAM);
    Some((world, copy))
}

/// A commit that admission refuses, so that Referee builds nothing. Each commit differs from the others.
fn refused(copy: &Copy, text: &str) -> String {
    copy.take(&submission("nuclei/five-mistakes"));
    copy.write("different.txt", text);
    copy.commit(text)
}

/// A commit that Referee evaluates.
fn accepted(copy: &Copy, text: &str) -> String {
    copy.take(&submission("nuclei/baseline-empty"));
    copy.write("different.txt", text);
    copy.commit(text)
}

/// The codes of a submission's errors.
fn errors(view: &Value) -> Vec<&str> {
    view["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|f| f["severity"] == "error")
        .filter_map(|f| f["code"].as_str())
        .collect()
}

/// The phases and commits of all submissions of the team.
fn entered(world: &World) -> Vec<(String, String)> {
    world
        .submissions("nuclei", TEAM)
        .into_iter()
        .map(|r| {
            let submission = r.submission;
            (submission.phase.to_string(), submission.origin.sha().unwrap().to_string())
        })
        .collect()
}

fn rejected(world: &mut World, pushed: &Pushed) -> Value {
    assert!(pushed.accepted, "{}", pushed.text);
    let (view, outcome) = world.wait_end(&pushed.token());
    assert_eq!(outcome, "rejected", "{view:#}");
    view
}

#[test]
fn a_push_while_the_daemon_is_down_is_found_when_it_starts_again() {
    let Some(mut world) = World::with_example("nuclei") else {
        return;
    };
    world.add_teams("nuclei", &[TEAM]);
    let copy = world.copy_of("nuclei", TEAM);
    let sha = refused(&copy, "no daemon");
    let pushed = copy.push_main();
    pushed.message("Referee cannot be reached");
    pushed.message("Your push is stored");
    world.start();
    world.until("the push is found", PATIENCE, |world| !world.submissions("nuclei", TEAM).is_empty());
    world.settle(PATIENCE);
    assert_eq!(entered(&world), [("validation".to_owned(), sha.clone())]);
    assert!(copy.note(&sha).starts_with("Rejected by the rules"));
}

#[test]
fn a_push_without_a_hook_is_found_by_the_sweep() {
    let Some((mut world, copy)) = world() else {
        return;
    };
    let hook = world.repository("nuclei", TEAM).join("hooks/post-receive");
    std::fs::remove_file(hook).unwrap();
    let sha = refused(&copy, "no hook");
    assert_eq!(copy.push_main().remote(), Vec::<&str>::new());
    world.until("the sweep finds the push", SWEEP_PATIENCE, |world| !world.submissions("nuclei", TEAM).is_empty());
    world.settle(PATIENCE);
    assert_eq!(entered(&world), [("validation".to_owned(), sha)]);
}

#[test]
fn only_refs_of_a_phase_are_entered() {
    let Some((mut world, copy)) = world() else {
        return;
    };
    let validation = |sha: &String| ("validation".to_owned(), sha.clone());
    let test = |sha: &String| ("test".to_owned(), sha.clone());

    let first = refused(&copy, "first");
    let pushed = copy.push(&["origin", "HEAD:refs/heads/feature"]);
    pushed.message("stored. feature triggers no phase. Phases are triggered by: branch main (validation)");
    assert_eq!(entered(&world), []);

    // One push of two refs is two submissions. The tag that fits no phase is only stored.
    copy.git(&["tag", "final-1"]);
    copy.git(&["tag", "v1"]);
    let pushed = copy.push(&["origin", "HEAD:main", "final-1", "v1"]);
    assert_eq!(pushed.tokens().len(), 2, "{}", pushed.text);
    pushed.message("v1 triggers no phase");
    let mut expected = vec![validation(&first), test(&first)];
    assert_eq!(entered(&world), expected);

    // The branch returns to its first commit: Referee enters nothing new and prints the same result again.
    let second = refused(&copy, "second");
    rejected(&mut world, &copy.push_main());
    copy.git(&["reset", "--quiet", "--hard", &first]);
    let back = copy.push(&["--force", "origin", "HEAD:main"]);
    let view = rejected(&mut world, &back);
    assert_eq!(view["sha"], first.as_str());
    expected.push(validation(&second));
    assert_eq!(entered(&world), expected);

    // An annotated tag enters its commit, and a moved tag enters another one.
    let third = refused(&copy, "third");
    copy.git(&["tag", "--annotate", "--message", "The last one", "final-2"]);
    rejected(&mut world, &copy.push(&["origin", "final-2"]));
    expected.push(test(&third));
    let fourth = refused(&copy, "fourth");
    copy.git(&["tag", "--force", "final-1"]);
    rejected(&mut world, &copy.push(&["--force", "origin", "final-1"]));
    expected.push(test(&fourth));
    assert_eq!(entered(&world), expected);

    // Submissions of a deleted ref stay.
    let gone = copy.push(&["origin", ":final-2", ":feature"]);
    gone.message("final-2 was deleted. Its submissions remain.");
    gone.message("feature was deleted");
    assert_eq!(gone.tokens(), Vec::<String>::new());
    world.settle(PATIENCE);
    assert_eq!(entered(&world), expected);
}

#[test]
fn a_push_of_a_disqualified_team_is_refused_with_the_reason() {
    let Some((mut world, copy)) = world() else {
        return;
    };
    world.command(&["disqualify", "team", TEAM, "reason=labels of the test set"]).unwrap();
    let pushed = copy.push(&["origin", &format!("{}:refs/heads/main", refused(&copy, "while out"))]);
    pushed.message("error[PHS002]").message("Your team is disqualified: labels of the test set");
    let view = rejected(&mut world, &pushed);
    assert!(errors(&view).contains(&"PHS002"), "{view}");

    world.command(&["reinstate", "team", TEAM]).unwrap();
    refused(&copy, "back again");
    let view = rejected(&mut world, &copy.push_main());
    assert!(!errors(&view).contains(&"PHS002"), "{view}");
}

#[test]
fn a_push_returns_after_admission_unless_it_watches() {
    let Some((mut world, copy)) = world() else {
        return;
    };
    let sha = accepted(&copy, "plain");
    let pushed = copy.push_main();
    pushed.message("✓ admission").message("Processing continues in the background");
    assert_eq!(world.view(&pushed.token())["score"], Value::Null);

    let watched = accepted(&copy, "watched");
    let returned = pushed.took;
    let pushed = copy.push(&["-o", "watch", "origin", "HEAD:main"]);
    for stage in ["admission", "build", "smoke", "run", "scoring"] {
        pushed.message(&format!("✓ {stage}"));
    }
    pushed.message("Scored: AP@0.5 0.000");
    assert_eq!(world.view(&pushed.token())["state"]["at"], "scored");
    println!("a push took {returned:?}, and {:?} with -o watch", pushed.took);

    // Referee edits a report: each commit has one note, and the history of the notes only grows.
    world.settle(PATIENCE);
    for sha in [&sha, &watched] {
        assert!(copy.note(sha).starts_with("Scored"), "{}", copy.note(sha));
    }
    let notes = copy.git(&["notes", "list"]);
    assert_eq!(notes.lines().count(), 2, "{notes}");
    let edits = copy.git(&["rev-list", "--count", "refs/notes/commits"]);
    assert!(edits.parse::<usize>().unwrap() >= 4, "{edits} edits");
    let mut oldest = copy.git(&["rev-list", "--max-parents=0", "refs/notes/commits"]);
    oldest.truncate(40);
    let contained = copy.git(&["merge-base", &oldest, "refs/notes/commits"]);
    assert_eq!(contained, oldest);
}

#[test]
fn forbidden_content_of_a_commit_is_named() {
    let Some((mut world, copy)) = world() else {
        return;
    };
    copy.take(&submission("nuclei/baseline-empty"));
    let pointer = "version https://git-lfs.github.com/spec/v1\n\
                   oid sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n\
                   size 1000000\n";
    copy.write("weights.bin", pointer);
    let dockerfile = std::fs::read_to_string(copy.path.join("Dockerfile")).unwrap();
    let copies = format!("COPY weights.bin /app/weights.bin\n{}", "USER 65534");
    copy.write("Dockerfile", &dockerfile.replace("USER 65534", &copies));
    std::os::unix::fs::symlink("/etc/passwd", copy.path.join("link")).unwrap();
    copy.git(&["add", "--all"]);
    let submodule = format!("160000,{},library", "1".repeat(40));
    copy.git(&["update-index", "--add", "--cacheinfo", &submodule]);
    copy.git(&["commit", "--quiet", "--message", "Surprises"]);
    let view = rejected(&mut world, &copy.push_main());
    assert_eq!(errors(&view), ["SRC004", "SRC006", "SRC005"]);

    // More files than Referee reads.
    let mut import = String::from("blob\nmark :1\ndata 2\nx\n\n");
    import.push_str("commit refs/heads/many\ncommitter T <t@localhost> 1700000000 +0000\n");
    import.push_str("data 5\nmany\n\n");
    for n in 0..=referee::model::limits::SOURCE_FILES_MAX {
        import.push_str(&format!("M 100644 :1 {}/{n}\n", n % 100));
    }
    copy.git_with(&["fast-import", "--quiet"], import.as_bytes());
    let pushed = copy.push(&["--force", "origin", "many:main"]);
    let view = rejected(&mut world, &pushed);
    assert_eq!(errors(&view), ["SRC003"]);
    pushed.message("more than 20000 files");
    world.settle(PATIENCE);
}

#[test]
fn malformed_objects_are_not_stored() {
    let Some((mut world, copy)) = world() else {
        return;
    };
    let blob = copy.git_with(&["hash-object", "-w", "--stdin"], b"[core]\n");
    let entry = format!("100644 blob {blob}\tconfig\n");
    let inner = copy.git_with(&["mktree"], entry.as_bytes());
    let raw = hex::decode(inner).unwrap();
    let tree = [b"40000 .git\0", raw.as_slice()].concat();
    let arguments = ["hash-object", "-t", "tree", "-w", "--literally", "--stdin"];
    let tree = copy.git_with(&arguments, &tree);
    let commit = copy.git(&["commit-tree", "-m", "A .git within", &tree]);
    let pushed = copy.push(&["--force", "origin", &format!("{commit}:refs/heads/main")]);
    assert!(!pushed.accepted, "{}", pushed.text);
    assert!(pushed.text.contains("hasDotgit"), "{}", pushed.text);
    world.settle(PATIENCE);
    assert_eq!(entered(&world), []);
}

/// The day in UTC for which quotas count now.
fn today() -> Timestamp {
    referee::clock::Clock::system().now().start_of_day()
}

/// Runs a test of the quota of a day. If it fails while a new day begins, it has met two quotas and runs again. A
/// failure within one day stays a failure.
fn within_a_day(mut day: impl FnMut() -> Timestamp, test: impl Fn()) {
    loop {
        let began = day();
        let run = std::panic::AssertUnwindSafe(&test);
        match std::panic::catch_unwind(run) {
            Ok(()) => return,
            Err(_) if day() != began => eprintln!("a new day has begun: the test runs again"),
            Err(failure) => std::panic::resume_unwind(failure),
        }
    }
}

#[test]
fn only_midnight_excuses_a_failure() {
    let runs = Cell::new(0);
    let fails_at_first = || {
        runs.set(runs.get() + 1);
        assert!(runs.get() > 1, "the first run fails on purpose");
    };
    let days = Cell::new(0);
    let next_day = || {
        days.set(days.get() + 1);
        Timestamp(days.get())
    };
    within_a_day(next_day, fails_at_first);
    assert_eq!(runs.get(), 2);
    runs.set(0);
    let run = std::panic::AssertUnwindSafe(|| within_a_day(|| Timestamp(0), fails_at_first));
    assert!(std::panic::catch_unwind(run).is_err());
    assert_eq!(runs.get(), 1);
}

#[test]
fn a_phase_has_limits() {
    within_a_day(today, a_day_in_a_phase_with_limits);
}

fn a_day_in_a_phase_with_limits() {
    let change = |challenge: &std::path::Path| {
        let file = challenge.join("challenge.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let (validation, test) = text.rsplit_once("[[phase]]").expect("two phases");
        let validation = validation.replace("per-day = 20", "per-day = 1");
        let test = test.replace("2099-12-31", "2024-01-31");
        std::fs::write(&file, format!("{validation}[[phase]]{test}")).unwrap();
    };
    let Some(mut world) = World::with_changed("nuclei", change) else {
        return;
    };
    world.add_teams("nuclei", &[TEAM]);
    world.start();
    let copy = world.copy_of("nuclei", TEAM);
    accepted(&copy, "first");
    let first = copy.push_main();

    // Running evaluations count: two pushes at the same time cannot exceed the quota.
    accepted(&copy, "second");
    let second = copy.push_main();
    second.message("Your team has used the 1 evaluation of today. The next one is possible at");
    let view = rejected(&mut world, &second);
    assert_eq!(errors(&view), ["QTA001"]);

    let (_, outcome) = world.wait_end(&first.token());
    assert_eq!(outcome, "scored");
    accepted(&copy, "first");
    let same = copy.push_main();
    same.message("Submission #1 has the same files");
    assert_eq!(errors(&rejected(&mut world, &same)), ["QTA005", "QTA001"]);

    accepted(&copy, "late");
    copy.git(&["tag", "final-1"]);
    let late = copy.push(&["origin", "final-1"]);
    late.message("The phase `test` closed at 2024-01-31");
    assert_eq!(errors(&rejected(&mut world, &late)), ["PHS001"]);
    world.settle(PATIENCE);
    let records = world.submissions("nuclei", TEAM);
    assert_eq!(world.spent(&records[0]), 1);
}

#[test]
fn a_challenge_sets_the_severity_of_quota_rules() {
    let change = |challenge: &std::path::Path| {
        let file = challenge.join("challenge.toml");
        let mut text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains("[rules]"));
        text.push_str("\n[rules]\nQTA004 = \"error\"\n");
        std::fs::write(&file, text.replace("concurrent = 2", "concurrent = 1")).unwrap();
    };
    let Some(mut world) = World::with_changed("nuclei", change) else {
        return;
    };
    world.add_teams("nuclei", &[TEAM]);
    world.start();
    let copy = world.copy_of("nuclei", TEAM);
    accepted(&copy, "first");
    let first = copy.push_main();
    accepted(&copy, "second");
    let second = copy.push_main();
    assert_eq!(errors(&rejected(&mut world, &second)), ["QTA004"]);
    let (_, outcome) = world.wait_end(&first.token());
    assert_eq!(outcome, "scored");
    world.settle(PATIENCE);
}

#[test]
fn eight_teams_push_at_once() {
    let Some(mut world) = World::with_example("nuclei") else {
        return;
    };
    let teams: Vec<String> = (1..=8).map(|n| format!("at-once-{n}")).collect();
    world.add_teams("nuclei", &teams);
    world.start();
    let copies: Vec<Copy> = teams.iter().map(|team| world.copy_of("nuclei", team)).collect();
    for (n, copy) in copies.iter().enumerate() {
        match n % 4 {
            0 => accepted(copy, "together"),
            _ => refused(copy, "together"),
        };
    }
    let pushes: Vec<Pushed> = std::thread::scope(|scope| {
        let pushing: Vec<_> = copies.iter().map(|copy| scope.spawn(|| copy.push_main())).collect();
        pushing.into_iter().map(|push| push.join().unwrap()).collect()
    });
    for (n, pushed) in pushes.iter().enumerate() {
        match n % 4 {
            0 => pushed.message("✓ admission"),
            _ => pushed.message("Rejected by the rules"),
        };
    }
    world.settle(PATIENCE);
    for (n, team) in teams.iter().enumerate() {
        let records = world.submissions("nuclei", team);
        let outcomes: Vec<_> = records.iter().map(|r| r.submission.outcome()).collect();
        let expected = match n % 4 {
            0 => Outcome::Scored,
            _ => Outcome::Rejected,
        };
        assert_eq!(outcomes, [Some(expected)], "{team}");
    }
}
