//! A challenge as its organizers configured it, checked and complete.
//!
//! Only `crate::config` makes these values, and nothing changes them. A changed `challenge.toml` is read as new
//! values with another digest.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};
use strum::{IntoStaticStr, VariantArray};

use super::check::OutputCheck;
use super::finding::Severity;
use super::ids::{CaseId, ChallengeSlug, Digest, ForgeName, PhaseSlug, TaskSlug, TeamSlug};
use super::numbers;
use super::pattern::{PathPattern, star_captures};
use super::score::{Direction, MetricName};
use super::time::{Duration, Timestamp};

/// Tasks and phases. Each task in each phase is a [`Board`].
#[derive(Debug, Clone, PartialEq)]
pub struct Challenge {
    /// Name in addresses.
    pub slug: ChallengeSlug,
    /// Name on pages.
    pub title: String,
    /// The forge that holds the team repositories.
    pub forge: ForgeName,
    /// Full names of the team repositories.
    pub teams: TeamPattern,
    /// Forge team whose members are organizers, `organization/team`.
    pub organizers: Option<String>,
    /// Repository to which Referee publishes the leaderboards after every change, `owner/name`.
    pub leaderboard: Option<String>,
    /// Folder with the first content of a new team repository.
    pub template: Option<PathBuf>,
    /// The directory of `challenge.toml`.
    pub directory: PathBuf,
    /// Digest of the text of `challenge.toml`.
    pub config_digest: Digest,
    /// At least one.
    pub tasks: Vec<Task>,
    /// At least one.
    pub phases: Vec<Phase>,
    /// Severities of rules that differ from the default here, by the rule's code (`DF041`).
    pub rules: BTreeMap<String, Severity>,
}

impl Challenge {
    pub fn task(&self, slug: &TaskSlug) -> Option<&Task> {
        self.tasks.iter().find(|t| &t.slug == slug)
    }

    pub fn phase(&self, slug: &PhaseSlug) -> Option<&Phase> {
        self.phases.iter().find(|p| &p.slug == slug)
    }

    /// The phases whose trigger matches a ref, in the order of the file.
    pub fn phases_of_ref<'a>(&'a self, full_ref: &'a str) -> impl Iterator<Item = &'a Phase> {
        self.phases.iter().filter(move |p| p.on.matches(full_ref))
    }

    /// The team that a repository of this full name belongs to. The challenge's own repositories belong to no
    /// team, even if the pattern matches them.
    pub fn team_of(&self, full_name: &str) -> Option<TeamSlug> {
        let template = self.template_repository();
        let own =
            [&self.organizers, &self.leaderboard, &Some(template)].into_iter().flatten().any(|own| own == full_name);
        if own { None } else { self.teams.team_of(full_name) }
    }

    /// The template repository from which team repositories are created, on forges with accounts.
    pub fn template_repository(&self) -> String {
        let owner = self.teams.before.split('/').next().unwrap_or_default();
        format!("{owner}/{}-template", self.slug)
    }

    /// The phases whose trigger matches an image, by its name within the owner, in the order of the file.
    pub fn phases_of_image<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Phase> {
        self.phases.iter().filter(move |p| p.on.matches_image(name))
    }

    /// Whether any phase accepts pushed images.
    pub fn takes_images(&self) -> bool {
        let by_image = |p: &Phase| matches!(p.on, Trigger::Image(_));
        self.phases.iter().any(by_image)
    }

    /// The task that an image's tag names: `<task>` or `<task>-<anything>`. If two tasks match, the longer name
    /// wins. If the challenge has one task, every tag names it.
    pub fn task_of_tag(&self, tag: &str) -> Option<&Task> {
        if let [only] = self.tasks.as_slice() {
            return Some(only);
        }
        self.tasks
            .iter()
            .filter(|task| {
                tag.strip_prefix(task.slug.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            })
            .max_by_key(|task| task.slug.as_str().len())
    }

    /// Every task in every phase.
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

/// `owner/prefix*suffix`: the full names of team repositories. The part under `*` names the team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamPattern {
    /// Owner, and the part of the name before `*`.
    pub before: String,
    /// The part of the name after `*`.
    pub after: String,
}

impl TeamPattern {
    /// Accepts exactly one `*`, behind the last `/`.
    pub fn parse(text: &str) -> Option<Self> {
        let (before, after) = text.split_once('*')?;
        if after.contains(['*', '/']) || !before.contains('/') {
            return None;
        }
        Some(Self { before: before.to_owned(), after: after.to_owned() })
    }

    /// The team that the full name of a repository names.
    pub fn team_of(&self, full_name: &str) -> Option<TeamSlug> {
        let name = full_name.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?;
        TeamSlug::new(name).ok()
    }

    pub fn repository_of(&self, team: &TeamSlug) -> String {
        format!("{}{team}{}", self.before, self.after)
    }
}

/// A problem to solve: its contract, its scorer and its metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Name in addresses.
    pub slug: TaskSlug,
    /// Name on pages.
    pub title: String,
    /// Directory of the public sample. It holds `truth/` and `inputs/`. Several tasks may share an `inputs/` beside
    /// it.
    pub sample: PathBuf,
    pub contract: Contract,
    /// Checks of the outputs before the scorer reads them.
    pub checks: Vec<OutputCheck>,
    pub scorer: ScorerSpec,
    /// At least one. The first is the headline metric.
    pub metrics: Vec<MetricSpec>,
    pub ranking: Ranking,
    /// The metrics that decide which submission of a team is its best, the most important first. `None` if `best-by` is
    /// not declared.
    pub best_by: Option<Vec<MetricName>>,
    pub limits: RunLimits,
}

impl Task {
    /// The metrics that decide which submission of a team is its best: those of `best-by`, or all in their order.
    pub fn best_by(&self) -> Vec<&MetricSpec> {
        match &self.best_by {
            None => self.metrics.iter().collect(),
            Some(names) => names.iter().filter_map(|name| self.metrics.iter().find(|m| m.name == *name)).collect(),
        }
    }
}

/// The inputs that a participant's container gets, and the outputs that it must write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    pub mode: ContractMode,
    /// Mount point of the inputs, read-only.
    pub input: String,
    /// Mount point of the outputs.
    pub output: String,
    /// Files that the container must write for each case.
    pub expect: Vec<PathPattern>,
}

/// How often the container runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum ContractMode {
    /// Once, over all cases.
    WholeSet,
    /// Once per case, as on Grand Challenge.
    PerCase,
}

/// The organizers' scorer. Referee builds its image from a folder of the challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScorerSpec {
    /// Build context.
    pub build: PathBuf,
    /// Path of the Dockerfile within the build context.
    pub dockerfile: String,
    /// Bytes.
    pub memory: u64,
    /// Wall-clock time.
    pub time: Duration,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricSpec {
    /// Key in `metrics.json`.
    pub name: MetricName,
    /// Name on pages.
    pub title: String,
    pub direction: Direction,
    /// Smallest and largest legal value. JSON cannot express infinity and holds `null` instead.
    #[serde(deserialize_with = "bounds")]
    pub bounds: (f64, f64),
    pub missing: MissingRule,
    pub aggregate: Aggregate,
}

fn bounds<'de, D: Deserializer<'de>>(from: D) -> Result<(f64, f64), D::Error> {
    let (low, high) = <(Option<f64>, Option<f64>)>::deserialize(from)?;
    Ok((low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY)))
}

impl MetricSpec {
    /// The worst legal value. It may be infinite.
    pub fn worst(&self) -> f64 {
        match self.direction {
            Direction::Max => self.bounds.0,
            Direction::Min => self.bounds.1,
        }
    }

    /// The value that the ranking uses, after the [`MissingRule`] has been applied.
    ///
    /// With [`MissingRule::Reject`] a report with a missing value never becomes a score. If one did, it would count
    /// as the worst value, because that rewards no team.
    pub fn counted(&self, value: Option<f64>) -> f64 {
        match (value, self.missing) {
            (Some(value), _) => value,
            (None, MissingRule::Value(value)) => value,
            (None, MissingRule::Worst | MissingRule::Reject) => self.worst(),
        }
    }
}

/// How a missing value counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingRule {
    /// As the worst legal value.
    Worst,
    /// Not at all: Referee rejects the scorer's report.
    Reject,
    /// As this number.
    Value(f64),
}

/// How the values of a team's cases become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Aggregate {
    Mean,
    Median,
}

impl Aggregate {
    /// The aggregate of these values, in any order. `None` without values.
    pub fn of(self, values: &[f64]) -> Option<f64> {
        match self {
            Self::Mean => numbers::mean(values),
            Self::Median => numbers::median(values),
        }
    }

    /// Its key in `metrics.json`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// How the values of all cases and metrics become ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ranking {
    pub scheme: Scheme,
    pub across_metrics: AcrossMetrics,
}

/// The order of aggregation and ranking (Maier-Hein et al. 2018, Nature Communications 9:5217).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Scheme {
    /// Aggregate the cases of each team, then rank the aggregates.
    AggregateThenRank,
    /// Rank the teams on each case, aggregate the ranks, then rank those aggregates.
    RankThenAggregate,
}

/// How the ranks by several metrics become one rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum AcrossMetrics {
    /// The mean of the ranks, ranked again (PhaKIR, KiTS23).
    MeanRank,
    /// The rank by the first metric. The other metrics are only shown.
    First,
}

/// Limits of the participant's container.
#[derive(Debug, Clone, PartialEq)]
pub struct RunLimits {
    /// GPUs, for this run alone.
    pub gpus: u32,
    /// CPU cores, possibly a fraction.
    pub cpus: f64,
    /// Bytes, including swap.
    pub memory: u64,
    /// Wall-clock time of a run on the phase's data.
    pub time: Duration,
    /// Wall-clock time of the smoke run.
    pub smoke_time: Duration,
    /// Bytes of the output.
    pub output: u64,
    /// Files and directories in the output.
    pub files: u64,
    /// Processes and threads.
    pub pids: u32,
    /// Bytes of `/dev/shm`.
    pub shm: u64,
    /// Bytes of `/tmp`.
    pub tmp: u64,
    /// Bytes of the unpacked image.
    pub image: u64,
}

/// A period of the challenge with its own data, trigger and quota.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// Name in addresses.
    pub slug: PhaseSlug,
    /// Name on pages.
    pub title: String,
    /// The first millisecond of the phase.
    pub opens: Timestamp,
    /// The last millisecond of the phase.
    pub closes: Timestamp,
    /// The pushes that are submissions to this phase.
    pub on: Trigger,
    /// Directory with `<task>/inputs` and `<task>/truth`. All tasks may share one `inputs`.
    pub data: PathBuf,
    pub quota: Quota,
    pub show: Show,
    pub pick: Pick,
}

impl Phase {
    /// Whether the phase accepts submissions at this time.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.opens <= now && now <= self.closes
    }
}

/// Which pushes are submissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// A branch whose short name matches; `*` matches any characters.
    Branch(String),
    /// A tag whose short name matches; `*` matches any characters.
    Tag(String),
    /// An image in the forge's registry whose name within its owner matches; `*` matches any characters. Its tag
    /// names the task, see [`Challenge::task_of_tag`].
    Image(String),
}

impl Trigger {
    /// Accepts `branch:main`, `tag:final-*` or `image:*`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            (_, "") => None,
            ("branch", pattern) => Some(Self::Branch(pattern.to_owned())),
            ("tag", pattern) => Some(Self::Tag(pattern.to_owned())),
            ("image", pattern) => Some(Self::Image(pattern.to_owned())),
            _ => None,
        }
    }

    /// Whether a full ref name (`refs/heads/main`) matches.
    pub fn matches(&self, full_ref: &str) -> bool {
        let (prefix, pattern) = match self {
            Self::Branch(pattern) => ("refs/heads/", pattern),
            Self::Tag(pattern) => ("refs/tags/", pattern),
            Self::Image(_) => return false,
        };
        full_ref.strip_prefix(prefix).is_some_and(|short| star_captures(pattern, short).is_some())
    }

    /// Whether the name of an image within its owner matches: the `team-a` of
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

/// How often a team may submit to one board. Days are in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Quota {
    /// Evaluations on hidden data per day.
    pub per_day: u32,
    /// Evaluations on hidden data in the whole phase.
    pub total: u32,
    /// Submissions under way at the same time.
    pub concurrent: u32,
    /// Pushes per day to this phase. A push counts even if Referee rejects it.
    pub submissions_per_day: u32,
}

/// The information about a phase's hidden data that teams and the public get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Show {
    pub board: BoardVisibility,
    /// Whether a team sees the logs of its runs on this phase's data.
    pub logs: bool,
    /// Whether a team sees its values per case.
    pub cases: bool,
    /// Decimals of all values that pages and reports show.
    pub decimals: u8,
    /// Referee discloses verdicts on the phase's data only at multiples of this interval since 1970 (UTC). The time
    /// of a verdict then does not reveal how long the run took. Zero discloses them at once.
    pub disclosure_interval: Duration,
}

/// Whether a leaderboard is public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum BoardVisibility {
    /// The public sees it, live.
    Live,
    /// Only organizers see it.
    Hidden,
}

/// Which submission of a team counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Pick {
    /// The one with the best rank.
    Best,
    /// The last one.
    Last,
    /// The one that the team chose. Before a choice, the best.
    Chosen,
}

/// One unit of evaluation, for example an image, a volume or a video. It is one entry of `inputs/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Case {
    /// The name that the scorer uses.
    pub id: CaseId,
    /// File or directory within `inputs/`.
    pub entry: String,
    /// A patient or a video, for example, that several cases come from. Cases of one cluster are not independent.
    pub cluster: Option<String>,
    /// The group that the case represents, for example a hospital or a staining.
    pub stratum: Option<String>,
}

/// One task in one phase: the unit that has a leaderboard.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Board {
    pub challenge: ChallengeSlug,
    pub phase: PhaseSlug,
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
        assert!(Trigger::parse("branch:main").unwrap().matches("refs/heads/main"));
        assert!(!Trigger::parse("branch:main").unwrap().matches("refs/heads/main2"));
        assert_eq!(Trigger::parse("main"), None);
        assert_eq!(Trigger::parse("tag:"), None);
    }

    #[test]
    fn image_triggers_match_image_names_and_no_refs() {
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
    fn team_patterns_match_the_team_name() {
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
