//! Which containers the kernel killed processes of for want of memory, and whose memory it was, as the kernel's own log
//! tells.
//!
//! The engine learns of it by an event beside the end, which gets lost now and then (under gVisor on a loaded machine, one
//! in fifteen), and tells nothing where the whole host ran out. The log is of this host and takes a right to read
//! (`CAP_SYSLOG`, mostly); without it the engine alone is asked. It refuses to guess: a line that names no control group
//! of the container is none.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;

use rustix::fs::OFlags;

/// One record each time it is read, from the oldest that is kept (Documentation/ABI/testing/dev-kmsg).
const LOG: &str = "/dev/kmsg";
/// No record is longer (`PRINTK_MESSAGE_MAX`, 8 KiB in older kernels).
const RECORD_MAX: usize = 8 * 1024;
/// A log that grows while it is read comes to an end, too.
const RECORDS_MAX: usize = 1 << 17;

/// Whose memory had run out when a process was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RanOut {
    /// The container's own.
    Container,
    /// That of its host, or of a control group around it and others.
    Host,
}

/// What the log says of this container (its whole id), at last.
///
/// # Errors
/// When the log is not to be read here.
pub(super) fn of(container: &str) -> std::io::Result<Option<RanOut>> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let mut log = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(LOG)?;
    let mut record = [0; RECORD_MAX];
    let mut last = None;
    for _ in 0..RECORDS_MAX {
        match log.read(&mut record) {
            Ok(0) => break,
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&record[..bytes]);
                last = ran_out(message(&text), container).or(last);
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => break,
            // What was next has been overwritten; the one after it follows.
            Err(e) if e.kind() == ErrorKind::BrokenPipe => {}
            Err(e) => return Err(e),
        }
    }
    Ok(last)
}

/// Whether the log can be read here; else why not.
pub(super) fn readable() -> std::io::Result<()> {
    of("").map(drop)
}

/// `6,339,5140900,-;the message`, and lines with more.
fn message(record: &str) -> &str {
    let (_, rest) = record.split_once(';').unwrap_or_default();
    rest.lines().next().unwrap_or_default()
}

/// The summary of a kill (mm/oom_kill.c, `dump_oom_summary`): `oom_memcg` is the group that ran out, unless the host did;
/// `task_memcg` that of the process. Both stand before the process's name, which is its own to choose.
fn ran_out(message: &str, container: &str) -> Option<RanOut> {
    let (groups, _) = message.strip_prefix("oom-kill:")?.split_once(",task=")?;
    // Below the container's own group there may be more of them.
    let is_its = |key: &str| {
        let paths = groups.split(',').filter_map(|f| f.strip_prefix(key));
        paths.flat_map(|p| p.split('/')).any(|group| {
            let scope = group.strip_prefix("docker-");
            let id = scope.and_then(|g| g.strip_suffix(".scope"));
            !container.is_empty() && id.unwrap_or(group) == container
        })
    };
    match (is_its("task_memcg="), is_its("oom_memcg=")) {
        (_, true) => Some(RanOut::Container),
        (true, false) => Some(RanOut::Host),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "8670564d2bafb4fc427a674b2ca764f137f78f495fa09283b9b7f4704d1c19c4";

    fn told(fields: &str) -> Option<RanOut> {
        let text = format!(
            "oom-kill:constraint=C,nodemask=(null),cpuset={ID},mems_allowed=0,{fields},pid=6010,uid=65534"
        );
        ran_out(&text, ID)
    }

    #[test]
    fn the_group_that_ran_out_is_told_from_that_of_the_process() {
        let own = format!("oom_memcg=/docker/{ID},task_memcg=/docker/{ID},task=exe");
        assert_eq!(told(&own), Some(RanOut::Container));
        let scope = format!("system.slice/docker-{ID}.scope");
        let below = format!("oom_memcg=/{scope},task_memcg=/{scope}/a,task=x");
        assert_eq!(told(&below), Some(RanOut::Container));
        let around = format!("oom_memcg=/docker,task_memcg=/docker/{ID},task=x");
        assert_eq!(told(&around), Some(RanOut::Host));
        let host = format!("global_oom,task_memcg=/{scope},task=x");
        assert_eq!(told(&host), Some(RanOut::Host));
    }

    #[test]
    fn others_and_names_of_processes_prove_nothing() {
        let other = ID.replace('8', "9");
        for fields in [
            format!("oom_memcg=/docker/{other},task_memcg=/docker/{other},task=x"),
            format!("global_oom,task_memcg=/docker/{other},task=,oom_memcg=/docker/{ID}"),
            format!("oom_memcg=/docker/{ID}0,task_memcg=/docker/{ID}0,task=x"),
            String::new(),
        ] {
            assert_eq!(told(&fields), None, "{fields}");
        }
        let line = format!("oom_memcg=/docker/{ID},task_memcg=/docker/{ID},task=x");
        assert_eq!(ran_out(&line, ID), None);
        assert_eq!(
            ran_out("oom-kill:oom_memcg=/,task_memcg=/,task=x", ""),
            None
        );
    }

    #[test]
    fn a_record_is_its_first_line_behind_the_head() {
        assert_eq!(
            message("6,339,5140900,-;NET: a;b\n SUBSYSTEM=x\n"),
            "NET: a;b"
        );
        assert_eq!(message("nothing"), "");
    }
}
