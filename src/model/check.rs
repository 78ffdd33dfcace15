//! The `[[task.check]]` tables of `challenge.toml`: how Referee checks outputs before the scorer reads them.
//!
//! These are checked values only. `crate::rules::format` applies them to outputs.

use super::ids::CaseId;
use super::pattern::PathPattern;
use super::schema::Schema;

/// One `[[task.check]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputCheck {
    /// The outputs to check: one of the contract's patterns.
    pub files: PathPattern,
    /// If set, each of these inputs must have exactly one output. The stars of both patterns match the same text.
    pub one_for: Option<InputSelection>,
    /// The required format of each output.
    pub format: OutputFormat,
}

impl OutputCheck {
    /// The inputs that the check reads, each with the key of `challenge.toml` that selects them.
    pub fn inputs(&self) -> Vec<(&'static str, InputSelection)> {
        let one_input = |pattern: &PathPattern| InputSelection { pattern: pattern.clone(), every: 1 };
        let mut all = vec![("one-for", self.one_for.clone())];
        match &self.format {
            OutputFormat::Png(image) | OutputFormat::Nifti(image) => {
                all.push(("size-of", image.size_of.as_ref().map(one_input)));
                all.push(("space-of", image.space_of.as_ref().map(|space| one_input(&space.input))));
            }
            OutputFormat::Csv { rows_for, .. } => all.push(("rows-for", rows_for.clone())),
            OutputFormat::Json { keys_for, .. } => all.push(("keys-for", keys_for.clone())),
        }
        all.into_iter().filter_map(|(key, inputs)| Some((key, inputs?))).collect()
    }
}

/// The inputs that match a pattern, or every n-th of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSelection {
    /// Relative to the directory of inputs.
    pub pattern: PathPattern,
    /// Selects the inputs whose number at the last star is a multiple of this value. 1 selects all inputs.
    pub every: u32,
}

impl InputSelection {
    /// Whether a path that matches the pattern is selected.
    pub fn includes(&self, case: &CaseId, path: &str) -> bool {
        if self.every <= 1 {
            return true;
        }
        let stars = self.pattern.captures(case, path).unwrap_or_default();
        let number = stars.last().and_then(|star| star.parse::<u64>().ok());
        number.is_some_and(|n| n.is_multiple_of(u64::from(self.every)))
    }
}

/// The format of an output, with its requirements.
#[derive(Debug, Clone, PartialEq)]
pub enum OutputFormat {
    Png(ImageFormat),
    /// Uncompressed, or compressed with gzip.
    Nifti(ImageFormat),
    /// A table with a header.
    Csv {
        /// The required header, in this order.
        columns: Option<Vec<String>>,
        /// If set, the table must have as many rows as there are such inputs.
        rows_for: Option<InputSelection>,
    },
    Json {
        schema: Option<Schema>,
        /// If set, the text must be an object with one key per such input: the input's name up to its first dot.
        keys_for: Option<InputSelection>,
    },
}

impl OutputFormat {
    /// The name of the format in a message, with its article.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Png(_) => "a PNG",
            Self::Nifti(_) => "a NIfTI file",
            Self::Csv { .. } => "a CSV table",
            Self::Json { .. } => "JSON",
        }
    }
}

/// The requirements for a picture or a volume.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageFormat {
    /// The input whose width, height and depth the output must have.
    pub size_of: Option<PathPattern>,
    /// The input in whose space the output must lie. Only for volumes.
    pub space_of: Option<SpaceCheck>,
    /// Allowed value types: names from [`PNG_TYPES`] or [`NIFTI_TYPES`]. Empty allows all types.
    pub types: Vec<&'static str>,
}

/// An output must have the spacing, the orientation and the origin of an input.
#[derive(Debug, Clone, PartialEq)]
pub struct SpaceCheck {
    pub input: PathPattern,
    /// Largest difference: in millimetres for spacing and origin, and without a unit for the directions of the axes.
    pub tolerance: f64,
}

/// PNG value types: name, colour type and bits per sample. These are the 15 pairs of PNG (third edition),
/// section 11.2.1 "IHDR image header", table 12.
pub const PNG_TYPES: [(&str, u8, u8); 15] = [
    ("uint1", 0, 1),
    ("uint2", 0, 2),
    ("uint4", 0, 4),
    ("uint8", 0, 8),
    ("uint16", 0, 16),
    ("rgb8", 2, 8),
    ("rgb16", 2, 16),
    ("palette1", 3, 1),
    ("palette2", 3, 2),
    ("palette4", 3, 4),
    ("palette8", 3, 8),
    ("grey-alpha8", 4, 8),
    ("grey-alpha16", 4, 16),
    ("rgba8", 6, 8),
    ("rgba16", 6, 16),
];

/// NIfTI voxel types: name, `datatype` and bits per voxel, as `nifti1.h` of the NIfTI-1 standard defines them
/// (`NIFTI_TYPE_*`). NIfTI-2 has the same types.
pub const NIFTI_TYPES: [(&str, i16, u16); 15] = [
    ("uint8", 2, 8),
    ("int16", 4, 16),
    ("int32", 8, 32),
    ("float32", 16, 32),
    ("complex64", 32, 64),
    ("float64", 64, 64),
    ("rgb24", 128, 24),
    ("int8", 256, 8),
    ("uint16", 512, 16),
    ("uint32", 768, 32),
    ("int64", 1024, 64),
    ("uint64", 1280, 64),
    ("float128", 1536, 128),
    ("complex128", 1792, 128),
    ("rgba32", 2304, 32),
];
