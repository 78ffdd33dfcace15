//! What the daemon wrote to its log while these tests ran, down to the details.

use std::io;
use std::sync::{Arc, Mutex, OnceLock};

use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

static KEPT: OnceLock<Kept> = OnceLock::new();

/// Keeps the log of this process from now on; once is enough, more do no harm.
pub fn keep() {
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

/// All that was kept. Tests run side by side: look for something of your own.
pub fn text() -> String {
    let kept = KEPT.get().unwrap();
    String::from_utf8_lossy(&kept.0.lock().unwrap()).into_owned()
}

/// Lines that hold all of these.
pub fn lines(with: &[&str]) -> usize {
    let fits = |line: &&str| with.iter().all(|word| line.contains(word));
    text().lines().filter(fits).count()
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
