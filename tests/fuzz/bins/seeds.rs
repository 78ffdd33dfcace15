//! Writes the seeds of every target into a folder: `seeds FOLDER` makes `FOLDER/TARGET/N`.

use std::fs;
use std::path::PathBuf;

fn main() -> std::io::Result<()> {
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
