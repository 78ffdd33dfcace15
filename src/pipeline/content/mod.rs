//! The contents of outputs, checked before the scorer sees them.
//!
//! Reads only the part of each file that the task's checks need; `rules::format` judges it. Outputs are copies of
//! Referee, and all are regular files. They are untrusted all the same: every read has a named limit. An input that
//! cannot be read is a platform error.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use flate2::read::GzDecoder;

use super::verdict::RunVerdict;
use crate::config::InputListing;
use crate::model::finding::any_error;
use crate::model::{
    CaseId, Contract, ContractMode, Finding, ImageFormat, InputSelection, Outcome, OutputCheck, OutputFormat,
    OutputListing, PathPattern, Task, limits,
};
use crate::rules::format::image_header::{ImageHeader, Space};
use crate::rules::format::{self, FindingSummary, image_header, json, nifti, png, results, table};
use crate::rules::{self, Policy};

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The output of one run, with its inputs and the checks of the task.
#[derive(Debug)]
pub struct Content {
    checks: Vec<OutputCheck>,
    contract: Contract,
    /// The cases of the run.
    cases: Vec<CaseId>,
    listing: OutputListing,
    /// The inputs of all cases.
    inputs: InputListing,
    /// Directory of the output's regular files.
    outputs: PathBuf,
}

impl Content {
    /// The output of a run over these cases. `inputs` and `outputs` are directories.
    pub fn new(task: &Task, cases: &[CaseId], listing: &OutputListing, inputs: PathBuf, outputs: &Path) -> Self {
        Self {
            checks: task.checks.clone(),
            contract: task.contract.clone(),
            cases: cases.to_vec(),
            listing: listing.clone(),
            inputs: InputListing::new(&inputs),
            outputs: outputs.to_owned(),
        }
    }
}

/// Adds the findings about the contents of outputs to the verdict of a run, unless the verdict has an outcome already.
///
/// # Errors
/// When inputs or the copies of outputs cannot be read.
pub async fn judge(mut verdict: RunVerdict, content: Content, policy: &Policy) -> anyhow::Result<RunVerdict> {
    if verdict.outcome.is_some() || content.checks.is_empty() {
        return Ok(verdict);
    }
    let found = tokio::task::spawn_blocking(move || run_checks(&content)).await??;
    let found: Vec<Finding> = found.into_iter().map(|f| policy.apply_severity(f)).collect();
    verdict.outcome = any_error(&found).then_some(Outcome::OutputInvalid);
    verdict.findings.extend(found);
    Ok(verdict)
}

fn run_checks(content: &Content) -> anyhow::Result<Vec<Finding>> {
    let mut findings = FindingSummary::default();
    for check in &content.checks {
        for group in content.cases.chunks(content.cases_per_file(check)) {
            run_check(content, check, group, &mut findings)?;
        }
    }
    Ok(findings.into_findings())
}

impl Content {
    /// The number of cases that share a file: all of them if its name contains no case.
    fn cases_per_file(&self, check: &OutputCheck) -> usize {
        let shared = self.contract.mode == ContractMode::WholeSet && !check.files.names_case();
        if shared { self.cases.len().max(1) } else { 1 }
    }

    /// The selected inputs of these cases, each with its case.
    fn chosen<'a>(&self, which: &InputSelection, group: &'a [CaseId]) -> anyhow::Result<Vec<(&'a CaseId, String)>> {
        let mut all = Vec::new();
        for case in group {
            let found = self.inputs.matching(which, case).with_context(|| format!("listing the inputs of {case}"))?;
            anyhow::ensure!(
                !found.is_empty(),
                "no input of {case} fits {} in {}",
                which.pattern,
                self.inputs.directory().display()
            );
            all.extend(found.into_iter().map(|path| (case, path)));
        }
        Ok(all)
    }

    fn open(&self, path: &str) -> anyhow::Result<File> {
        File::open(self.outputs.join(path)).with_context(|| format!("opening the output {path}"))
    }
}

/// Runs one check on the files of some cases.
fn run_check(
    content: &Content,
    check: &OutputCheck,
    group: &[CaseId],
    findings: &mut FindingSummary,
) -> anyhow::Result<()> {
    let Some(case) = group.first() else {
        return Ok(());
    };
    let files: BTreeSet<&str> =
        rules::output::matching_paths(&content.listing.files, &check.files, case).map(String::as_str).collect();
    if let Some(which) = &check.one_for {
        let inputs = content.chosen(which, group)?;
        let wanted: Vec<String> = inputs
            .iter()
            .filter_map(|(case, input)| {
                let stars = which.pattern.captures(case, input)?;
                check.files.filled(case, &stars)
            })
            .collect();
        let subject = if check.files.names_case() { format!("`{case}`") } else { format!("`{}`", check.files) };
        findings.extend(results::compare_results(&subject, &wanted, &files));
    }
    for path in files {
        findings.extend(check_file(content, check, group, path)?);
    }
    Ok(())
}

/// Runs a check on one file, which belongs to the cases of a group.
fn check_file(content: &Content, check: &OutputCheck, group: &[CaseId], path: &str) -> anyhow::Result<Vec<Finding>> {
    let size = content.listing.files.get(path).copied().unwrap_or_default();
    match &check.format {
        OutputFormat::Png(asks) | OutputFormat::Nifti(asks) => check_image(content, check, asks, group, path),
        OutputFormat::Csv { .. } if size > limits::OUTPUT_CSV_BYTES_MAX => {
            let most = limits::OUTPUT_CSV_BYTES_MAX;
            Ok(vec![format::output_too_large(path, "a table", most)])
        }
        OutputFormat::Csv { columns, rows_for } => {
            let file = content.open(path)?.take(limits::OUTPUT_CSV_BYTES_MAX);
            let rows = match table::read_table(path, file, columns.as_deref())? {
                Ok(rows) => rows,
                Err(finding) => return Ok(vec![finding]),
            };
            let Some(which) = rows_for else {
                return Ok(Vec::new());
            };
            let inputs = content.chosen(which, group)?.len();
            Ok(results::check_rows(path, rows, inputs).into_iter().collect())
        }
        OutputFormat::Json { .. } if size > limits::OUTPUT_JSON_BYTES_MAX => {
            let most = limits::OUTPUT_JSON_BYTES_MAX;
            Ok(vec![format::output_too_large(path, "JSON", most)])
        }
        OutputFormat::Json { schema, keys_for } => {
            let mut bytes = Vec::new();
            let file = content.open(path)?;
            file.take(limits::OUTPUT_JSON_BYTES_MAX).read_to_end(&mut bytes)?;
            let value = match json::read_json(path, &bytes) {
                Ok(value) => value,
                Err(finding) => return Ok(vec![finding]),
            };
            let mut findings = Vec::new();
            if let Some(schema) = schema {
                findings.extend(json::check_schema(path, &value, schema));
            }
            if let Some(which) = keys_for {
                let inputs = content.chosen(which, group)?;
                let wanted: Vec<String> = inputs.iter().map(|(_, input)| key_of(input)).collect();
                findings.extend(json::check_keys(path, &value, &wanted));
            }
            Ok(findings)
        }
    }
}

/// Runs a check on a picture or a volume.
fn check_image(
    content: &Content,
    check: &OutputCheck,
    asks: &ImageFormat,
    group: &[CaseId],
    path: &str,
) -> anyhow::Result<Vec<Finding>> {
    let file = content.open(path)?;
    let header = match &check.format {
        OutputFormat::Nifti(_) => nifti_header(file)?,
        _ => png_header(file)?,
    };
    let stray = || {
        // If `one-for` is set, a finding about superfluous files names it already.
        if check.one_for.is_some() { Vec::new() } else { vec![results::stray_file(path)] }
    };
    let Some(case) = group.first() else {
        return Ok(Vec::new());
    };
    let mut size = None;
    if let Some(pattern) = &asks.size_of {
        let Some(input) = input_of(content, check, pattern, case, path)? else {
            return Ok(stray());
        };
        let found = size_of(&input, &check.format);
        size = Some(found.with_context(|| format!("the size of the input {}", input.display()))?);
    }
    let mut space = None;
    if let Some(wanted) = &asks.space_of {
        let Some(input) = input_of(content, check, &wanted.input, case, path)? else {
            return Ok(stray());
        };
        let found = space_of(&input).with_context(|| format!("the space of the input {}", input.display()))?;
        space = Some((found, wanted.tolerance));
    }
    let found = header.as_ref().ok().and_then(|header| header.space);
    let mut findings = image_header::check_header(path, check.format.name(), header, size.as_deref(), &asks.types);
    if findings.is_empty()
        && let (Some(found), Some((input, tolerance))) = (found, space)
    {
        findings.extend(image_header::check_space(path, &found, &input, tolerance));
    }
    Ok(findings)
}

/// The key of an input in a JSON output: its name up to the first dot, like the name of a case.
fn key_of(input: &str) -> String {
    let name = input.rsplit('/').next().unwrap_or(input);
    name.split('.').next().unwrap_or(name).to_owned()
}

/// The input that an output belongs to. `None` if it belongs to no input.
fn input_of(
    content: &Content,
    check: &OutputCheck,
    pattern: &PathPattern,
    case: &CaseId,
    path: &str,
) -> anyhow::Result<Option<PathBuf>> {
    let stars = check.files.captures(case, path).unwrap_or_default();
    let input = pattern.filled(case, &stars);
    let existing = input.map(|input| content.inputs.directory().join(input)).filter(|input| input.is_file());
    match existing {
        Some(input) => Ok(Some(input)),
        // The team chose the values of the stars. Without stars the organizers named the input.
        None if pattern.stars() > 0 => Ok(None),
        None => anyhow::bail!("no input of {case} is {pattern} in {}", content.inputs.directory().display()),
    }
}

/// Width, height and further dimensions of an input.
fn size_of(input: &Path, like: &OutputFormat) -> anyhow::Result<Vec<u64>> {
    if let OutputFormat::Nifti(_) = like {
        let header = nifti_header(File::open(input)?)?;
        return header.map(|c| c.size).map_err(anyhow::Error::msg);
    }
    let size = imagesize::size(input)?;
    Ok(vec![size.width as u64, size.height as u64])
}

/// The space of an input volume.
fn space_of(input: &Path) -> anyhow::Result<Space> {
    let header = nifti_header(File::open(input)?)?.map_err(anyhow::Error::msg)?;
    header.space.context("its header has no space")
}

fn first_bytes(file: impl Read, bytes: usize) -> std::io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(bytes);
    file.take(bytes as u64).read_to_end(&mut first)?;
    Ok(first)
}

fn png_header(file: impl Read) -> anyhow::Result<Result<ImageHeader, String>> {
    Ok(png::read_header(&first_bytes(file, png::HEADER_BYTES)?))
}

/// Unpacks only the header, from a limited part of the file.
fn nifti_header(file: impl Read) -> anyhow::Result<Result<ImageHeader, String>> {
    let mut file = BufReader::new(file.take(limits::PACKED_HEADER_BYTES_MAX));
    let start = first_bytes(&mut file, GZIP.len())?;
    let whole = start.as_slice().chain(file);
    if start != GZIP {
        return Ok(nifti::read_header(&first_bytes(whole, nifti::HEADER_BYTES)?));
    }
    // Reading has succeeded so far, so the file itself cannot be unpacked.
    Ok(match first_bytes(GzDecoder::new(whole), nifti::HEADER_BYTES) {
        Ok(bytes) => nifti::read_header(&bytes),
        Err(_) => Err("it cannot be unpacked".to_owned()),
    })
}

#[cfg(test)]
mod tests;
