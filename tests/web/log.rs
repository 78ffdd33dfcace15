//! The daemon's log during these tests, at the level `debug`.

use std::io;
use std::sync::{Arc, Mutex, OnceLock};

use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

static KEPT: OnceLock<Kept> = OnceLock::new();

/// Starts to keep the log of this process. Further calls have no effect.
pub(crate) fn keep() {
    KEPT.get_or_init(|| {
        let kept = Kept::default();
        tracing_subscriber::fmt()
            .with_env_filter("referee=debug,info")
            .with_ansi(false)
            .with_writer(kept.clone())
            .init();
        kept
    });
}

/// The whole log. Tests run in parallel, so a test must search for a text of its own.
pub(crate) fn text() -> String {
    let kept = KEPT.get().unwrap();
    String::from_utf8_lossy(&kept.0.lock().unwrap()).into_owned()
}

/// The number of lines that contain all of the words.
pub(crate) fn lines(words: &[&str]) -> usize {
    let matches = |line: &&str| words.iter().all(|word| line.contains(word));
    text().lines().filter(matches).count()
}

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
