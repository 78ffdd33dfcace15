//! `referee init`: creates a challenge that works at once, as a start for a new one.
//!
//! The files are those of the example `nuclei`. They are part of the program, so nothing is downloaded. No existing
//! file is overwritten.

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
pub(super) struct Options {
    /// Folder to create, for example `my-challenge`
    directory: PathBuf,
}

/// The folders of the example, without its submissions.
static FOLDERS: [(&str, Dir<'_>); 4] = [
    ("scorer", include_dir!("$CARGO_MANIFEST_DIR/examples/nuclei/scorer")),
    ("sample", include_dir!("$CARGO_MANIFEST_DIR/examples/nuclei/sample")),
    ("data", include_dir!("$CARGO_MANIFEST_DIR/examples/nuclei/data")),
    ("template", include_dir!("$CARGO_MANIFEST_DIR/examples/nuclei/template")),
];
const FILES: [(&str, &str); 2] = [
    ("challenge.toml", include_str!("../../examples/nuclei/challenge.toml")),
    ("README.md", include_str!("../../examples/nuclei/README.md")),
];
/// Settings of a daemon for the new challenge.
const SETTINGS: &str = include_str!("init.referee.toml");

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let root = &options.directory;
    if root.exists() && std::fs::read_dir(root)?.next().is_some() {
        anyhow::bail!(
            "{} is not empty; choose a new folder, because `referee init` overwrites nothing",
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
    std::fs::write(root.join("referee.toml"), SETTINGS).with_context(|| format!("writing {}", root.display()))?;
    let shown = root.display();
    println!(
        "\
Created a challenge in {shown}:
  challenge/challenge.toml   tasks, metrics, phases, quotas
  challenge/scorer/          the program that compares predictions with the ground truth
  challenge/sample/          public cases
  challenge/data/            hidden cases
  challenge/template/        the first content of a team's repository
  referee.toml               settings of the daemon

Next steps:
  cd {shown}
  referee config check       # check the configuration
  referee doctor             # check the installation
  referee serve              # run the daemon, with pages at http://127.0.0.1:8030
  referee team add alpha"
    );
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
            std::fs::write(&path, file.contents()).with_context(|| format!("writing {}", path.display()))?;
        }
    }
    Ok(())
}
