//! Differences between two price lists.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tollgate_prices::source::SourceModel;

/// Models that were added, removed or changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference<'a> {
    /// Models of the new list only.
    pub added: Vec<&'a SourceModel>,
    /// Models of the old list only.
    pub removed: Vec<&'a SourceModel>,
    /// Models of both that differ: the old and the new one.
    pub changed: Vec<(&'a SourceModel, &'a SourceModel)>,
}

/// Compares two lists.
#[must_use]
pub fn difference<'a>(old: &'a [SourceModel], new: &'a [SourceModel]) -> Difference<'a> {
    let old_by_name: BTreeMap<&str, &SourceModel> = old.iter().map(|model| (model.name.as_str(), model)).collect();
    let new_by_name: BTreeMap<&str, &SourceModel> = new.iter().map(|model| (model.name.as_str(), model)).collect();
    let mut difference = Difference::default();
    for (name, model) in &new_by_name {
        match old_by_name.get(name) {
            None => difference.added.push(model),
            Some(before) if before != model => difference.changed.push((before, model)),
            Some(_) => {}
        }
    }
    difference.removed =
        old_by_name.values().filter(|model| !new_by_name.contains_key(model.name.as_str())).copied().collect();
    difference
}

impl Difference<'_> {
    /// Returns the difference as lines: `+` added, `-` removed, `~` changed with the fields that differ.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for model in &self.added {
            let _ = writeln!(text, "+ {}", fields(model).join(" "));
        }
        for model in &self.removed {
            let _ = writeln!(text, "- {}", model.name);
        }
        for (before, after) in &self.changed {
            let (before_fields, after_fields) = (fields(before), fields(after));
            let only = |these: &[String], those: &[String]| {
                let fields: Vec<&str> =
                    these.iter().filter(|field| !those.contains(field)).map(String::as_str).collect();
                if fields.is_empty() { "nothing".to_owned() } else { fields.join(" ") }
            };
            let (old, new) = (only(&before_fields, &after_fields), only(&after_fields, &before_fields));
            let _ = writeln!(text, "~ {}: {old} -> {new}", after.name);
        }
        let counts = (self.added.len(), self.removed.len(), self.changed.len());
        let _ = writeln!(text, "{} added, {} removed, {} changed", counts.0, counts.1, counts.2);
        text
    }
}

fn fields(model: &SourceModel) -> Vec<String> {
    model.to_string().split(['\t', ' ']).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_removed_and_changed_models_are_printed() {
        let models = |lines: &[&str]| -> Vec<SourceModel> {
            lines.iter().map(|line| SourceModel::parse(line).unwrap()).collect()
        };
        let old = models(&["a\tx\tinput=1 output=2", "b\tx\tinput=1 output=2", "c\tx\tinput=1 output=2"]);
        let new = models(&["b\tx\tinput=1 output=2", "c\tx\tinput=1 output=3 max_output=5", "d\ty\tinput=4 output=4"]);
        let difference = difference(&old, &new);
        assert_eq!(
            difference.text(),
            "+ d y input=4 output=4\n- a\n~ c: output=2 -> output=3 max_output=5\n1 added, 1 removed, 1 changed\n"
        );
        assert_eq!(super::difference(&old, &old).text(), "0 added, 0 removed, 0 changed\n");
    }
}
