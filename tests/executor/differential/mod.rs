//! Generated Dockerfiles, read by our rules and by the real engine: nothing that the engine does
//! may be unknown to us.
//!
//! Each file that the rules accept is built twice by the classic builder: as the participant wrote
//! it, and as [`emit`] writes it. The engine must take exactly the steps that we read, in their
//! order, and end both alike: the same steps behind it in every stage, as the engine itself tells
//! them in the history of its images, the same configuration or the same failure. A file that the
//! rules refuse is never built; there it is enough that they do not panic.
//!
//! Left out on purpose, and so in one of the two only: what [`LEFT_OUT`] names.
//!
//! `REFEREE_TEST_DOCKERFILES` says how many files (200), `REFEREE_TEST_SEED` which (1).

mod engine;
mod generator;
mod pieces;

use std::cell::Cell;
use std::collections::BTreeMap;

use bollard::models::ImageConfig;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use referee::model::{ImageId, Severity};
use referee::rules::dockerfile::{Base, Dockerfile, Instruction, check_dockerfile, emit};
use referee::rules::policy::Policy;

use crate::bench::{Bench, variable};
use engine::{Built, Engine};

/// Instructions that have no effect on a run, and that are not emitted.
const LEFT_OUT: [&str; 4] = ["EXPOSE", "HEALTHCHECK", "MAINTAINER", "STOPSIGNAL"];
/// Runs side by side, each with a part of the files.
const PARTS: u32 = 4;

/// What became of the files.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    files: u32,
    /// Accepted by our rules, and so built.
    accepted: u32,
    /// Built to the end by the engine.
    built: u32,
    /// Steps that the engine took in files as they were written.
    steps: u32,
}

#[test]
fn the_engine_does_what_we_read() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(bench) = runtime.block_on(Bench::new()) else {
        return;
    };
    let number = |name: &str, otherwise| {
        variable(name).map_or(otherwise, |text| text.parse::<u32>().unwrap())
    };
    let files = number("REFEREE_TEST_DOCKERFILES", 200);
    let seed = number("REFEREE_TEST_SEED", 1);
    let parts: Vec<Counts> = std::thread::scope(|scope| {
        let part = |part| scope.spawn(move || run(files / PARTS, (seed, part)));
        let parts: Vec<_> = (0..PARTS).map(part).collect();
        let ended = parts.into_iter().map(|part| part.join());
        ended.map(|counts| counts.expect("no difference")).collect()
    });
    let sum = |of: fn(&Counts) -> u32| parts.iter().map(of).sum::<u32>();
    let (all, accepted) = (sum(|c| c.files), sum(|c| c.accepted));
    let (built, steps) = (sum(|c| c.built), sum(|c| c.steps));
    println!("{all} files, {accepted} accepted, {built} built to the end, {steps} steps");
    // Were most files refused, or most builds given up at once, the test would say nothing.
    assert!(accepted * 10 >= all * 3, "{accepted} of {all}");
    assert!(built * 10 >= accepted * 6, "{built} of {accepted}");
    assert!(steps >= accepted * 2, "{steps} of {accepted}");
    drop(bench);
}

/// Generates files and compares, down to the shortest file that shows a difference.
fn run(files: u32, (seed, part): (u32, u32)) -> Counts {
    let engine = Engine::new(part);
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    bytes[4..8].copy_from_slice(&part.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config {
        cases: files,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let counts = Cell::new(Counts::default());
    let ended = TestRunner::new_with_rng(config, rng).run(&generator::file(&engine.name), |file| {
        let mut now = counts.get();
        now.files += 1;
        if let Some((original, _)) = compare(&engine, &file)? {
            now.accepted += 1;
            now.built += u32::from(original.error.is_none());
            now.steps += original.steps.len() as u32;
        }
        counts.set(now);
        Ok(())
    });
    match ended {
        Ok(()) => counts.get(),
        Err(TestError::Fail(why, file)) => panic!("{}\n{why}", shown(&file)),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

/// Both ways to build a file; nothing if the rules refuse it.
fn compare(engine: &Engine, file: &str) -> Result<Option<(Built, Built)>, TestCaseError> {
    let Some(read) = check_dockerfile("Dockerfile", file.as_bytes(), &policy(&engine.name)).parsed
    else {
        return Ok(None);
    };
    let ids: BTreeMap<String, ImageId> =
        BTreeMap::from([(engine.name.clone(), engine.base.clone())]);
    let emitted = emit(&read, &ids).map_err(|e| TestCaseError::fail(e.to_string()))?;
    // What the first build left is used by the second one where the engine finds it the same.
    // Nobody else has steps upon our base; upon nothing at all, others have.
    let cached = !file.to_ascii_lowercase().contains("scratch");
    let original = engine.build(file, false);
    let ours = engine.build(&emitted, cached);
    let difference = difference(&read, &emitted, (&original, &ours));
    engine.forget([&original, &ours]);
    match difference {
        None => Ok(Some((original, ours))),
        Some(what) => Err(TestCaseError::fail(format!(
            "{what}\n--- emitted\n{}--- the engine, as written: {original:#?}\n--- the engine, as emitted: {ours:#?}",
            shown(&emitted)
        ))),
    }
}

/// The base and nothing; CMD may be missing, so that files are short.
fn policy(base: &str) -> Policy {
    Policy::new([base, "scratch"], [])
        .with_severities([("DF040".to_owned(), Severity::Advice)].into())
}

/// What the engine does that we did not see.
fn difference(
    read: &Dockerfile,
    emitted: &str,
    (original, ours): (&Built, &Built),
) -> Option<String> {
    // What the engine refuses as a whole it does not do, whatever we read in it.
    if original.steps.is_empty() && original.error.is_some() {
        return ours
            .steps
            .is_empty()
            .then(|| "what we emit is refused".to_owned());
    }
    let expected: Vec<&str> = read.steps.iter().map(|s| keyword(&s.instruction)).collect();
    let lines: Vec<&str> = emitted.lines().collect();
    if lines.len() != expected.len() {
        return Some("a step of ours is not one line".to_owned());
    }
    let taken: Vec<String> = original.steps.iter().map(|s| first_word(s)).collect();
    let taken: Vec<&str> = taken
        .iter()
        .map(String::as_str)
        .filter(|word| !LEFT_OUT.contains(word))
        .collect();
    if !is_begun(&expected, &taken, original) {
        return Some(format!("we read {expected:?}, the engine takes {taken:?}"));
    }
    let steps: Vec<&str> = ours.steps.iter().map(|s| s.trim()).collect();
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    if !is_begun(&lines, &steps, ours) {
        return Some(format!("we emit {lines:?}, the engine takes {steps:?}"));
    }
    let last = original.steps.last().map(|step| first_word(step));
    if original.error.is_some() && last.is_some_and(|word| LEFT_OUT.contains(&word.as_str())) {
        return None;
    }
    // Of nothing but steps that are left out nothing stays, and that is no image to the engine. (A
    // build of ours has a label behind each FROM.)
    if original.error.is_none() && expected.iter().all(|word| *word == "FROM") {
        return None;
    }
    if original.error != ours.error {
        return Some("the two builds end differently".to_owned());
    }
    if histories(original) != histories(ours) {
        return Some("the two builds leave different steps behind".to_owned());
    }
    (kept(original) != kept(ours)).then(|| "the two images are different".to_owned())
}

/// Whether these steps are the expected ones: all, or the first ones if the build failed.
fn is_begun(expected: &[&str], taken: &[&str], built: &Built) -> bool {
    match built.error {
        None => expected == taken,
        Some(_) => expected.starts_with(taken),
    }
}

/// What the engine says of each stage's steps, without those that are left out.
fn histories(built: &Built) -> Vec<Vec<&str>> {
    let mut all = Vec::new();
    for stage in &built.histories {
        let steps = stage.iter().map(String::as_str);
        all.push(steps.filter(|step| is_kept(step)).collect());
    }
    all
}

fn is_kept(step: &str) -> bool {
    // Behind the shell, which SHELL may have changed.
    let nothing = step.split_once("#(nop)");
    let word = nothing.map(|(_, step)| first_word(step));
    word.is_none_or(|word| !LEFT_OUT.contains(&word.as_str()))
}

/// The configuration, without what is left out.
fn kept(built: &Built) -> Option<ImageConfig> {
    Some(ImageConfig {
        exposed_ports: None,
        healthcheck: None,
        stop_signal: None,
        ..built.config.clone()?
    })
}

fn first_word(step: &str) -> String {
    let word = step.split_whitespace().next().unwrap_or_default();
    word.to_ascii_uppercase()
}

fn keyword(instruction: &Instruction) -> &'static str {
    match instruction {
        Instruction::From {
            base: Base::Scratch | Base::Stage(_) | Base::Image(_),
            ..
        } => "FROM",
        Instruction::Arg(_) => "ARG",
        Instruction::Env(_) => "ENV",
        Instruction::Label(_) => "LABEL",
        Instruction::Copy { .. } => "COPY",
        Instruction::Run(_) => "RUN",
        Instruction::Cmd(_) => "CMD",
        Instruction::Entrypoint(_) => "ENTRYPOINT",
        Instruction::Shell(_) => "SHELL",
        Instruction::User(_) => "USER",
        Instruction::Workdir(_) => "WORKDIR",
    }
}

/// A text with every odd character told.
fn shown(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    lines
        .map(|line| format!("  {}\n", line.escape_debug()))
        .collect()
}
