//! Every limit of the system, with a name and, where it is not obvious, its reason. A limit that an operator can
//! set has its default here.
//!
//! Nothing here is computed. Names end in their unit.

use super::time::Duration;

// Names.

/// A slug is a path component, part of a container name and a DNS label.
pub const SLUG_CHARS_MAX: usize = 63;
/// A case name is a path component in participants' outputs.
pub const CASE_CHARS_MAX: usize = 128;

// Intake.

/// Body of one delivery. Gitea lists every changed file of up to five commits, so the body for a large push has many
/// megabytes. A forge never resends a delivery that Referee refused.
pub const DELIVERY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Time for the body of a delivery to arrive. Gitea itself gives up after 5 s.
pub const DELIVERY_READ_TIME: Duration = Duration::seconds(10);
/// Deliveries that Referee reads at the same time. Further senders wait. Their signatures are not checked yet.
pub const DELIVERIES_AT_ONCE_BYTES: usize = 4 * DELIVERY_BYTES_MAX;
/// A smaller delivery counts as this many bytes of [`DELIVERIES_AT_ONCE_BYTES`]. This limits the number of deliveries.
pub const DELIVERY_BYTES_MIN: usize = 64 * 1024;
/// Refs that one push to a local repository may report.
pub const PUSHED_REFS_MAX: usize = 64;
/// The hook waits this long for the verdict of admission before `git push` returns.
pub const HOOK_VERDICT_WAIT: Duration = Duration::seconds(8);
/// How often Referee compares the refs of all repositories with the refs that it knows.
pub const SWEEP_INTERVAL: Duration = Duration::seconds(60);

/// The shortest retention of deliveries that an operator may set. Forges resend a delivery within hours.
pub const DELIVERIES_KEPT_LEAST: Duration = Duration::seconds(24 * 3600);
/// Deliveries deleted per transaction. Other writers wait for one such transaction at most.
pub const DELIVERIES_DELETED_AT_ONCE: i64 = 500;
/// How often Referee deletes old deliveries.
pub const RETENTION_INTERVAL: Duration = Duration::seconds(24 * 3600);

// Commands.

/// An issue or comment that may hold commands. The longest that forges allow has 65,536 characters of at most four
/// bytes.
pub const COMMAND_TEXT_BYTES_MAX: usize = 256 * 1024;
/// Commands that Referee runs from one text.
pub const COMMANDS_PER_TEXT_MAX: usize = 20;
/// One command with its free text.
pub const COMMAND_CHARS_MAX: usize = 2000;
/// The name of an account. Gitea allows 40 characters, GitHub 39.
pub const LOGIN_CHARS_MAX: usize = 64;
/// Members that `/team add` accepts.
pub const TEAM_MEMBERS_MAX: usize = 50;
/// Evaluations that one `/grant` may give to a team.
pub const GRANT_MAX: u32 = 100;
/// How far one command may move the end of a phase. More is probably a typing error.
pub const PHASE_EXTENSION_MAX: Duration = Duration::seconds(366 * 24 * 3600);

// Reading a commit.

pub const SOURCE_FILES_MAX: usize = 20_000;
/// Folders in a commit. A folder without a file counts here only.
pub const SOURCE_FOLDERS_MAX: usize = 20_000;
/// All files of a commit together.
pub const SOURCE_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
pub const SOURCE_FILE_BYTES_MAX: u64 = 200 * 1024 * 1024;
/// Nesting of directories in a commit.
pub const SOURCE_DEPTH_MAX: usize = 32;
pub const SOURCE_PATH_CHARS_MAX: usize = 1024;
/// Target of a symbolic link in a commit, as in Linux.
pub const SOURCE_LINK_BYTES_MAX: u64 = 4096;
pub const SUBMISSION_TOML_BYTES_MAX: usize = 64 * 1024;

// Dockerfile (rule DF001).

pub const DOCKERFILE_BYTES_MAX: usize = 64 * 1024;
pub const DOCKERFILE_INSTRUCTIONS_MAX: usize = 200;
pub const DOCKERFILE_STAGES_MAX: usize = 10;
/// The source line that a finding shows.
pub const LOCATION_TEXT_CHARS_MAX: usize = 200;
/// Findings in one report. A report states how many more there are.
pub const FINDINGS_LISTED_MAX: usize = 50;

// Build.

/// Wall-clock time of a build.
pub const BUILD_TIME: Duration = Duration::seconds(15 * 60);
pub const BUILD_MEMORY_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Referee ends a build that prints more.
pub const BUILD_LOG_BYTES_MAX: usize = 1024 * 1024;
/// Growth of the engine's disk by one build.
pub const BUILD_DISK_BYTES: u64 = 20 * 1024 * 1024 * 1024;
/// The largest file that a build step may write.
pub const BUILD_FILE_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Processes of one build step.
pub const BUILD_PROCESSES: u64 = 1024;
/// Engines fail at about 127 layers.
pub const IMAGE_LAYERS_MAX: usize = 100;
/// All labels of an image together.
pub const IMAGE_LABEL_BYTES_MAX: usize = 16 * 1024;

// Images from a registry.

/// A manifest or an index. Registries themselves refuse more.
pub const MANIFEST_BYTES_MAX: usize = 4 * 1024 * 1024;
pub const IMAGE_CONFIG_BYTES_MAX: u64 = 1024 * 1024;
/// Any other response of a registry that Referee reads whole, for example a page of tags or a token.
pub const REGISTRY_ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Tags of one repository.
pub const REGISTRY_TAGS_MAX: usize = 10_000;
/// Tags per request.
pub const REGISTRY_TAGS_PAGE: usize = 100;
/// The name of an image, as in the OCI distribution specification.
pub const REGISTRY_NAME_CHARS_MAX: usize = 255;
/// The tag of an image, as in the OCI distribution specification.
pub const REGISTRY_TAG_CHARS_MAX: usize = 128;
/// Tags of one team that Referee resolves, the newest first. Each costs a request.
pub const IMAGE_TAGS_MAX: usize = 200;
/// Redirects per blob, from the registry to its object store.
pub const REGISTRY_REDIRECTS_MAX: usize = 5;
/// A call to a registry that should respond at once.
pub const REGISTRY_CALL_TIME: Duration = Duration::seconds(30);
/// Referee gives up a download after this time without a byte.
pub const REGISTRY_SILENCE: Duration = Duration::seconds(60);
/// Download of a whole image.
pub const PULL_TIME: Duration = Duration::seconds(30 * 60);
/// Chunks of a layer that are buffered between the network and the disk.
pub const PULL_PIECES: usize = 16;
/// An extended header within a layer, for example a long name or a list of attributes.
pub const LAYER_HEADER_BYTES_MAX: u64 = 1024 * 1024;
/// Time for an engine to load or save an image.
pub const IMAGE_LOAD_TIME: Duration = Duration::seconds(30 * 60);
/// An image's archive may have twice the size of the image plus this, for lists and headers.
pub const IMAGE_ARCHIVE_EXTRA_BYTES: u64 = 64 * 1024 * 1024;
/// The list of images in an archive. Referee's archives hold one image.
pub const IMAGE_LIST_BYTES_MAX: u64 = 64 * 1024;

// Run.

/// Beginning of a container's log that Referee keeps.
pub const LOG_HEAD_BYTES: usize = 64 * 1024;
/// End of a container's log that Referee keeps.
pub const LOG_TAIL_BYTES: usize = 64 * 1024;
/// Nesting of directories in an output.
pub const OUTPUT_DEPTH_MAX: usize = 16;
/// Name of a file or directory in an output.
pub const OUTPUT_NAME_CHARS_MAX: usize = 128;
/// Unpacked size of the pixels of a picture or the voxels of a volume, as its header states it.
pub const IMAGE_UNPACKED_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// The header of a compressed volume must be complete within this many compressed bytes.
pub const PACKED_HEADER_BYTES_MAX: u64 = 64 * 1024;
/// A table that Referee checks. It is read in chunks, but a row without an end is held in memory whole.
pub const OUTPUT_CSV_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// A JSON text that Referee checks.
pub const OUTPUT_JSON_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Values in a JSON text that Referee checks. This limits the memory for reading it to about 100 MiB.
pub const OUTPUT_JSON_VALUES_MAX: usize = 1_000_000;
/// Spacing, origin and orientation of an output may differ from those of its input by this much, in millimetres.
pub const SPACE_TOLERANCE: f64 = 0.001;
/// `metrics.json`.
pub const METRICS_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// JSON values in `metrics.json`. This limits the memory for reading it to about 100 MiB.
pub const METRICS_VALUES_MAX: usize = 1_000_000;
/// Nesting of arrays and objects in `metrics.json`.
pub const METRICS_DEPTH_MAX: usize = 32;
/// The `reason` that a scorer gives for a case. Referee shortens a longer one.
pub const CASE_REASON_CHARS_MAX: usize = 200;
/// Names in one sentence. The sentence states how many more there are.
pub const NAMES_LISTED_MAX: usize = 10;
/// The complete output of a scorer.
pub const SCORER_OUTPUT_BYTES: u64 = 64 * 1024 * 1024;
/// A call to an engine that should respond at once.
pub const ENGINE_CALL_TIME: Duration = Duration::seconds(30);

// Attempts.

/// A lease is valid this long unless its owner renews it.
pub const LEASE_TIME: Duration = Duration::seconds(60);
/// Several renewals may fail before the lease is lost.
pub const LEASE_RENEW_EVERY: Duration = Duration::seconds(10);
/// Default of a phase's `disclosure-interval`.
pub const DISCLOSURE_INTERVAL: Duration = Duration::seconds(60);
/// How often a worker checks whether its lease is still valid. A withdrawal takes effect within this time.
pub const LEASE_CHECK_INTERVAL: Duration = Duration(500);
/// Attempts at one stage (and case) before an infrastructure fault is final.
pub const ATTEMPTS_MAX: i64 = 3;
/// Attempts in all, those that a restart interrupted included. Work that crashes the daemon is not repeated for ever.
pub const ATTEMPTS_WITH_RESTARTS_MAX: i64 = 10;

// Forges.

/// Time for a forge to accept a connection.
pub const FORGE_CONNECT_TIME: Duration = Duration::seconds(5);
/// A call to a forge's API, including the response.
pub const FORGE_CALL_TIME: Duration = Duration::seconds(30);
/// A git operation on a forge: list refs, fetch a commit or push a note.
pub const FORGE_GIT_TIME: Duration = Duration::seconds(600);
/// Git operations on one forge at the same time.
pub const FORGE_GIT_AT_ONCE: usize = 4;
/// The longest wait that Referee grants a forge that asks for one.
pub const FORGE_WAIT_MAX: Duration = Duration::seconds(600);
/// A response of a forge's API.
pub const FORGE_ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Pages of one list.
pub const FORGE_PAGES_MAX: usize = 2000;
/// Data that git may receive for one commit.
pub const FETCH_BYTES_MAX: usize = 4 * 1024 * 1024 * 1024;
/// Attempts to write to a branch to which others write too.
pub const FORGE_WRITE_ATTEMPTS_MAX: u32 = 6;

// Comments on forges.

/// A report as a comment. Forges accept 65,536 characters or more; notes and mails hold less.
pub const COMMENT_BYTES_MAX: usize = 60_000;
/// A code block in a comment. The submission page shows the rest.
pub const CODE_BLOCK_LINES_MAX: usize = 200;
/// A code block in a comment. The submission page shows the rest.
pub const CODE_BLOCK_BYTES_MAX: usize = 16 * 1024;
/// A line in a code block. A longer line helps no reader.
pub const CODE_LINE_CHARS_MAX: usize = 1000;
/// A message of a finding or a stage in a comment.
pub const SENTENCE_CHARS_MAX: usize = 600;
/// A shorter excerpt of a log is left out of a comment.
pub const LOG_BYTES_MIN: usize = 512;

// Pages.

/// Events by which a slow reader of a live page may lag before Referee makes it reload.
pub const LIVE_EVENTS_BUFFER: usize = 256;
/// Readers of live pages at the same time.
pub const LIVE_READERS_MAX: usize = 1024;
/// Time for a page or a JSON answer. A page that needs more is answered with status 503.
pub const PAGE_TIME: Duration = Duration::seconds(30);
