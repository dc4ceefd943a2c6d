//! Policy files with positions: YAML, and JSON as a part of it.

mod include;
mod marks;
mod packs;
mod parse;
mod print;
mod scalar;
mod show;

use serde_json::Value;
use tollgate_config::{Finding, Path};
use tollgate_llm::StreamLimits;

use crate::compiled::CompiledPolicy;

pub use marks::Position;

use marks::Marks;

/// Policy file, together with the files that it includes.
#[derive(Clone, Debug)]
pub struct Document {
    sources: Vec<Source>,
    value: Value,
    marks: Marks,
    /// Errors of the syntax and of included files.
    findings: Vec<Located>,
}

/// File of a document.
#[derive(Clone, Debug)]
struct Source {
    name: String,
    text: String,
}

/// Finding with its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Finding.
    pub finding: Finding,
    /// Name of the file.
    pub file: String,
    /// Position in the file.
    pub position: Position,
}

impl Document {
    /// Parses a file. Syntax errors are findings of [`compile`](Document::compile).
    #[must_use]
    pub fn parse(name: &str, text: &str) -> Document {
        let sources = vec![Source { name: name.to_owned(), text: text.to_owned() }];
        let parsed = parse::parse(text);
        let mut document = Document { sources, value: parsed.value, marks: parsed.marks, findings: Vec::new() };
        for (finding, position) in parsed.findings {
            document.findings.push(Located { finding, file: name.to_owned(), position });
        }
        document
    }

    /// Returns the value of the document.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Returns the errors of the syntax and of included files.
    #[must_use]
    pub fn errors(&self) -> &[Located] {
        &self.findings
    }

    /// Compiles the policy.
    ///
    /// # Errors
    /// All errors and warnings with their positions, in the order of the files, if there is an error.
    pub fn compile(&self) -> Result<CompiledPolicy, Vec<Located>> {
        let (policy, mut located) = match CompiledPolicy::from_value(&self.value) {
            Ok(policy) => (Some(policy), Vec::new()),
            Err(findings) => (None, self.locate(findings)),
        };
        match policy {
            Some(policy) if self.findings.is_empty() => Ok(policy),
            policy => {
                located.extend(policy.map(|policy| self.locate(policy.warnings)).unwrap_or_default());
                // After a syntax error most of the file is missing, so nothing that is missing says anything.
                located.retain(|_| !self.is_cut());
                located.extend(self.findings.iter().cloned());
                located.sort_by_key(|located| (self.order(&located.file), located.position));
                Err(located)
            }
        }
    }

    /// Returns findings with their positions, in the order of the files.
    #[must_use]
    pub fn locate(&self, findings: Vec<Finding>) -> Vec<Located> {
        let locate = |finding: Finding| {
            let position = self.marks.position(&finding.path, finding.at_key);
            Located { file: self.file(position).to_owned(), finding, position }
        };
        let mut located: Vec<Located> = findings.into_iter().map(locate).collect();
        located.sort_by_key(|located| (self.order(&located.file), located.position));
        located
    }

    /// Returns the file and the position of the value at a path.
    #[must_use]
    pub fn place(&self, path: &Path) -> (&str, Position) {
        let position = self.marks.position(path, false);
        (self.file(position), position)
    }

    /// Returns the default of `limits.max_event_bytes`: an event may have the size of a response.
    fn default_event_bytes(&self) -> Value {
        let response = self.value.pointer("/limits/max_response_bytes").cloned();
        response.unwrap_or_else(|| StreamLimits::default().event_bytes().into())
    }

    fn file(&self, position: Position) -> &str {
        self.sources.get(position.source).map_or("", |source| &source.name)
    }

    fn order(&self, file: &str) -> usize {
        self.sources.iter().position(|source| source.name == file).unwrap_or(usize::MAX)
    }

    /// Returns `true` if a syntax error has ended the parser.
    fn is_cut(&self) -> bool {
        self.findings.iter().any(|located| located.finding.code == "syntax")
    }
}

#[cfg(test)]
mod tests;
