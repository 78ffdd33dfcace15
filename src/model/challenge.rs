//! A challenge as its organizers wrote it, checked and complete. Made only by `crate::config`.
//!
//! Values here are immutable; a changed `challenge.toml` makes a new revision.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};

use super::check::OutputCheck;
use super::finding::Severity;
use super::ids::{CaseId, ChallengeSlug, Digest, ForgeName, PhaseSlug, TaskSlug, TeamSlug};
use super::numbers;
use super::pattern::{PathPattern, star_captures};
use super::score::{Direction, MetricName};
use super::time::{Duration, Timestamp};

/// A whole challenge: tasks and phases. A [`Board`] is one task in one phase.
#[derive(Debug, Clone, PartialEq)]
pub struct Challenge {
    /// Name in addresses.
    pub slug: ChallengeSlug,
    /// Name on pages.
    pub title: String,
    /// The forge that holds the team repositories.
    pub forge: ForgeName,
    /// Pattern of team repositories, `owner/prefix*`; the part under `*` names the team.
    pub teams: TeamPattern,
    /// Forge team whose members may command, `organization/team`.
    pub organizers: Option<String>,
    /// Repository that receives the board after every change, `owner/name`.
    pub leaderboard: Option<String>,
    /// Folder that a new team repository starts from.
    pub template: Option<PathBuf>,
    /// The directory of `challenge.toml`.
    pub directory: PathBuf,
    /// Digest of `challenge.toml`: the revision of this configuration.
    pub config_digest: Digest,
    /// At least one.
    pub tasks: Vec<Task>,
    /// At least one.
    pub phases: Vec<Phase>,
    /// Rules that weigh more or less here than by default, by code (`DF041`).
    pub rules: BTreeMap<String, Severity>,
}

impl Challenge {
    /// The task of that name.
    pub fn task(&self, slug: &TaskSlug) -> Option<&Task> {
        self.tasks.iter().find(|t| &t.slug == slug)
    }

    /// The phase of that name.
    pub fn phase(&self, slug: &PhaseSlug) -> Option<&Phase> {
        self.phases.iter().find(|p| &p.slug == slug)
    }

    /// The phases that a ref triggers, in the order of the file.
    pub fn phases_of_ref<'a>(&'a self, full_ref: &'a str) -> impl Iterator<Item = &'a Phase> {
        self.phases.iter().filter(move |p| p.on.matches(full_ref))
    }

    /// The team that a repository of this name would belong to. The challenge's own repositories are
    /// nobody's, whatever the pattern says.
    pub fn team_of(&self, full_name: &str) -> Option<TeamSlug> {
        let template = self.template_repository();
        let own = [&self.organizers, &self.leaderboard, &Some(template)]
            .into_iter()
            .flatten()
            .any(|own| own == full_name);
        match own {
            true => None,
            false => self.teams.team_of(full_name),
        }
    }

    /// The repository that teams' repositories are made from, on forges with accounts.
    pub fn template_repository(&self) -> String {
        let owner = self.teams.before.split('/').next().unwrap_or_default();
        format!("{owner}/{}-template", self.slug)
    }

    /// The phases that an image triggers, by its name within the owner, in the order of the file.
    pub fn phases_of_image<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Phase> {
        self.phases.iter().filter(move |p| p.on.matches_image(name))
    }

    /// Whether any phase is triggered by images.
    pub fn takes_images(&self) -> bool {
        let by_image = |p: &Phase| matches!(p.on, Trigger::Image(_));
        self.phases.iter().any(by_image)
    }

    /// The task that an image's tag names: `<task>` or `<task>-<anything>`, of two that fit the
    /// longer. Where there is one task only, every tag names it.
    pub fn task_of_tag(&self, tag: &str) -> Option<&Task> {
        if let [only] = self.tasks.as_slice() {
            return Some(only);
        }
        self.tasks
            .iter()
            .filter(|task| {
                tag.strip_prefix(task.slug.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            })
            .max_by_key(|task| task.slug.as_str().len())
    }

    /// All boards: every task in every phase.
    pub fn boards(&self) -> impl Iterator<Item = Board> + '_ {
        self.phases.iter().flat_map(move |p| {
            self.tasks.iter().map(move |t| Board {
                challenge: self.slug.clone(),
                phase: p.slug.clone(),
                task: t.slug.clone(),
            })
        })
    }
}

/// `owner/prefix*suffix`: which repositories of the forge belong to teams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamPattern {
    /// Owner, and the part of the name before `*`.
    pub before: String,
    /// The part of the name after `*`.
    pub after: String,
}

impl TeamPattern {
    /// Reads a pattern with exactly one `*`, in the part after the last `/`.
    pub fn parse(text: &str) -> Option<Self> {
        let (before, after) = text.split_once('*')?;
        if after.contains(['*', '/']) || !before.contains('/') {
            return None;
        }
        Some(Self {
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }

    /// The team that a repository of this full name belongs to.
    pub fn team_of(&self, full_name: &str) -> Option<TeamSlug> {
        let name = full_name
            .strip_prefix(self.before.as_str())?
            .strip_suffix(self.after.as_str())?;
        TeamSlug::new(name).ok()
    }

    /// The full name of a team's repository.
    pub fn repository_of(&self, team: &TeamSlug) -> String {
        format!("{}{team}{}", self.before, self.after)
    }
}

/// One thing to solve: its contract, its scorer, its metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Name in addresses.
    pub slug: TaskSlug,
    /// Name on pages.
    pub title: String,
    /// Directory of the public sample: `inputs/` and `ground_truth/`, or `ground_truth/` with shared inputs beside it.
    pub sample: PathBuf,
    /// What a container is given and must give back.
    pub contract: Contract,
    /// What is looked at in outputs before the scorer sees them.
    pub checks: Vec<OutputCheck>,
    /// The organizers' scorer.
    pub scorer: ScorerSpec,
    /// At least one; the first is the headline.
    pub metrics: Vec<MetricSpec>,
    /// How cases become places.
    pub ranking: Ranking,
    /// Bounds of the participant's container.
    pub limits: RunLimits,
}

/// What a container is given and must give back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// One run for all cases, or one for each.
    pub mode: ContractMode,
    /// Where inputs are mounted, read-only.
    pub input: String,
    /// Where outputs are written.
    pub output: String,
    /// Files that must exist for each case.
    pub expect: Vec<PathPattern>,
}

/// How often the container runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContractMode {
    /// Once, over all cases.
    WholeSet,
    /// Once for each case, as on Grand Challenge.
    PerCase,
}

/// The organizers' scorer: an image built from a folder of the challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScorerSpec {
    /// Build context.
    pub build: PathBuf,
    /// Dockerfile within the context.
    pub dockerfile: String,
    /// Bytes of memory.
    pub memory: u64,
    /// Wall-clock time.
    pub time: Duration,
}

/// One declared metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricSpec {
    /// Key in `metrics.json`.
    pub name: MetricName,
    /// Name on pages.
    pub title: String,
    /// Which end is good.
    pub direction: Direction,
    /// Smallest and largest legal value. JSON has no infinity and holds `null` in its place.
    #[serde(deserialize_with = "bounds")]
    pub bounds: (f64, f64),
    /// What a missing value counts as.
    pub missing: MissingRule,
    /// How a team's cases become one number.
    pub aggregate: Aggregate,
}

fn bounds<'de, D: Deserializer<'de>>(from: D) -> Result<(f64, f64), D::Error> {
    let (low, high) = <(Option<f64>, Option<f64>)>::deserialize(from)?;
    Ok((
        low.unwrap_or(f64::NEG_INFINITY),
        high.unwrap_or(f64::INFINITY),
    ))
}

impl MetricSpec {
    /// The worst legal value.
    pub fn worst(&self) -> f64 {
        match self.direction {
            Direction::Max => self.bounds.0,
            Direction::Min => self.bounds.1,
        }
    }

    /// What a value counts as once the [`MissingRule`] has been applied.
    ///
    /// [`MissingRule::Reject`] stops a report before it becomes a score; should one slip through,
    /// the worst value is the answer that rewards nobody.
    pub fn counted(&self, value: Option<f64>) -> f64 {
        match (value, self.missing) {
            (Some(value), _) => value,
            (None, MissingRule::Value(value)) => value,
            (None, MissingRule::Worst | MissingRule::Reject) => self.worst(),
        }
    }
}

/// What a missing value counts as.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingRule {
    /// The worst legal value.
    Worst,
    /// Nothing: the report of the scorer is refused.
    Reject,
    /// This number.
    Value(f64),
}

/// How a team's cases become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aggregate {
    /// Arithmetic mean.
    Mean,
    /// Median.
    Median,
}

impl Aggregate {
    /// The one number, whatever the order of the values; `None` of no values.
    pub fn of(self, values: &[f64]) -> Option<f64> {
        match self {
            Self::Mean => numbers::mean(values),
            Self::Median => numbers::median(values),
        }
    }

    /// Its name in `metrics.json`: `mean` or `median`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Median => "median",
        }
    }
}

/// How cases become places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ranking {
    /// Which comes first, the aggregation or the ranking.
    pub scheme: Scheme,
    /// How the ranks of several metrics become one.
    pub across_metrics: AcrossMetrics,
}

/// Which comes first (Maier-Hein et al. 2018, Nature Communications 9:5217).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// Aggregate a team's cases, rank the aggregates.
    AggregateThenRank,
    /// Rank the teams on each case, aggregate the ranks, rank those.
    RankThenAggregate,
}

/// How the ranks of several metrics become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AcrossMetrics {
    /// The mean of the ranks, ranked again (PhaKIR, KiTS23).
    MeanRank,
    /// The rank by the first metric; the others are shown only.
    First,
}

/// Bounds of the participant's container.
#[derive(Debug, Clone, PartialEq)]
pub struct RunLimits {
    /// GPUs that the run gets for itself.
    pub gpus: u32,
    /// CPU cores, possibly a fraction.
    pub cpus: f64,
    /// Bytes of memory, swap included.
    pub memory: u64,
    /// Wall-clock time of a run.
    pub time: Duration,
    /// Wall-clock time of the smoke run.
    pub smoke_time: Duration,
    /// Bytes of the output.
    pub output: u64,
    /// Files of the output.
    pub files: u64,
    /// Processes and threads.
    pub pids: u32,
    /// Bytes of `/dev/shm`.
    pub shm: u64,
    /// Bytes of `/tmp`.
    pub tmp: u64,
    /// Bytes of the image, unpacked.
    pub image: u64,
}

/// A period with its own data, trigger and quota.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// Name in addresses.
    pub slug: PhaseSlug,
    /// Name on pages.
    pub title: String,
    /// First moment of the phase.
    pub opens: Timestamp,
    /// Last moment of the phase.
    pub closes: Timestamp,
    /// What makes a push a submission to this phase.
    pub on: Trigger,
    /// Directory with `<task>/inputs` and `<task>/ground_truth`; `inputs` may be shared by all tasks.
    pub data: PathBuf,
    /// How often a team may submit.
    pub quota: Quota,
    /// What may be known of the hidden data.
    pub show: Show,
    /// Which submission of a team counts.
    pub pick: Pick,
}

impl Phase {
    /// Whether the phase takes submissions at this moment.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.opens <= now && now <= self.closes
    }
}

/// What makes a push a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// A branch whose short name matches; `*` stands for any characters.
    Branch(String),
    /// A tag whose short name matches; `*` stands for any characters.
    Tag(String),
    /// An image pushed to the forge's registry whose name within its owner matches; `*` stands for
    /// any characters. Its tag names the task: see [`Challenge::task_of_tag`].
    Image(String),
}

impl Trigger {
    /// Reads `branch:main`, `tag:final-*` or `image:*`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            (_, "") => None,
            ("branch", pattern) => Some(Self::Branch(pattern.to_owned())),
            ("tag", pattern) => Some(Self::Tag(pattern.to_owned())),
            ("image", pattern) => Some(Self::Image(pattern.to_owned())),
            _ => None,
        }
    }

    /// Whether a full ref name (`refs/heads/main`) triggers.
    pub fn matches(&self, full_ref: &str) -> bool {
        let (prefix, pattern) = match self {
            Self::Branch(pattern) => ("refs/heads/", pattern),
            Self::Tag(pattern) => ("refs/tags/", pattern),
            Self::Image(_) => return false,
        };
        full_ref
            .strip_prefix(prefix)
            .is_some_and(|short| star_captures(pattern, short).is_some())
    }

    /// Whether a pushed image triggers, by its name within the owner: the `team-a` of
    /// `registry.example.org/phakir/team-a:phase-recognition`.
    pub fn matches_image(&self, name: &str) -> bool {
        match self {
            Self::Image(pattern) => star_captures(pattern, name).is_some(),
            Self::Branch(_) | Self::Tag(_) => false,
        }
    }
}

impl std::fmt::Display for Trigger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Branch(pattern) => write!(f, "branch:{pattern}"),
            Self::Tag(pattern) => write!(f, "tag:{pattern}"),
            Self::Image(pattern) => write!(f, "image:{pattern}"),
        }
    }
}

/// How often a team may submit to one board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Quota {
    /// Evaluations on hidden data a day (UTC).
    pub per_day: u32,
    /// Evaluations on hidden data in the whole phase.
    pub total: u32,
    /// Submissions under way at the same time.
    pub concurrent: u32,
    /// Pushes a day, whatever becomes of them.
    pub submissions_per_day: u32,
}

/// What may be known of the hidden data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Show {
    /// Whether the board is public.
    pub board: BoardVisibility,
    /// Whether a team sees the logs of its runs on this phase's data.
    pub logs: bool,
    /// Whether a team sees its values case by case.
    pub cases: bool,
    /// Decimals of every shown value.
    pub decimals: u8,
    /// Verdicts on the phase's data are told at multiples of this since 1970 (UTC), so that the moment
    /// of an end does not tell how long it took. Zero tells them at once.
    pub disclosure_interval: Duration,
}

/// Whether a board is public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BoardVisibility {
    /// Everybody sees it, live.
    Live,
    /// Nobody but organizers sees it.
    Hidden,
}

/// Which submission of a team counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pick {
    /// The one that would rank best.
    Best,
    /// The last one.
    Last,
    /// The one that the team has chosen; before a choice the best.
    Chosen,
}

/// One unit of evaluation: an image, a volume, a video. One entry of `inputs/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Case {
    /// The name that the scorer uses.
    pub id: CaseId,
    /// File or directory within `inputs/`.
    pub entry: String,
    /// What it shares with other cases (a patient, a video): cases of one cluster are not independent.
    pub cluster: Option<String>,
    /// The group that it stands for (a hospital, a staining).
    pub stratum: Option<String>,
}

/// One task in one phase: the unit that is ranked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Board {
    /// Of this challenge.
    pub challenge: ChallengeSlug,
    /// In this phase.
    pub phase: PhaseSlug,
    /// For this task.
    pub task: TaskSlug,
}

impl std::fmt::Display for Board {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.challenge, self.phase, self.task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_match_short_names_of_their_kind() {
        let tag = Trigger::parse("tag:final-*").unwrap();
        assert!(tag.matches("refs/tags/final-1"));
        assert!(!tag.matches("refs/heads/final-1"));
        assert!(!tag.matches("refs/tags/v1"));
        assert!(
            Trigger::parse("branch:main")
                .unwrap()
                .matches("refs/heads/main")
        );
        assert!(
            !Trigger::parse("branch:main")
                .unwrap()
                .matches("refs/heads/main2")
        );
        assert_eq!(Trigger::parse("main"), None);
        assert_eq!(Trigger::parse("tag:"), None);
    }

    #[test]
    fn images_trigger_by_their_name_and_nothing_else_does() {
        let image = Trigger::parse("image:team-*").unwrap();
        assert_eq!(image.to_string(), "image:team-*");
        assert!(image.matches_image("team-a"));
        assert!(image.matches_image("team-a/method"));
        assert!(!image.matches_image("organizers"));
        assert!(!image.matches("refs/heads/team-a"));
        assert!(!image.matches("team-a"));
        assert!(!Trigger::parse("tag:*").unwrap().matches_image("team-a"));
        assert_eq!(Trigger::parse("image:"), None);
    }

    #[test]
    fn team_patterns_name_the_team() {
        let pattern = TeamPattern::parse("phakir/team-*").unwrap();
        let alpha = TeamSlug::new("alpha").unwrap();
        assert_eq!(pattern.team_of("phakir/team-alpha"), Some(alpha.clone()));
        assert_eq!(pattern.repository_of(&alpha), "phakir/team-alpha");
        assert_eq!(pattern.team_of("phakir/organizers"), None);
        assert_eq!(pattern.team_of("other/team-alpha"), None);
        assert_eq!(TeamPattern::parse("phakir/team"), None);
        assert_eq!(TeamPattern::parse("*/team"), None);
    }
}
