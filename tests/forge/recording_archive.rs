//! The recorded traffic of four forges, `recordings.tar.gz`, unpacked once for each test program. Its README.md
//! describes the files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use flate2::read::GzDecoder;

const ARCHIVE: &[u8] = include_bytes!("recordings.tar.gz");

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    // Each test program has a folder of its own, because programs can run at the same time.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(concat!("recordings-", env!("CARGO_CRATE_NAME")));
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    tar::Archive::new(GzDecoder::new(ARCHIVE)).unpack(&folder).unwrap();
    folder
});

/// The folder with one folder for each forge.
pub(crate) fn recordings() -> &'static Path {
    &FOLDER
}
