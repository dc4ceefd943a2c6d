//! Report of `tollgate check`: the findings of policy files.

use std::fmt::Write;

use serde_json::{Value, json};
use tollgate_policy::document::{Document, Located};
use tollgate_policy::{CODES, Path, Severity};

use crate::args::FindingsFormat;
use crate::problem::Problem;

use super::{github, owasp_tags, sarif};

/// Checked policy file.
#[derive(Clone, Debug)]
pub struct CheckedFile {
    /// The file and the files that it includes.
    pub document: Document,
    /// Findings in the order of the file.
    pub findings: Vec<Located>,
}

/// Result of checking policy files.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    /// Files that could be read.
    pub files: Vec<CheckedFile>,
    /// Files that could not be read.
    pub problems: Vec<Problem>,
}

impl Checks {
    /// Returns 0 if there is no error, 1 if there is one, and 2 if a file cannot be read.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if self.problems.is_empty() { u8::from(self.count(Severity::Error) > 0) } else { 2 }
    }

    fn findings(&self) -> impl Iterator<Item = &Located> {
        self.files.iter().flat_map(|file| &file.findings)
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings().filter(|located| located.finding.severity == severity).count()
    }

    /// Renders the report in a format.
    #[must_use]
    pub fn render(&self, format: FindingsFormat) -> String {
        match format {
            FindingsFormat::Pretty => self.pretty(),
            FindingsFormat::Json => self.json(),
            FindingsFormat::Github => self.github(),
            FindingsFormat::Sarif => self.sarif(),
        }
    }

    fn pretty(&self) -> String {
        let mut text = String::new();
        for problem in &self.problems {
            let _ = writeln!(text, "error: {problem}");
        }
        for file in &self.files {
            for located in &file.findings {
                let _ = writeln!(text, "{}", file.document.show(located));
            }
        }
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        if self.problems.is_empty() {
            let _ = writeln!(text, "{}, {}", counted(errors, "error"), counted(warnings, "warning"));
        }
        text
    }

    fn json(&self) -> String {
        let finding = |located: &Located| {
            json!({
                "file": located.file,
                "line": located.position.line,
                "column": located.position.column,
                "length": located.position.length,
                "code": located.finding.code,
                "severity": located.finding.severity.name(),
                "path": located.finding.path.to_string(),
                "message": located.finding.message,
                "help": located.finding.help,
            })
        };
        let problem = |problem: &Problem| json!({"file": problem.file, "line": problem.line, "column": problem.column, "message": problem.message});
        let document = json!({
            "version": 1,
            "errors": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "findings": self.findings().map(finding).collect::<Vec<_>>(),
            "problems": self.problems.iter().map(problem).collect::<Vec<_>>(),
        });
        format!("{document:#}\n")
    }

    fn github(&self) -> String {
        let mut text = String::new();
        for problem in &self.problems {
            let place = github::Place { file: problem.file.as_deref(), line: problem.line, column: problem.column };
            github::annotate(&mut text, "error", place, "tollgate check", &problem.message);
        }
        for located in self.findings() {
            let place = github::Place {
                file: Some(located.file.as_ref()),
                line: located.position.line as u64,
                column: located.position.column as u64,
            };
            github::annotate(
                &mut text,
                located.finding.severity.name(),
                place,
                located.finding.code,
                &message(located),
            );
        }
        text
    }

    fn sarif(&self) -> String {
        let mut results = Vec::new();
        for problem in &self.problems {
            let place = sarif::place(problem.file.as_deref(), problem.line, problem.column);
            results.push(sarif::result("bad-input", "error", &problem.message, place));
        }
        let findings = self.files.iter().flat_map(|file| file.findings.iter().map(move |located| (file, located)));
        for (file, located) in findings {
            let tags = tags(&file.document, &located.finding.path);
            let (line, column) = (located.position.line as u64, located.position.column as u64);
            let place = sarif::place(Some(located.file.as_ref()), line, column);
            let level = located.finding.severity.name();
            let mut result = sarif::result(located.finding.code, level, &message(located), place);
            sarif::add_tags(&mut result, &tags);
            results.push(result);
        }
        let mut rules = vec![sarif::rule("bad-input", "An input file cannot be read.")];
        rules.extend(CODES.iter().map(|code| sarif::rule(code.code, code.summary)));
        sarif::document("tollgate check", &Value::Array(rules), &Value::Array(results))
    }
}

/// Returns the tags of the firewall rule that a finding is about.
fn tags(document: &Document, path: &Path) -> Vec<String> {
    let text = path.to_string();
    let index = text.strip_prefix("firewall.rules[").and_then(|rest| rest.split_once(']')).map(|(index, _)| index);
    let Some((index, firewall)) = index.zip(document.value().get("firewall")) else { return Vec::new() };
    let rule = firewall.pointer(&format!("/rules/{index}"));
    rule.map(|rule| owasp_tags::of_rule(firewall, rule)).unwrap_or_default()
}

/// Returns message and advice in one line.
fn message(located: &Located) -> String {
    match &located.finding.help {
        Some(help) => format!("{} ({help})", located.finding.message),
        None => located.finding.message.clone(),
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(text: &str) -> Checks {
        let document = Document::parse("dir/a,b.yaml", text);
        let findings = match document.compile() {
            Ok(policy) => document.locate(policy.warnings),
            Err(findings) => findings,
        };
        Checks { files: vec![CheckedFile { document, findings }], problems: Vec::new() }
    }

    #[test]
    fn every_format_has_the_place_and_the_code() {
        let checks = checks("version: 1\nmode: enforced\n");
        assert_eq!(checks.exit_code(), 1);
        let pretty = checks.render(FindingsFormat::Pretty);
        assert!(
            pretty.starts_with("dir/a,b.yaml:2:7: error[unknown-value]: unknown mode")
                && pretty.ends_with("\n1 error, 0 warnings\n")
        );
        assert!(checks.render(FindingsFormat::Github).starts_with(
            "::error file=dir/a%2Cb.yaml,line=2,col=7,title=unknown-value::unknown mode `enforced`; one of enforce, audit (did"
        ));
        let json: Value = serde_json::from_str(&checks.render(FindingsFormat::Json)).unwrap();
        assert_eq!((&json["findings"][0]["column"], &json["findings"][0]["path"]), (&json!(7), &json!("mode")));
        let sarif: Value = serde_json::from_str(&checks.render(FindingsFormat::Sarif)).unwrap();
        assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "unknown-value");
        assert_eq!(sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"], 2);
    }

    #[test]
    fn sarif_tags_findings_about_a_rule_with_its_risks() {
        let rule = |owasp: &str| {
            format!(
                "version: 1\nfirewall: {{rules: [{{id: a, {owasp}match: {{regex: 'k-[a-z]+'}}, action: redact}}]}}\n"
            )
        };
        for (text, tags) in [
            (rule(""), json!(null)),
            (rule("owasp: [LLM01:2025, LLM07:2025], "), json!(["owasp-llm-01", "owasp-llm-07"])),
            ("version: 1\nmode: enforced\nfirewall: {owasp: LLM01:2025}\n".to_owned(), json!(null)),
        ] {
            let sarif: Value = serde_json::from_str(&checks(&text).render(FindingsFormat::Sarif)).unwrap();
            let results = sarif["runs"][0]["results"].as_array().unwrap();
            assert_eq!((results.len(), &results[0]["properties"]["tags"]), (1, &tags), "{text}: {results:?}");
        }
    }

    #[test]
    fn the_exit_code_distinguishes_errors_warnings_and_unreadable_files() {
        assert_eq!(checks("version: 1\n").exit_code(), 0);
        let warning = checks("version: 1\nmodels: {a: {route: x}, \"*\": {route: x}}\n");
        assert_eq!((warning.exit_code(), warning.count(Severity::Warning)), (0, 1));
        let unreadable = Checks { problems: vec![Problem::new("cannot read")], ..Checks::default() };
        assert_eq!(unreadable.exit_code(), 2);
    }
}
