//! Sample values for the tests of several rules, and the text form of findings for their snapshots.

use crate::model::{
    AcrossMetrics, Challenge, ChallengeSlug, Contract, ContractMode, Digest, Duration, Finding, ForgeName, PathPattern,
    Ranking, RunLimits, Scheme, ScorerSpec, Task, TaskSlug, TeamPattern,
};

/// The findings of an input, as a block of a snapshot: `CODE severity location: message / help`.
pub(super) fn block(input: impl std::fmt::Display, findings: &[Finding]) -> String {
    let lines = findings.iter().map(|f| {
        let location = f.location.as_ref().map_or(String::new(), |l| format!(" {l}"));
        let (code, severity, message, help) = (&f.code, f.severity, &f.message, &f.help);
        format!("  {code} {severity}{location}: {message} / {help}\n")
    });
    format!("{input}\n{}", lines.collect::<String>())
}

/// The limits of a small task.
pub(super) fn limits() -> RunLimits {
    RunLimits {
        gpus: 0,
        cpus: 1.0,
        memory: 512 << 20,
        time: Duration::seconds(60),
        smoke_time: Duration::seconds(20),
        output: 1000,
        files: 8,
        pids: 64,
        shm: 64 << 20,
        tmp: 64 << 20,
        image: 2 << 30,
    }
}

/// A contract that requires one pattern of files.
pub(super) fn contract(expect: &str) -> Contract {
    Contract {
        mode: ContractMode::WholeSet,
        input: "/input".into(),
        output: "/output".into(),
        expect: vec![PathPattern(expect.into())],
    }
}

fn task(slug: &str) -> Task {
    Task {
        slug: TaskSlug::new(slug).unwrap(),
        title: slug.into(),
        sample: "sample".into(),
        contract: contract("{case}.png"),
        checks: Vec::new(),
        scorer: ScorerSpec {
            build: "scorer".into(),
            dockerfile: "Dockerfile".into(),
            memory: 1 << 30,
            time: Duration::seconds(60),
        },
        metrics: Vec::new(),
        ranking: Ranking { scheme: Scheme::AggregateThenRank, across_metrics: AcrossMetrics::First },
        best_by: None,
        limits: limits(),
    }
}

/// A challenge with these tasks and without phases.
pub(super) fn challenge(tasks: &[&str]) -> Challenge {
    Challenge {
        slug: ChallengeSlug::new("sample").unwrap(),
        title: "Sample".into(),
        forge: ForgeName::new("local").unwrap(),
        teams: TeamPattern::parse("sample/team-*").unwrap(),
        organizers: None,
        leaderboard: None,
        template: None,
        directory: "/srv/sample".into(),
        config_digest: Digest::of(b"sample"),
        tasks: tasks.iter().map(|slug| task(slug)).collect(),
        phases: Vec::new(),
        rules: std::collections::BTreeMap::new(),
    }
}
