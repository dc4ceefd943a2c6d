//! The policy as the filter gets it: with all included files, without what the filter does not need.

use serde_json::Value;
use tollgate_inspect::RawExamples;
use tollgate_policy::document::Document;
use tollgate_policy::{Finding, Path, Step};

use super::{in_file_order, refusal};
use crate::yaml::Node;

/// Size above which the policy is reported: every worker parses it, and every update by xDS carries it.
const LARGE_BYTES: usize = 256 << 10;

/// Largest whole number that Envoy passes exactly, as a double.
const LARGEST_EXACT: u64 = 1 << 53;

/// Policy without the addresses and keys of `providers`, and without the
/// descriptions of rules and their examples, which are tests.
pub(super) struct InlinedPolicy {
    node: Node,
}

impl InlinedPolicy {
    pub(super) fn of(document: &Document, findings: &mut Vec<Finding>) -> InlinedPolicy {
        let node = node(document, &Path::default(), document.value(), &mut |path, leaf| {
            if leaf.as_u64().is_some_and(|number| number > LARGEST_EXACT) {
                let message = format!("the number is above {LARGEST_EXACT}, the largest that Envoy passes exactly");
                findings.push(refusal(path.clone(), message));
            }
        });
        let inlined = InlinedPolicy { node };
        let size = inlined.json_bytes();
        if size > LARGE_BYTES {
            let message = format!("the policy has {} KiB in Envoy's configuration", size.div_ceil(1 << 10));
            let finding = Finding::warning("large-policy", Path::default(), message);
            findings.push(finding.with_help("every worker parses it when it starts, and every update carries it"));
        }
        inlined
    }

    /// Returns the policy as YAML, in lines of at most `width` characters if possible.
    pub(super) fn yaml(&self, width: usize) -> String {
        self.node.lines(width).join("\n")
    }

    /// Returns the size of the JSON that Envoy passes to the filter.
    fn json_bytes(&self) -> usize {
        json(&self.node).to_string().len()
    }
}

/// Copies the values that the filter reads, in the order of the file, and visits every scalar.
fn node(document: &Document, path: &Path, value: &Value, visit: &mut impl FnMut(&Path, &Value)) -> Node {
    match value {
        Value::Object(members) => {
            let mut kept = Vec::new();
            for (key, member) in in_file_order(document, path, members) {
                let below = path.key(key);
                if !is_omitted(&below) {
                    kept.push((key.to_owned(), node(document, &below, member, visit)));
                }
            }
            Node::Map(kept)
        }
        Value::Array(elements) => {
            let element = |(at, element): (usize, &Value)| node(document, &path.index(at), element, visit);
            Node::List(elements.iter().enumerate().map(element).collect())
        }
        scalar => {
            visit(path, scalar);
            Node::Scalar(scalar.clone())
        }
    }
}

/// Returns `true` for `providers`, `firewall.paranoia`, ids of OWASP, and the examples and descriptions of `firewall.rules`.
fn is_omitted(path: &Path) -> bool {
    let key = |step: &Step, name: &str| matches!(step, Step::Key(key) if key == name);
    match path.0.as_slice() {
        [part] => key(part, "providers"),
        [part, field] => key(part, "firewall") && (key(field, "paranoia") || key(field, "owasp")),
        [part, list, Step::Index(_), field] => {
            let is_text = key(field, "description")
                || key(field, "owasp")
                || RawExamples::KEYS.iter().any(|name| key(field, name));
            key(part, "firewall") && key(list, "rules") && is_text
        }
        _ => false,
    }
}

fn json(node: &Node) -> Value {
    match node {
        Node::Scalar(value) => value.clone(),
        Node::List(elements) => elements.iter().map(json).collect(),
        Node::Map(members) => Value::Object(members.iter().map(|(key, member)| (key.clone(), json(member))).collect()),
    }
}
