//! `tollgate render`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use crate::args::{FindingsFormat, RenderArgs};
use crate::policy_file;
use crate::render::{Settings, render};
use crate::report::findings::{CheckedFile, Checks};

/// Prints the rendering to standard output, and the findings to standard error. After an error nothing is rendered.
pub(super) fn run(args: &RenderArgs) -> ExitCode {
    let document = match policy_file::load(&args.file, &mut BTreeSet::new()) {
        Ok(document) => document,
        Err(problem) => {
            eprint!("{}", Checks { problems: vec![problem], ..Checks::default() }.render(FindingsFormat::Pretty));
            return ExitCode::from(2);
        }
    };
    let settings = Settings {
        name: args.file.file_name().unwrap_or(args.file.as_os_str()).display().to_string(),
        listen: args.listen,
        admin: args.admin,
        module: args.module.display().to_string(),
        envoy: args.envoy_version,
    };
    let (text, findings) = match render(args.target, &document, &settings) {
        Ok(rendering) => (rendering.text, rendering.warnings),
        Err(findings) => (String::new(), findings),
    };
    let checks = Checks { files: vec![CheckedFile { document, findings }], problems: Vec::new() };
    if !checks.files.iter().all(|file| file.findings.is_empty()) {
        eprint!("{}", checks.render(FindingsFormat::Pretty));
    }
    match (checks.exit_code(), &args.output) {
        (0, None) => super::print(text.as_bytes()),
        (0, Some(path)) => match replace(path, &text) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {}: {error}", path.display());
                ExitCode::from(2)
            }
        },
        (code, _) => ExitCode::from(code),
    }
}

/// Replaces a file by one that was written completely, so that an Envoy that watches it never reads a part.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    fs::write(&new, text)?;
    fs::rename(&new, path)
}
