//! `tollgate render`.

use std::collections::BTreeSet;
use std::process::ExitCode;

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
    };
    let (text, findings) = match render(args.target, &document, &settings) {
        Ok(rendering) => (rendering.text, rendering.warnings),
        Err(findings) => (String::new(), findings),
    };
    let checks = Checks { files: vec![CheckedFile { document, findings }], problems: Vec::new() };
    if !checks.files.iter().all(|file| file.findings.is_empty()) {
        eprint!("{}", checks.render(FindingsFormat::Pretty));
    }
    match checks.exit_code() {
        0 => super::print(text.as_bytes()),
        code => ExitCode::from(code),
    }
}
