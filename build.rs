//! Packs the example challenge `nuclei` into the program, for `referee init`.
//!
//! Nothing is fetched and nothing outside `examples/` is read.

use std::fmt::Write as _;
use std::path::Path;

fn main() {
    let root = Path::new("examples/nuclei");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    for part in [
        "challenge.toml",
        "README.md",
        "scorer",
        "sample",
        "data",
        "template",
    ] {
        collect(&root.join(part), &mut files);
    }
    files.sort();
    let mut code = String::from(
        "/// Path in the new folder and content.\nconst SCAFFOLD: &[(&str, &[u8])] = &[\n",
    );
    let manifest = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    for file in files {
        let inside = file
            .strip_prefix("examples/nuclei/")
            .expect("under the example");
        writeln!(
            code,
            "    ({:?}, include_bytes!({:?})),",
            format!("challenge/{inside}"),
            format!("{manifest}/{file}")
        )
        .expect("a string takes text");
    }
    writeln!(
        code,
        "    (\"referee.toml\", include_bytes!({:?})),",
        format!("{manifest}/src/cli/init.referee.toml")
    )
    .expect("a string takes text");
    code.push_str("];\n");
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    std::fs::write(Path::new(&out).join("scaffold.rs"), code).expect("OUT_DIR can be written");
}

fn collect(path: &Path, files: &mut Vec<String>) {
    if path.is_dir() {
        if path.file_name().is_some_and(|n| n == "__pycache__") {
            return;
        }
        for entry in std::fs::read_dir(path).expect("the example can be read") {
            collect(&entry.expect("the example can be read").path(), files);
        }
    } else {
        files.push(path.to_str().expect("UTF-8 names").to_owned());
    }
}
