//! Exchanges that the model may answer differently, each with its reason, in `exempt.txt`: a name (`*` at its end
//! matches any ending), the versions or `all`, and the reason, separated by `|`.

use crate::model::ForgeVersion;

/// A line of the file.
pub(crate) struct Exemption {
    pub line: usize,
    name: String,
    versions: Vec<String>,
}

/// All exemptions.
pub(crate) fn read() -> Vec<Exemption> {
    let text = include_str!("exempt.txt");
    let lines = text.lines().enumerate().map(|(n, line)| (n + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let read = lines.map(|(line, text)| {
        let parts: Vec<&str> = text.split('|').map(str::trim).collect();
        let [name, versions, reason] = parts[..] else {
            panic!("exempt.txt:{line}: name | versions | reason");
        };
        assert!(reason.len() > 10, "exempt.txt:{line}: write the reason");
        let versions = versions.split(',').map(|version| version.trim().to_owned()).collect();
        Exemption { line, name: name.to_owned(), versions }
    });
    read.collect()
}

impl Exemption {
    /// Whether it applies to an exchange. Numbers at the start of a name are ignored.
    pub(crate) fn applies_to(&self, version: ForgeVersion, exchange: &str) -> bool {
        let here = self.versions.iter().any(|d| d == "all" || d == version.name());
        let name = &exchange[4..];
        let named = match self.name.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == self.name,
        };
        here && named
    }
}
