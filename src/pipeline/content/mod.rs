//! What is in the outputs, before the scorer sees them: reads just as much of each file as the task's
//! checks need, and lets `rules::format` judge.
//!
//! Outputs are our own copies, regular files all of them; still nothing of them is believed, and no more
//! is read or held than a named limit. Where an input cannot be read it is nobody's fault but ours.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use flate2::read::GzDecoder;

use super::verdict::RunVerdict;
use crate::config;
use crate::model::finding::any_error;
use crate::model::{
    CaseId, Contract, ContractMode, Finding, ImageFormat, InputSelection, Outcome, OutputCheck,
    OutputFormat, OutputListing, PathPattern, Task, limits,
};
use crate::rules::format::image_header::ImageHeader;
use crate::rules::format::{self, FindingSummary, image_header, json, nifti, png, results, table};
use crate::rules::{self, Policy};

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The output of one run, and what it was made of.
#[derive(Debug, Clone)]
pub struct Content {
    /// What to look at.
    checks: Vec<OutputCheck>,
    contract: Contract,
    /// The cases that the run was over.
    cases: Vec<CaseId>,
    listing: OutputListing,
    /// Directory of the inputs of all cases.
    inputs: PathBuf,
    /// Directory of the output's regular files.
    outputs: PathBuf,
}

impl Content {
    /// The output of a run over these cases, in `outputs`, made from `inputs`.
    pub fn new(
        (task, cases): (&Task, &[CaseId]),
        listing: &OutputListing,
        (inputs, outputs): (PathBuf, &Path),
    ) -> Self {
        Self {
            checks: task.checks.clone(),
            contract: task.contract.clone(),
            cases: cases.to_vec(),
            listing: listing.clone(),
            inputs,
            outputs: outputs.to_owned(),
        }
    }
}

/// Adds to the judgement of a run what its outputs hold, unless it has ended by that already.
///
/// # Errors
/// When inputs or our copies of outputs cannot be read.
pub async fn judge(
    mut judged: RunVerdict,
    content: Content,
    policy: &Policy,
) -> anyhow::Result<RunVerdict> {
    if judged.outcome.is_some() || content.checks.is_empty() {
        return Ok(judged);
    }
    let found = tokio::task::spawn_blocking(move || look(&content)).await??;
    let found: Vec<Finding> = found
        .into_iter()
        .map(|f| policy.apply_severity(f))
        .collect();
    judged.outcome = any_error(&found).then_some(Outcome::OutputInvalid);
    judged.findings.extend(found);
    Ok(judged)
}

/// Makes all checks.
fn look(content: &Content) -> anyhow::Result<Vec<Finding>> {
    let mut findings = FindingSummary::default();
    for check in &content.checks {
        let cases = content.cases.chunks(content.together(check));
        for group in cases {
            look_at(content, check, group, &mut findings)?;
        }
    }
    Ok(findings.into_findings())
}

impl Content {
    /// How many cases share a file: all of them, where its name has no case in it.
    fn together(&self, check: &OutputCheck) -> usize {
        let shared = self.contract.mode == ContractMode::WholeSet && !check.files.names_case();
        if shared { self.cases.len().max(1) } else { 1 }
    }

    /// These inputs of some cases, each with its case.
    fn chosen<'a>(
        &self,
        which: &InputSelection,
        group: &'a [CaseId],
    ) -> anyhow::Result<Vec<(&'a CaseId, String)>> {
        let mut all = Vec::new();
        for case in group {
            let found = config::chosen(&self.inputs, which, case)
                .with_context(|| format!("listing the inputs of {case}"))?;
            anyhow::ensure!(
                !found.is_empty(),
                "no input of {case} fits {} in {}",
                which.pattern,
                self.inputs.display()
            );
            all.extend(found.into_iter().map(|path| (case, path)));
        }
        Ok(all)
    }

    fn open(&self, path: &str) -> anyhow::Result<File> {
        File::open(self.outputs.join(path)).with_context(|| format!("opening the output {path}"))
    }
}

/// Makes one check on the files of some cases.
fn look_at(
    content: &Content,
    check: &OutputCheck,
    group: &[CaseId],
    findings: &mut FindingSummary,
) -> anyhow::Result<()> {
    let Some(case) = group.first() else {
        return Ok(());
    };
    let files: BTreeSet<&str> =
        rules::output::matching_paths(&content.listing.files, &check.files, case)
            .map(String::as_str)
            .collect();
    if let Some(which) = &check.one_for {
        let inputs = content.chosen(which, group)?;
        let wanted: Vec<String> = inputs
            .iter()
            .filter_map(|(case, input)| {
                let stars = which.pattern.captures(case, input)?;
                check.files.filled(case, &stars)
            })
            .collect();
        let whose = match check.files.names_case() {
            true => format!("`{case}`"),
            false => format!("`{}`", check.files),
        };
        findings.extend(results::compare_results(&whose, &wanted, &files));
    }
    for path in files {
        findings.extend(look_into(content, check, (group, path))?);
    }
    Ok(())
}

/// Looks into one file.
fn look_into(
    content: &Content,
    check: &OutputCheck,
    (group, path): (&[CaseId], &str),
) -> anyhow::Result<Vec<Finding>> {
    let size = content.listing.files.get(path).copied().unwrap_or_default();
    match &check.format {
        OutputFormat::Png(asks) | OutputFormat::Nifti(asks) => {
            look_into_grid(content, check, asks, (group, path))
        }
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
            Ok(results::check_rows(path, rows, inputs)
                .into_iter()
                .collect())
        }
        OutputFormat::Json { .. } if size > limits::OUTPUT_JSON_BYTES_MAX => {
            let most = limits::OUTPUT_JSON_BYTES_MAX;
            Ok(vec![format::output_too_large(path, "JSON", most)])
        }
        OutputFormat::Json { schema, keys_for } => {
            let mut bytes = Vec::new();
            let file = content.open(path)?;
            file.take(limits::OUTPUT_JSON_BYTES_MAX)
                .read_to_end(&mut bytes)?;
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

/// Looks into a picture or a volume.
fn look_into_grid(
    content: &Content,
    check: &OutputCheck,
    asks: &ImageFormat,
    (group, path): (&[CaseId], &str),
) -> anyhow::Result<Vec<Finding>> {
    let file = content.open(path)?;
    let claims = match &check.format {
        OutputFormat::Nifti(_) => nifti_claim(file)?,
        _ => png_claim(file)?,
    };
    let input = match (&asks.size_of, group.first()) {
        (Some(pattern), Some(case)) => match input_of(content, check, pattern, (case, path))? {
            Some(size) => Some(size),
            // Told already, with all others that are too many.
            None if check.one_for.is_some() => return Ok(Vec::new()),
            None => return Ok(vec![results::stray_file(path)]),
        },
        _ => None,
    };
    let required = check.format.name();
    Ok(image_header::check_header(
        path,
        required,
        claims,
        input.as_deref(),
        &asks.types,
    ))
}

/// The key of an input: its name up to the first dot, as the name of a case.
fn key_of(input: &str) -> String {
    let name = input.rsplit('/').next().unwrap_or(input);
    name.split('.').next().unwrap_or(name).to_owned()
}

/// The size of the input that an output belongs to; none where it belongs to none.
fn input_of(
    content: &Content,
    check: &OutputCheck,
    pattern: &PathPattern,
    (case, path): (&CaseId, &str),
) -> anyhow::Result<Option<Vec<u64>>> {
    let stars = check.files.captures(case, path).unwrap_or_default();
    let input = pattern.filled(case, &stars);
    let there = input
        .map(|input| content.inputs.join(input))
        .filter(|input| input.is_file());
    match there {
        Some(input) => {
            Ok(Some(size_of(&input, &check.format).with_context(|| {
                format!("the size of the input {}", input.display())
            })?))
        }
        // The team chose what the stars stand for; without stars the input is the organizers'.
        None if pattern.stars() > 0 => Ok(None),
        None => anyhow::bail!(
            "no input of {case} is {pattern} in {}",
            content.inputs.display()
        ),
    }
}

/// Width, height and so on of an input.
fn size_of(input: &Path, like: &OutputFormat) -> anyhow::Result<Vec<u64>> {
    if let OutputFormat::Nifti(_) = like {
        let claim = nifti_claim(File::open(input)?)?;
        return claim.map(|c| c.size).map_err(anyhow::Error::msg);
    }
    let size = imagesize::size(input)?;
    Ok(vec![size.width as u64, size.height as u64])
}

/// The beginning of a file.
fn head(file: impl Read, bytes: usize) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(bytes);
    file.take(bytes as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn png_claim(file: impl Read) -> anyhow::Result<Result<ImageHeader, String>> {
    Ok(png::read_header(&head(file, png::HEADER_BYTES)?))
}

/// Unpacks no more than the header, from no more than a bounded part of the file.
fn nifti_claim(file: impl Read) -> anyhow::Result<Result<ImageHeader, String>> {
    let mut file = BufReader::new(file.take(limits::PACKED_HEADER_BYTES_MAX));
    let start = head(&mut file, GZIP.len())?;
    let whole = start.as_slice().chain(file);
    if start != GZIP {
        return Ok(nifti::read_header(&head(whole, nifti::HEADER_BYTES)?));
    }
    // What cannot be unpacked is the file's fault, and this far our own reading has succeeded.
    Ok(match head(GzDecoder::new(whole), nifti::HEADER_BYTES) {
        Ok(bytes) => nifti::read_header(&bytes),
        Err(_) => Err("it cannot be unpacked".to_owned()),
    })
}

#[cfg(test)]
mod tests;
