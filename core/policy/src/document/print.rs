//! Effective values and where they come from.

use std::fmt::Write;

use serde_json::Value;
use tollgate_config::Path;

use super::Document;
use crate::policy::Policy;

impl Document {
    /// Lists every effective value with its file and line, and the defaults.
    #[must_use]
    pub fn print(&self) -> String {
        let mut lines = Vec::new();
        self.leaves(&self.value, &Path::default(), &mut lines);
        for (path, value) in self.defaults() {
            if !self.has(&path) {
                lines.push((path, value, "default".to_owned()));
            }
        }
        lines.sort();
        let width = lines.iter().map(|(path, value, _)| path.to_string().len() + value.len() + 2).max().unwrap_or(0);
        let mut text = String::new();
        for (path, value, origin) in lines {
            let setting = format!("{path}: {value}");
            let _ = writeln!(text, "{setting:width$}  # {origin}", width = width.min(80));
        }
        text
    }

    fn leaves(&self, value: &Value, path: &Path, lines: &mut Vec<(Path, String, String)>) {
        match value {
            Value::Object(members) if !members.is_empty() => {
                for (key, member) in members {
                    self.leaves(member, &path.key(key), lines);
                }
            }
            Value::Array(elements) if elements.iter().any(|element| element.is_object() || element.is_array()) => {
                for (index, element) in elements.iter().enumerate() {
                    self.leaves(element, &path.index(index), lines);
                }
            }
            leaf => {
                let (file, position) = self.place(path);
                lines.push((path.clone(), leaf.to_string(), format!("{file}:{}", position.line)));
            }
        }
    }

    fn has(&self, path: &Path) -> bool {
        let steps: Vec<String> = path
            .0
            .iter()
            .map(|step| match step {
                crate::Step::Key(key) => key.replace('~', "~0").replace('/', "~1"),
                crate::Step::Index(index) => index.to_string(),
            })
            .collect();
        self.value.pointer(&format!("/{}", steps.join("/"))).is_some()
    }

    /// Returns the defaults of scalar settings.
    fn defaults(&self) -> Vec<(Path, String)> {
        let Policy { limits, quota, .. } = Policy::default();
        let word = |value: &dyn std::fmt::Debug| format!("{:?}", format!("{value:?}").to_lowercase());
        let (limit, setting) = (Path::part("limits"), Path::part("quota"));
        vec![
            (Path::part("mode"), "\"enforce\"".to_owned()),
            (limit.key("max_request_bytes"), limits.max_request_bytes.to_string()),
            (limit.key("max_response_bytes"), limits.max_response_bytes.to_string()),
            (limit.key("max_event_bytes"), self.default_event_bytes().to_string()),
            (limit.key("max_held_bytes"), limits.max_held_bytes.to_string()),
            (limit.key("on_unscannable"), word(&limits.on_unscannable)),
            (limit.key("on_textless_answer"), word(&limits.on_textless_answer)),
            (limit.key("on_unknown_path"), word(&limits.on_unknown_path)),
            (limit.key("on_unread_path"), word(&limits.on_unread_path)),
            (setting.key("namespace"), format!("{:?}", quota.namespace)),
            (setting.key("lease"), format!("\"{}\"", quota.lease)),
            (setting.key("max_consumers"), quota.max_consumers.to_string()),
            (setting.key("overflow"), word(&quota.overflow)),
            (setting.key("assumed_output_tokens"), quota.assumed_output_tokens.to_string()),
            (setting.key("output_cap"), word(&quota.output_cap)),
            (setting.key("on_unavailable"), word(&quota.on_unavailable)),
        ]
    }
}
