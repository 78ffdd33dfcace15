//! Writes the seeds of every target into a folder: `seeds FOLDER` makes `FOLDER/TARGET/N`.
//!
//! One of libFuzzer's programs by its looks alone, because what is instrumented needs libFuzzer to be
//! linked; it ends before a search would begin.

#![no_main]

use std::fs;
use std::path::PathBuf;

fn write() -> std::io::Result<()> {
    let folder = PathBuf::from(
        std::env::args_os()
            .nth(1)
            .unwrap_or_else(|| "corpus".into()),
    );
    for (name, _) in referee_fuzz::TARGETS {
        let folder = folder.join(name);
        fs::create_dir_all(&folder)?;
        for (number, seed) in referee_fuzz::seeds::of(name).into_iter().enumerate() {
            fs::write(folder.join(format!("seed-{number}")), seed)?;
        }
    }
    Ok(())
}

fn write_and_end() {
    let written = write();
    if let Err(error) = &written {
        eprintln!("{error}");
    }
    std::process::exit(i32::from(written.is_err()))
}

libfuzzer_sys::fuzz_target!(init: write_and_end(), |_bytes: &[u8]| {});
