//! Every bound of the system, named and explained. A bound that a person sets has its default here.
//!
//! Nothing here is computed.

use super::time::Duration;

// Names.

/// A slug is a path component, a container name's part and a DNS label.
pub const SLUG_CHARS_MAX: usize = 63;
/// A case name is a path component of participants' outputs.
pub const CASE_CHARS_MAX: usize = 128;

// Intake.

/// A delivery's body. Gitea lists every changed file of up to five commits, so a large push makes
/// a body of many megabytes, and a refused delivery is never sent again.
pub const DELIVERY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Time for a delivery's body to arrive. Gitea itself gives up after 5 s.
pub const DELIVERY_READ_TIME: Duration = Duration::seconds(10);
/// Bytes of deliveries in memory at the same time, read from anybody: more wait for their turn.
pub const DELIVERIES_AT_ONCE_BYTES: usize = 4 * DELIVERY_BYTES_MAX;
/// What the smallest delivery counts for among them, which bounds their number.
pub const DELIVERY_BYTES_MIN: usize = 64 * 1024;
/// Refs that one push to a local repository may announce.
pub const PUSHED_REFS_MAX: usize = 64;
/// The hook waits this long for the verdict of the static rules before `git push` returns.
pub const HOOK_VERDICT_WAIT: Duration = Duration::seconds(8);
/// How often all refs of all repositories of open phases are compared with what we know.
pub const SWEEP_INTERVAL: Duration = Duration::seconds(60);

/// Deliveries are kept at least so long: forges send the same again within hours.
pub const DELIVERIES_KEPT_LEAST: Duration = Duration::seconds(24 * 3600);
/// Deliveries forgotten in one commit: whoever waits to write waits for no more.
pub const DELIVERIES_FORGOTTEN_AT_ONCE: i64 = 500;
/// How often it is looked for what can be forgotten.
pub const RETENTION_INTERVAL: Duration = Duration::seconds(24 * 3600);

// Commands.

/// Bytes of an issue or comment that is read for commands. The longest that forges allow has 65,536
/// characters, of at most four bytes each.
pub const COMMAND_TEXT_BYTES_MAX: usize = 256 * 1024;
/// Commands run from one text.
pub const COMMANDS_PER_TEXT_MAX: usize = 20;
/// Characters of one command, with its free text.
pub const COMMAND_CHARS_MAX: usize = 2000;
/// Characters of an account's name. Gitea allows 40, GitHub 39.
pub const LOGIN_CHARS_MAX: usize = 64;
/// Members that a team is made with.
pub const TEAM_MEMBERS_MAX: usize = 50;
/// How far one command moves the end of a phase: more is a slip of the hand.
pub const PHASE_EXTENSION_MAX: Duration = Duration::seconds(366 * 24 * 3600);

// Reading a commit.

/// Files in a commit.
pub const SOURCE_FILES_MAX: usize = 20_000;
/// Folders in a commit: those without a file are not counted as files.
pub const SOURCE_FOLDERS_MAX: usize = 20_000;
/// Bytes of all files of a commit.
pub const SOURCE_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Bytes of one file of a commit.
pub const SOURCE_FILE_BYTES_MAX: u64 = 200 * 1024 * 1024;
/// Directories within directories in a commit.
pub const SOURCE_DEPTH_MAX: usize = 32;
/// Characters of a path in a commit.
pub const SOURCE_PATH_CHARS_MAX: usize = 1024;
/// Bytes of the target of a symbolic link in a commit, as in Linux.
pub const SOURCE_LINK_BYTES_MAX: u64 = 4096;
/// Bytes of `submission.toml`.
pub const SUBMISSION_TOML_BYTES_MAX: usize = 64 * 1024;

// Dockerfile (rule DF001).

/// Bytes of a Dockerfile.
pub const DOCKERFILE_BYTES_MAX: usize = 64 * 1024;
/// Instructions in a Dockerfile.
pub const DOCKERFILE_INSTRUCTIONS_MAX: usize = 200;
/// Stages in a Dockerfile.
pub const DOCKERFILE_STAGES_MAX: usize = 10;
/// Characters of a source line that a finding repeats.
pub const LOCATION_TEXT_CHARS_MAX: usize = 200;
/// Findings shown in one report; the rest are counted.
pub const FINDINGS_SHOWN_MAX: usize = 50;

// Build.

/// A build's wall-clock time.
pub const BUILD_TIME: Duration = Duration::seconds(15 * 60);
/// A build's memory.
pub const BUILD_MEMORY_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// A build's log; a build that prints more is ended.
pub const BUILD_LOG_BYTES_MAX: usize = 1024 * 1024;
/// What a build may add to the engine's disk.
pub const BUILD_DISK_BYTES: u64 = 20 * 1024 * 1024 * 1024;
/// The largest file that a build step may write.
pub const BUILD_FILE_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Processes of a build step.
pub const BUILD_PROCESSES: u64 = 1024;
/// Layers of an image. Engines fail at about 127.
pub const IMAGE_LAYERS_MAX: usize = 100;
/// Bytes of an image's labels.
pub const IMAGE_LABEL_BYTES_MAX: usize = 16 * 1024;

// Images from a registry.

/// Bytes of a manifest or an index. Registries themselves refuse more.
pub const MANIFEST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of an image's configuration.
pub const IMAGE_CONFIG_BYTES_MAX: u64 = 1024 * 1024;
/// Bytes of any other answer of a registry that is read whole: a page of tags, a token.
pub const REGISTRY_ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Tags of one repository.
pub const REGISTRY_TAGS_MAX: usize = 10_000;
/// Tags that are asked for at a time.
pub const REGISTRY_TAGS_PAGE: usize = 100;
/// Characters of an image's name and of its tag, as the distribution specification has them.
pub const REGISTRY_NAME_CHARS_MAX: usize = 255;
/// See [`REGISTRY_NAME_CHARS_MAX`].
pub const REGISTRY_TAG_CHARS_MAX: usize = 128;
/// Tags of one team that a look reads, the newest first: each costs a request.
pub const IMAGE_TAGS_MAX: usize = 200;
/// Redirects that one blob may take: from the registry to its store, and on.
pub const REGISTRY_REDIRECTS_MAX: usize = 5;
/// A call to a registry that should answer at once.
pub const REGISTRY_CALL_TIME: Duration = Duration::seconds(30);
/// A registry that sends nothing of a blob for so long sends nothing more.
pub const REGISTRY_SILENCE: Duration = Duration::seconds(60);
/// A whole image, from its first layer to its last.
pub const PULL_TIME: Duration = Duration::seconds(30 * 60);
/// Pieces of a layer between the network and the disk.
pub const PULL_PIECES: usize = 16;
/// Bytes of an extended header within a layer: a long name, a list of attributes.
pub const LAYER_HEADER_BYTES_MAX: u64 = 1024 * 1024;
/// Time for the engine to take an image in, or to give one out.
pub const IMAGE_LOAD_TIME: Duration = Duration::seconds(30 * 60);
/// What the archive of an image may have beside the doubled size of the image: lists and headers.
pub const IMAGE_ARCHIVE_EXTRA_BYTES: u64 = 64 * 1024 * 1024;
/// The list of images in an archive: ours holds one.
pub const IMAGE_LIST_BYTES_MAX: u64 = 64 * 1024;

// Run.

/// Container log kept from its start.
pub const LOG_HEAD_BYTES: usize = 64 * 1024;
/// Container log kept from its end.
pub const LOG_TAIL_BYTES: usize = 64 * 1024;
/// Directories within directories in an output.
pub const OUTPUT_DEPTH_MAX: usize = 16;
/// Characters of one name in an output.
pub const OUTPUT_NAME_CHARS_MAX: usize = 128;
/// Bytes that the values of a picture or a volume may take once they are unpacked, by what its header
/// claims.
pub const IMAGE_UNPACKED_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Bytes before which the header of a compressed volume must be unpacked.
pub const PACKED_HEADER_BYTES_MAX: u64 = 64 * 1024;
/// Bytes of a table that is checked. It is read in pieces; a row without end is held whole.
pub const OUTPUT_CSV_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of a JSON text that is checked.
pub const OUTPUT_JSON_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Values of a JSON text that is checked: bounds the memory of reading it to some 100 MiB.
pub const OUTPUT_JSON_VALUES_MAX: usize = 1_000_000;
/// Bytes of `metrics.json`.
pub const METRICS_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// JSON values in `metrics.json`: bounds the memory of reading it to some 100 MiB.
pub const METRICS_VALUES_MAX: usize = 1_000_000;
/// Arrays and objects within each other in `metrics.json`.
pub const METRICS_DEPTH_MAX: usize = 32;
/// Characters kept of the `reason` that a scorer gives for a case.
pub const CASE_REASON_CHARS_MAX: usize = 200;
/// Names that one sentence lists; the rest are counted.
pub const NAMES_LISTED_MAX: usize = 10;
/// What a scorer may write in all.
pub const SCORER_OUTPUT_BYTES: u64 = 64 * 1024 * 1024;
/// A call to the engine that should answer at once.
pub const ENGINE_CALL_TIME: Duration = Duration::seconds(30);

// Attempts.

/// A lease lasts this long unless renewed.
pub const LEASE_TIME: Duration = Duration::seconds(60);
/// A lease is renewed this often: several renewals may fail before it is lost.
pub const LEASE_RENEW_EVERY: Duration = Duration::seconds(10);
/// Verdicts on hidden data are told at multiples of this, unless a phase says otherwise.
pub const DISCLOSURE_INTERVAL: Duration = Duration::seconds(60);
/// A worker looks this often whether its lease is still its own: a withdrawal ends what runs.
pub const LEASE_LOOK_EVERY: Duration = Duration(500);
/// Attempts of one kind (and case) before an infrastructure fault is final.
pub const ATTEMPTS_MAX: i64 = 3;

// Forges.

/// Until a forge has taken a connection.
pub const FORGE_CONNECT_TIME: Duration = Duration::seconds(5);
/// A call to a forge's API, answer included.
pub const FORGE_CALL_TIME: Duration = Duration::seconds(30);
/// Git's talk with a forge: listing refs, fetching a commit, pushing a note.
pub const FORGE_GIT_TIME: Duration = Duration::seconds(600);
/// Git's talks with one forge at the same time.
pub const FORGE_GIT_AT_ONCE: usize = 4;
/// The longest wait that a forge may ask us for.
pub const FORGE_WAIT_MAX: Duration = Duration::seconds(600);
/// An answer of a forge's API.
pub const FORGE_ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Pages of one list.
pub const FORGE_PAGES_MAX: usize = 2000;
/// Bytes that git may receive for one commit.
pub const FETCH_BYTES_MAX: usize = 4 * 1024 * 1024 * 1024;
/// Tries to write to a branch that others write to as well.
pub const FORGE_RACES_MAX: u32 = 6;
// Comments on forges.

/// Bytes of a report as a comment. Forges take 65,536 characters or more, notes and mails less.
pub const COMMENT_BYTES_MAX: usize = 60_000;
/// Lines of a block of code in a comment; the page has the rest.
pub const CODE_BLOCK_LINES_MAX: usize = 200;
/// Bytes of a block of code in a comment.
pub const CODE_BLOCK_BYTES_MAX: usize = 16 * 1024;
/// Characters of a line in a block of code: a line without end says nothing to a reader.
pub const CODE_LINE_CHARS_MAX: usize = 1000;
/// Characters of a sentence of a finding or a gate in a comment.
pub const SENTENCE_CHARS_MAX: usize = 600;
/// Bytes below which a log in a comment is not worth its place.
pub const LOG_BYTES_MIN: usize = 512;

/// Evaluations that one command can grant on a leaderboard.
pub const GRANT_MAX: u32 = 100;

// Pages.

/// Events that a slow reader of a live page may fall behind before it is told to reload.
pub const LIVE_EVENTS_BUFFER: usize = 256;
/// Readers of live pages at the same time.
pub const LIVE_READERS_MAX: usize = 1024;
/// Time for a page or a JSON answer. A page that needs more is answered with status 503.
pub const PAGE_TIME: Duration = Duration::seconds(30);
