//! Out-of-memory kills of a container, read from the kernel's log.
//!
//! The engine learns of a kill by an event beside the end of the container. That event is sometimes lost (under gVisor
//! on a loaded machine, one in fifteen), and there is none where the whole host ran out of memory. The log exists on
//! this host only, and reading it needs a right (`CAP_SYSLOG`, mostly). Without it Referee relies on the engine. A line
//! counts only if it names a control group of the container.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;

use rustix::fs::OFlags;

/// Each read returns one record, from the oldest on (Documentation/ABI/testing/dev-kmsg).
const LOG: &str = "/dev/kmsg";
/// The largest record in bytes (`PRINTK_MESSAGE_MAX`, 8 KiB in older kernels).
const RECORD_MAX: usize = 8 * 1024;
/// The log may grow while it is read, so the number of records has a limit.
const RECORDS_MAX: usize = 1 << 17;

/// The memory that had run out when a process was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutOfMemory {
    /// The memory limit of the container.
    Container,
    /// The memory of its host, or of a control group that it shares with others.
    Host,
}

/// The last out-of-memory kill of this container. `container` is its whole id.
///
/// # Errors
/// When Referee cannot read the log.
pub(super) fn out_of_memory(container: &str) -> std::io::Result<Option<OutOfMemory>> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let mut log = OpenOptions::new().read(true).custom_flags(flags).open(LOG)?;
    let mut record = [0; RECORD_MAX];
    let mut last = None;
    for _ in 0..RECORDS_MAX {
        match log.read(&mut record) {
            Ok(0) => break,
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&record[..bytes]);
                last = kill_in(message(&text), container).or(last);
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => break,
            // The next record was overwritten. The one after it follows.
            Err(e) if e.kind() == ErrorKind::BrokenPipe => {}
            Err(e) => return Err(e),
        }
    }
    Ok(last)
}

/// Whether Referee can read the log. The error is the reason.
pub(super) fn is_readable() -> std::io::Result<()> {
    out_of_memory("").map(drop)
}

/// The message of a record: `6,339,5140900,-;the message`, and further lines.
fn message(record: &str) -> &str {
    let (_, rest) = record.split_once(';').unwrap_or_default();
    rest.lines().next().unwrap_or_default()
}

/// Reads the summary of a kill (mm/oom_kill.c, `dump_oom_summary`). `oom_memcg` is the group that ran out, unless the
/// host did; `task_memcg` is the group of the process. Both come before the name of the process, which the process
/// itself can choose.
fn kill_in(message: &str, container: &str) -> Option<OutOfMemory> {
    let (groups, _) = message.strip_prefix("oom-kill:")?.split_once(",task=")?;
    // The container's own group may have groups below it.
    let is_its = |key: &str| {
        let paths = groups.split(',').filter_map(|f| f.strip_prefix(key));
        paths.flat_map(|p| p.split('/')).any(|group| {
            let scope = group.strip_prefix("docker-");
            let id = scope.and_then(|g| g.strip_suffix(".scope"));
            !container.is_empty() && id.unwrap_or(group) == container
        })
    };
    match (is_its("task_memcg="), is_its("oom_memcg=")) {
        (_, true) => Some(OutOfMemory::Container),
        (true, false) => Some(OutOfMemory::Host),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "8670564d2bafb4fc427a674b2ca764f137f78f495fa09283b9b7f4704d1c19c4";

    fn kill(fields: &str) -> Option<OutOfMemory> {
        let text =
            format!("oom-kill:constraint=C,nodemask=(null),cpuset={ID},mems_allowed=0,{fields},pid=6010,uid=65534");
        kill_in(&text, ID)
    }

    #[test]
    fn the_group_that_ran_out_may_be_another_than_that_of_the_process() {
        let own = format!("oom_memcg=/docker/{ID},task_memcg=/docker/{ID},task=exe");
        assert_eq!(kill(&own), Some(OutOfMemory::Container));
        let scope = format!("system.slice/docker-{ID}.scope");
        let below = format!("oom_memcg=/{scope},task_memcg=/{scope}/a,task=x");
        assert_eq!(kill(&below), Some(OutOfMemory::Container));
        let around = format!("oom_memcg=/docker,task_memcg=/docker/{ID},task=x");
        assert_eq!(kill(&around), Some(OutOfMemory::Host));
        let host = format!("global_oom,task_memcg=/{scope},task=x");
        assert_eq!(kill(&host), Some(OutOfMemory::Host));
    }

    #[test]
    fn other_containers_and_names_of_processes_prove_nothing() {
        let other = ID.replace('8', "9");
        for fields in [
            format!("oom_memcg=/docker/{other},task_memcg=/docker/{other},task=x"),
            format!("global_oom,task_memcg=/docker/{other},task=,oom_memcg=/docker/{ID}"),
            format!("oom_memcg=/docker/{ID}0,task_memcg=/docker/{ID}0,task=x"),
            String::new(),
        ] {
            assert_eq!(kill(&fields), None, "{fields}");
        }
        let line = format!("oom_memcg=/docker/{ID},task_memcg=/docker/{ID},task=x");
        assert_eq!(kill_in(&line, ID), None);
        assert_eq!(kill_in("oom-kill:oom_memcg=/,task_memcg=/,task=x", ""), None);
    }

    #[test]
    fn the_message_is_the_first_line_behind_the_prefix() {
        assert_eq!(message("6,339,5140900,-;NET: a;b\n SUBSYSTEM=x\n"), "NET: a;b");
        assert_eq!(message("nothing"), "");
    }
}
