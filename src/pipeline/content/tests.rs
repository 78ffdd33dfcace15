//! Outputs on a disk: each kind of check with and without a finding, and hostile bytes.

use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::model::{PathPattern, Schema, SpaceCheck};

/// A run over two videos of four frames, 8 x 6 pixels each.
struct Run {
    folder: TempDir,
    content: Content,
}

fn pattern(text: &str) -> PathPattern {
    PathPattern(text.to_owned())
}

fn frames(every: u32) -> InputSelection {
    InputSelection { pattern: pattern("{case}/frames/*.png"), every }
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([8, 0, 0, 0, 0]);
    let mut crc = flate2::Crc::new();
    crc.update(&chunk);
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0d".as_slice(), &chunk, &crc.sum().to_be_bytes()].concat()
}

fn nifti(size: [i16; 3]) -> Vec<u8> {
    let mut head = vec![0; 352];
    head[..4].copy_from_slice(&348_i32.to_le_bytes());
    for (n, length) in [3, size[0], size[1], size[2]].iter().enumerate() {
        head[40 + 2 * n..][..2].copy_from_slice(&length.to_le_bytes());
    }
    head[70] = 2;
    head[72] = 8;
    head[344..348].copy_from_slice(b"n+1\0");
    head
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

impl Run {
    fn new(check: OutputCheck) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nuclei");
        let task = &crate::config::read_challenge(&example).unwrap().tasks[0];
        let cases = ["v1", "v2"].map(|id| CaseId::new(id).unwrap());
        let (inputs, outputs) = (folder.path().join("inputs"), folder.path().join("outputs"));
        let listing = OutputListing::default();
        let mut content = Content::new(task, &cases, &listing, inputs, &outputs);
        content.checks = vec![check];
        let run = Self { folder, content };
        for case in ["v1", "v2"] {
            for frame in 0..4 {
                run.write(&format!("inputs/{case}/frames/{frame}.png"), &png(8, 6));
            }
            run.write(&format!("inputs/{case}.nii.gz"), &gzip(&nifti([4, 5, 6])));
        }
        run
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// The run with one more output.
    fn with(mut self, path: &str, bytes: &[u8]) -> Self {
        self.write(&format!("outputs/{path}"), bytes);
        let size = bytes.len() as u64;
        self.content.listing.files.insert(path.to_owned(), size);
        self
    }

    fn found(&self) -> Vec<String> {
        let findings = run_checks(&self.content).unwrap();
        let line = |f: Finding| format!("{} {}", f.code, f.message);
        findings.into_iter().map(line).collect()
    }
}

fn check(files: &str, format: OutputFormat) -> OutputCheck {
    OutputCheck { files: pattern(files), one_for: None, format }
}

fn grid(size_of: &str) -> ImageFormat {
    ImageFormat { size_of: Some(pattern(size_of)), space_of: None, types: vec!["uint8"] }
}

#[test]
fn pictures_are_compared_with_their_inputs() {
    let masks = || OutputCheck {
        one_for: Some(frames(2)),
        ..check("{case}/*.png", OutputFormat::Png(grid("{case}/frames/*.png")))
    };
    let all = |run: Run, case: &str| {
        run.with(&format!("{case}/0.png"), &png(8, 6)).with(&format!("{case}/2.png"), &png(8, 6))
    };
    let good = all(all(Run::new(masks()), "v1"), "v2");
    assert_eq!(good.found(), [""; 0]);
    let bad = all(Run::new(masks()), "v1")
        .with("v1/1.png", &png(8, 6))
        .with("v2/0.png", &png(6, 8))
        .with("v2/9.png", &png(8, 6));
    insta::assert_snapshot!("pictures_are_compared_with_their_inputs", bad.found().join("\n"));
    let alone = check("{case}/*.png", OutputFormat::Png(grid("{case}/frames/*.png")));
    let stray = Run::new(alone).with("v1/7.png", &png(8, 6));
    insta::assert_snapshot!("pictures_are_compared_with_their_inputs_2", stray.found().join("\n"));
}

#[test]
fn no_name_leads_outside_the_inputs() {
    let asks = check("{case}/x*.png", OutputFormat::Png(grid("*/secret.png")));
    let run = Run::new(asks).with("v1/x...png", &png(1, 1));
    run.write("secret.png", &png(8, 6));
    insta::assert_snapshot!("no_name_leads_outside_the_inputs", run.found().join("\n"));
}

#[test]
fn volumes_are_read_plain_and_packed() {
    let asks = || check("{case}.nii.gz", OutputFormat::Nifti(grid("{case}.nii.gz")));
    let good = Run::new(asks()).with("v1.nii.gz", &gzip(&nifti([4, 5, 6]))).with("v2.nii.gz", &nifti([4, 5, 6]));
    assert_eq!(good.found(), [""; 0]);
    let bad = Run::new(asks())
        .with("v1.nii.gz", &gzip(&nifti([4, 5, 7])))
        .with("v2.nii.gz", &gzip(&nifti([32_000, 32_000, 32_000])));
    insta::assert_snapshot!("volumes_are_read_plain_and_packed", bad.found().join("\n"));
    let broken = Run::new(asks()).with("v1.nii.gz", &gzip(&nifti([4, 5, 6]))[..20]).with("v2.nii.gz", b"PK\x03\x04");
    insta::assert_snapshot!("volumes_are_read_plain_and_packed_2", broken.found().join("\n"));
}

/// A volume with these rows of its affine.
fn with_affine(rows: [[f32; 4]; 3]) -> Vec<u8> {
    let mut head = nifti([4, 5, 6]);
    head[254] = 1;
    for (n, value) in rows.iter().flatten().enumerate() {
        head[280 + 4 * n..][..4].copy_from_slice(&value.to_le_bytes());
    }
    head
}

/// The same affine as [`with_affine`] with `[[-1, 0, 0, 90], [0, 1, 0, -126], [0, 0, 2, -72]]`, as a quaternion.
fn turned() -> Vec<u8> {
    let mut head = nifti([4, 5, 6]);
    head[252] = 1;
    // The quaternion (a, b, c, d) = (0, 0, 1, 0) turns x and z around. The handedness turns z back.
    let numbers =
        [(76, -1.0), (80, 1.0), (84, 1.0), (88, 2.0), (260, 1.0), (268, 90.0), (272, -126.0), (276, -72.0_f32)];
    for (at, value) in numbers {
        head[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    head
}

#[test]
fn volumes_lie_in_the_space_of_their_inputs() {
    const AFFINE: [[f32; 4]; 3] = [[-1.0, 0.0, 0.0, 90.0], [0.0, 1.0, 0.0, -126.0], [0.0, 0.0, 2.0, -72.0]];
    let space_of = SpaceCheck { input: pattern("{case}.nii.gz"), tolerance: 0.001 };
    let asks = ImageFormat { size_of: None, space_of: Some(space_of), types: Vec::new() };
    let found = |output: &[u8]| {
        let run = Run::new(check("{case}.nii.gz", OutputFormat::Nifti(asks.clone())));
        run.write("inputs/v1.nii.gz", &gzip(&with_affine(AFFINE)));
        run.with("v1.nii.gz", &gzip(output)).found().join("\n")
    };
    assert_eq!(found(&with_affine(AFFINE)), "");
    assert_eq!(found(&turned()), "", "the quaternion states the same space");
    let mut close = AFFINE;
    close[1][3] += 0.0005;
    assert_eq!(found(&with_affine(close)), "", "within the tolerance");
    let mut other = AFFINE;
    other[2][2] = 2.5;
    let spacing = found(&with_affine(other));
    let mut flipped = AFFINE;
    flipped[0][0] = 1.0;
    let axes = found(&with_affine(flipped));
    let mut moved = AFFINE;
    moved[0][3] = 91.0;
    let origin = found(&with_affine(moved));
    let lost = found(&nifti([4, 5, 6]));
    insta::assert_snapshot!(
        "volumes_lie_in_the_space_of_their_inputs",
        [spacing, axes, origin, lost, found(&with_affine([[f32::NAN; 4]; 3]))].join("\n")
    );
}

fn table(files: &str) -> OutputCheck {
    let format = OutputFormat::Csv { columns: Some(vec!["Frame".into(), "Phase".into()]), rows_for: Some(frames(1)) };
    check(files, format)
}

#[test]
fn tables_have_columns_and_rows() {
    let good = Run::new(table("{case}.csv")).with("v1.csv", b"Frame,Phase\n0,a\n1,a\n2,a\n3,b\n");
    assert_eq!(good.found(), [""; 0]);
    let bad = Run::new(table("{case}.csv")).with("v1.csv", b"Frame,Phase\n0,a\n1,a\n").with("v2.csv", b"frame,phase\n");
    insta::assert_snapshot!("tables_have_columns_and_rows", bad.found().join("\n"));
}

#[test]
fn a_file_for_all_cases_is_checked_once() {
    let rows = "0,a\n".repeat(8);
    let run = Run::new(table("all.csv")).with("all.csv", format!("Frame,Phase\n{rows}").as_bytes());
    assert_eq!(run.found(), [""; 0]);
    let mut alone = run;
    alone.content.contract.mode = ContractMode::PerCase;
    alone.content.cases.truncate(1);
    insta::assert_snapshot!("a_file_for_all_cases_is_checked_once", alone.found().join("\n"));
}

fn keyed() -> OutputCheck {
    let schema = json!({ "additionalProperties": { "type": "array" } });
    let format = OutputFormat::Json { schema: Some(Schema::new(schema).unwrap()), keys_for: Some(frames(2)) };
    check("{case}.json", format)
}

#[test]
fn json_follows_its_schema_and_has_its_keys() {
    let good = Run::new(keyed()).with("v1.json", br#"{"0": [], "2": [1]}"#);
    assert_eq!(good.found(), [""; 0]);
    let bad = Run::new(keyed()).with("v1.json", br#"{"0": 5}"#).with("v2.json", b"[]");
    insta::assert_snapshot!("json_follows_its_schema_and_has_its_keys", bad.found().join("\n"));
}

#[test]
fn files_beyond_a_limit_are_not_opened() {
    let mut run = Run::new(keyed());
    let (csv, json) = (limits::OUTPUT_CSV_BYTES_MAX, limits::OUTPUT_JSON_BYTES_MAX);
    run.content.checks.push(table("{case}.csv"));
    let files = &mut run.content.listing.files;
    files.extend([("v1.json".to_owned(), json + 1), ("v1.csv".to_owned(), csv + 1)]);
    insta::assert_snapshot!("files_beyond_a_limit_are_not_opened", run.found().join("\n"));
}

#[test]
fn missing_inputs_are_not_the_fault_of_the_team() {
    let asks = check("{case}.png", OutputFormat::Png(grid("{case}.png")));
    let run = Run::new(asks).with("v1.png", &png(8, 6));
    assert!(run_checks(&run.content).is_err());
    let lost = Run::new(table("{case}.csv")).with("v1.csv", b"Frame,Phase\n");
    fs::remove_dir_all(lost.folder.path().join("inputs/v1")).unwrap();
    assert!(run_checks(&lost.content).is_err());
}

/// An endless source that counts the bytes read.
struct Endless<'a> {
    start: &'a [u8],
    then: u8,
    read: &'a mut u64,
}

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = if self.start.is_empty() {
            buffer.fill(self.then);
            buffer.len()
        } else {
            self.start.read(buffer)?
        };
        *self.read += read as u64;
        Ok(read)
    }
}

fn endless(start: &[u8], then: u8) -> (String, u64) {
    let mut read = 0;
    let header = nifti_header(Endless { start, then, read: &mut read });
    (header.unwrap().unwrap_err(), read)
}

#[test]
fn only_the_header_is_read() {
    // A header of gzip with an endless name.
    let (why, read) = endless(b"\x1f\x8b\x08\x08\0\0\0\0\0\xff", b'a');
    assert_eq!(why, "it cannot be unpacked");
    assert_eq!(read, limits::PACKED_HEADER_BYTES_MAX);
    let (why, read) = endless(&[0], 0);
    assert_eq!(why, "it starts with other bytes");
    assert!(read <= limits::PACKED_HEADER_BYTES_MAX, "{read}");
    // A decompression bomb: only the header is ever unpacked.
    let bomb = gzip(&vec![0; 50_000_000]);
    let header = nifti_header(bomb.as_slice()).unwrap();
    assert_eq!(header.unwrap_err(), "it starts with other bytes");
    let mut read = 0;
    let endless = Endless { start: b"", then: 0, read: &mut read };
    assert!(png_header(endless).unwrap().is_err());
    assert!(read <= 64, "{read}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_break_a_check(bytes in prop::collection::vec(any::<u8>(), 0..400), packed: bool) {
        let bytes = if packed { gzip(&bytes) } else { bytes };
        let grids = [
            check("{case}.x", OutputFormat::Png(grid("{case}/frames/0.png"))),
            check("{case}.x", OutputFormat::Nifti(grid("{case}.nii.gz"))),
        ];
        let others = [table("{case}.x"), OutputCheck { files: pattern("{case}.x"), ..keyed() }];
        let mut run = Run::new(check("{case}.x", OutputFormat::Png(grid("{case}/frames/0.png"))))
            .with("v1.x", &bytes);
        run.content.checks = grids.into_iter().chain(others).collect();
        prop_assert!(run_checks(&run.content).is_ok());
    }
}
