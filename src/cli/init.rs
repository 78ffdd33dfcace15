//! `referee init`: a challenge that runs at once, to be changed into one's own.
//!
//! The files are those of the example `nuclei`, in the program itself, so that nothing has to be
//! downloaded; nothing that exists is overwritten.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use include_dir::{Dir, DirEntry, include_dir};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee init my-challenge
  cd my-challenge && referee config check && referee doctor")]
pub struct Options {
    /// Folder to make, for example `my-challenge`.
    directory: PathBuf,
}

/// Folders of the example, as they stood when the program was built: all but its submissions.
static FOLDERS: [(&str, Dir<'_>); 4] = [
    (
        "scorer",
        include_dir!("$CARGO_MANIFEST_DIR/examples/nuclei/scorer"),
    ),
    (
        "sample",
        include_dir!("$CARGO_MANIFEST_DIR/examples/nuclei/sample"),
    ),
    (
        "data",
        include_dir!("$CARGO_MANIFEST_DIR/examples/nuclei/data"),
    ),
    (
        "template",
        include_dir!("$CARGO_MANIFEST_DIR/examples/nuclei/template"),
    ),
];
/// Files of the example.
const FILES: [(&str, &str); 2] = [
    (
        "challenge.toml",
        include_str!("../../examples/nuclei/challenge.toml"),
    ),
    ("README.md", include_str!("../../examples/nuclei/README.md")),
];
/// Settings of the daemon for it.
const SETTINGS: &str = include_str!("init.referee.toml");
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let root = &options.directory;
    if root.exists() && std::fs::read_dir(root)?.next().is_some() {
        anyhow::bail!(
            "{} is not empty; choose a new folder, nothing is overwritten",
            root.display()
        );
    }
    let challenge = root.join("challenge");
    for (name, folder) in &FOLDERS {
        for entry in folder.entries() {
            write(entry, &challenge.join(name))?;
        }
    }
    for (name, content) in FILES {
        std::fs::write(challenge.join(name), content)
            .with_context(|| format!("writing {name} in {}", challenge.display()))?;
    }
    std::fs::write(root.join("referee.toml"), SETTINGS)
        .with_context(|| format!("writing {}", root.display()))?;
    let shown = root.display();
    println!("A challenge is in {shown}:");
    println!("  challenge/challenge.toml   tasks, metrics, phases, quotas");
    println!("  challenge/scorer/          the program that compares predictions with the truth");
    println!("  challenge/sample/          public cases; challenge/data/ the hidden ones");
    println!("  challenge/template/        what a team's repository starts from");
    println!("  referee.toml               settings of the daemon");
    println!();
    println!("Next:");
    println!("  cd {shown}");
    println!("  referee config check       # are they right?");
    println!("  referee doctor             # is everything there that they need?");
    println!("  referee serve              # pages at http://127.0.0.1:8030");
    println!("  referee team add alpha");
    Ok(ExitCode::SUCCESS)
}

fn write(entry: &DirEntry<'_>, into: &Path) -> anyhow::Result<()> {
    let path = into.join(entry.path());
    match entry {
        DirEntry::Dir(folder) => {
            for inner in folder.entries() {
                write(inner, into)?;
            }
        }
        DirEntry::File(file) => {
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(&path, file.contents())
                .with_context(|| format!("writing {}", path.display()))?;
        }
    }
    Ok(())
}
