//! What a challenge wants looked at in outputs before its scorer sees them.
//!
//! Only what is written in `challenge.toml`, checked and complete; `crate::rules::format` does the
//! looking.

use super::ids::CaseId;
use super::pattern::PathPattern;
use super::schema::Schema;

/// One `[[task.check]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The outputs: one of the contract's patterns.
    pub files: PathPattern,
    /// There is exactly one output for each of these inputs, with the same under its stars.
    pub one_for: Option<Inputs>,
    /// What each of them is.
    pub is: Format,
}

impl Check {
    /// The inputs that it looks at, each with the key that names them.
    pub fn inputs(&self) -> Vec<(&'static str, Inputs)> {
        let one_input = |pattern: &PathPattern| Inputs {
            pattern: pattern.clone(),
            every: 1,
        };
        let more = match &self.is {
            Format::Png(grid) | Format::Nifti(grid) => {
                ("size-of", grid.size_of.as_ref().map(one_input))
            }
            Format::Csv { rows_for, .. } => ("rows-for", rows_for.clone()),
            Format::Json { keys_for, .. } => ("keys-for", keys_for.clone()),
        };
        [("one-for", self.one_for.clone()), more]
            .into_iter()
            .filter_map(|(key, inputs)| Some((key, inputs?)))
            .collect()
    }
}

/// Some of the inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// Where they lie, relative to the directory of inputs.
    pub pattern: PathPattern,
    /// Only those whose number under the last star is a multiple of this; 1 takes all.
    pub every: u32,
}

impl Inputs {
    /// Whether a path that fits the pattern is one of them.
    pub fn takes(&self, case: &CaseId, path: &str) -> bool {
        if self.every <= 1 {
            return true;
        }
        let stars = self.pattern.captures(case, path).unwrap_or_default();
        let number = stars.last().and_then(|star| star.parse::<u64>().ok());
        number.is_some_and(|n| n.is_multiple_of(u64::from(self.every)))
    }
}

/// The format of an output, and what is asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    /// A picture.
    Png(Grid),
    /// A volume, plain or compressed by gzip.
    Nifti(Grid),
    /// A table with a header.
    Csv {
        /// The header, in this order; any where there is none.
        columns: Option<Vec<String>>,
        /// As many rows as such inputs.
        rows_for: Option<Inputs>,
    },
    /// A JSON text.
    Json {
        /// What it must follow.
        schema: Option<Schema>,
        /// An object with a key for each such input, the input's name up to its first dot.
        keys_for: Option<Inputs>,
    },
}

impl Format {
    /// As people call it, with its article.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Png(_) => "a PNG",
            Self::Nifti(_) => "a NIfTI file",
            Self::Csv { .. } => "a CSV table",
            Self::Json { .. } => "JSON",
        }
    }
}

/// What is asked of a picture or a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// It is as wide and high (and deep) as this input.
    pub size_of: Option<PathPattern>,
    /// Allowed types of values, by their names in [`PNG_TYPES`] or [`NIFTI_TYPES`]; empty allows all.
    pub types: Vec<&'static str>,
}

/// Types of PNG values: name, colour type and bits of a sample. The 15 pairs of PNG (third edition),
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

/// Types of NIfTI voxels: name, `datatype` and bits of a voxel, as `nifti1.h` of the NIfTI-1 standard
/// defines them (`NIFTI_TYPE_*`); NIfTI-2 has the same.
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
