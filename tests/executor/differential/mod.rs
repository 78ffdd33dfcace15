//! Generated Dockerfiles, read by the rules and by the real engine: the engine must do nothing that the rules did not
//! read.
//!
//! The classic builder builds each accepted file twice: as the participant wrote it, and as [`emit`] writes it. The
//! engine must take exactly the steps that the rules read, in the same sequence. Both builds must end alike: with the
//! same steps in every stage (from the history of the images), the same configuration or the same failure. A refused
//! file is never built; there it suffices that the rules do not panic.
//!
//! [`LEFT_OUT`] names the instructions that only one of the two files contains.
//!
//! `REFEREE_TEST_DOCKERFILES` sets the number of files (200), `REFEREE_TEST_SEED` the seed (1).

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

/// Instructions that have no effect on a run. They are not emitted.
const LEFT_OUT: [&str; 4] = ["EXPOSE", "HEALTHCHECK", "MAINTAINER", "STOPSIGNAL"];
/// Parallel runs, each with a part of the files.
const PARTS: u32 = 4;

/// The results of all files.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    files: u32,
    /// Accepted by the rules, and so built.
    accepted: u32,
    /// Built to the end by the engine.
    built: u32,
    /// Steps of the files as the participant wrote them.
    steps: u32,
}

#[test]
fn the_engine_does_what_the_rules_read() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(bench) = runtime.block_on(Bench::new()) else {
        return;
    };
    let number = |name: &str, otherwise| variable(name).map_or(otherwise, |text| text.parse::<u32>().unwrap());
    let files = number("REFEREE_TEST_DOCKERFILES", 200);
    let seed = number("REFEREE_TEST_SEED", 1);
    let parts: Vec<Counts> = std::thread::scope(|scope| {
        let part = |part| scope.spawn(move || run(files / PARTS, seed, part));
        let parts: Vec<_> = (0..PARTS).map(part).collect();
        let ended = parts.into_iter().map(|part| part.join());
        ended.map(|counts| counts.expect("no difference")).collect()
    });
    let sum = |of: fn(&Counts) -> u32| parts.iter().map(of).sum::<u32>();
    let (all, accepted) = (sum(|c| c.files), sum(|c| c.accepted));
    let (built, steps) = (sum(|c| c.built), sum(|c| c.steps));
    println!("{all} files, {accepted} accepted, {built} built to the end, {steps} steps");
    // If most files were refused, or most builds failed at once, the test would prove nothing.
    assert!(accepted * 10 >= all * 3, "{accepted} of {all}");
    assert!(built * 10 >= accepted * 6, "{built} of {accepted}");
    assert!(steps >= accepted * 2, "{steps} of {accepted}");
    drop(bench);
}

/// Generates files and compares, down to the shortest file that shows a difference.
fn run(files: u32, seed: u32, part: u32) -> Counts {
    let engine = Engine::new(part);
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    bytes[4..8].copy_from_slice(&part.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config { cases: files, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
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

/// Builds a file in both ways. `None` if the rules refuse it.
fn compare(engine: &Engine, file: &str) -> Result<Option<(Built, Built)>, TestCaseError> {
    let Some(read) = check_dockerfile("Dockerfile", file.as_bytes(), &policy(&engine.name)).parsed else {
        return Ok(None);
    };
    let ids: BTreeMap<String, ImageId> = BTreeMap::from([(engine.name.clone(), engine.base.clone())]);
    let emitted = emit(&read, &ids).map_err(|e| TestCaseError::fail(e.to_string()))?;
    // The second build uses the results of the first where the engine finds the steps equal. No other build has steps
    // on this base, but others have steps on `scratch`.
    let cached = !file.to_ascii_lowercase().contains("scratch");
    let original = engine.build(file, false);
    let ours = engine.build(&emitted, cached);
    let difference = difference(&read, &emitted, &original, &ours);
    engine.forget([&original, &ours]);
    match difference {
        None => Ok(Some((original, ours))),
        Some(difference) => Err(TestCaseError::fail(format!(
            "{difference}\n--- emitted\n{}--- the engine, as written: {original:#?}\n\
             --- the engine, as emitted: {ours:#?}",
            shown(&emitted)
        ))),
    }
}

/// Allows the base and `scratch`. CMD may be missing, so that files are short.
fn policy(base: &str) -> Policy {
    Policy::new([base, "scratch"], []).with_severities([("DF040".to_owned(), Severity::Advice)].into())
}

/// The difference between the builds and the reading of the rules.
fn difference(read: &Dockerfile, emitted: &str, original: &Built, ours: &Built) -> Option<String> {
    // The engine refuses the whole file, so it does nothing of it.
    if original.steps.is_empty() && original.error.is_some() {
        return ours.steps.is_empty().then(|| "the engine refuses the emitted file".to_owned());
    }
    let expected: Vec<&str> = read.steps.iter().map(|s| keyword(&s.instruction)).collect();
    let lines: Vec<&str> = emitted.lines().collect();
    if lines.len() != expected.len() {
        return Some("an emitted step is not one line".to_owned());
    }
    let taken: Vec<String> = original.steps.iter().map(|s| first_word(s)).collect();
    let taken: Vec<&str> = taken.iter().map(String::as_str).filter(|word| !LEFT_OUT.contains(word)).collect();
    if !is_begun(&expected, &taken, original) {
        return Some(format!("the rules read {expected:?}, the engine takes {taken:?}"));
    }
    let steps: Vec<&str> = ours.steps.iter().map(|s| s.trim()).collect();
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    if !is_begun(&lines, &steps, ours) {
        return Some(format!("emitted are {lines:?}, the engine takes {steps:?}"));
    }
    let last = original.steps.last().map(|step| first_word(step));
    if original.error.is_some() && last.is_some_and(|word| LEFT_OUT.contains(&word.as_str())) {
        return None;
    }
    // Without any remaining step the engine makes no image. (A build of Referee has a label behind each FROM.)
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

/// Whether these steps are the expected ones: all of them, or the first ones if the build failed.
fn is_begun(expected: &[&str], taken: &[&str], built: &Built) -> bool {
    match built.error {
        None => expected == taken,
        Some(_) => expected.starts_with(taken),
    }
}

/// The histories of all stages, without the instructions that are left out.
fn histories(built: &Built) -> Vec<Vec<&str>> {
    let mut all = Vec::new();
    for stage in &built.histories {
        let steps = stage.iter().map(String::as_str);
        all.push(steps.filter(|step| is_kept(step)).collect());
    }
    all
}

fn is_kept(step: &str) -> bool {
    // The text behind the shell, which SHELL may have changed.
    let nothing = step.split_once("#(nop)");
    let word = nothing.map(|(_, step)| first_word(step));
    word.is_none_or(|word| !LEFT_OUT.contains(&word.as_str()))
}

/// The configuration, without the effects of the instructions that are left out.
fn kept(built: &Built) -> Option<ImageConfig> {
    Some(ImageConfig { exposed_ports: None, healthcheck: None, stop_signal: None, ..built.config.clone()? })
}

fn first_word(step: &str) -> String {
    let word = step.split_whitespace().next().unwrap_or_default();
    word.to_ascii_uppercase()
}

fn keyword(instruction: &Instruction) -> &'static str {
    match instruction {
        Instruction::From { base: Base::Scratch | Base::Stage(_) | Base::Image(_), .. } => "FROM",
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

/// A text with all special characters escaped.
fn shown(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    lines.map(|line| format!("  {}\n", line.escape_debug())).collect()
}
