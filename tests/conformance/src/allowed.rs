//! Differences between the host and Envoy that are accepted, each with its reason.
//!
//! `allowed.yaml` has the scenario, the reason, and the difference itself, line by line. Any other difference fails the
//! comparison, and so does an entry whose difference has disappeared or changed.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tollgate_envoy_harness::{Context, Error, Result};

/// Accepted difference.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    /// Scenario: `theme/setup/scenario`.
    pub scenario: String,
    /// Reason for accepting it.
    pub reason: String,
    /// Difference as [`difference`] prints it.
    pub difference: String,
}

/// Reads the list.
pub fn read(path: &Path) -> Result<BTreeMap<String, Allowed>> {
    let text = std::fs::read_to_string(path).context(|| format!("cannot read {}", path.display()))?;
    let list: Vec<Allowed> = serde_saphyr::from_str(&text).context(|| path.display().to_string())?;
    let mut allowed = BTreeMap::new();
    for one in list {
        if one.reason.trim().is_empty() {
            return Err(Error::new(format!("{}: a difference needs a reason", one.scenario)));
        }
        let scenario = one.scenario.clone();
        if allowed.insert(scenario.clone(), one).is_some() {
            return Err(Error::new(format!("{scenario} is listed twice")));
        }
    }
    Ok(allowed)
}

/// Returns the lines in which two traces differ: `-` those of Envoy, `+` those of the host. Empty if they are the same.
pub fn difference(envoy: &[String], host: &[String]) -> String {
    // The longest common subsequence; traces are short.
    let mut longest = vec![vec![0usize; host.len() + 1]; envoy.len() + 1];
    let at = |longest: &[Vec<usize>], i: usize, j: usize| {
        longest.get(i).and_then(|row| row.get(j)).copied().unwrap_or_default()
    };
    for i in (0..envoy.len()).rev() {
        for j in (0..host.len()).rev() {
            let value = if envoy.get(i) == host.get(j) {
                at(&longest, i + 1, j + 1) + 1
            } else {
                at(&longest, i + 1, j).max(at(&longest, i, j + 1))
            };
            if let Some(cell) = longest.get_mut(i).and_then(|row| row.get_mut(j)) {
                *cell = value;
            }
        }
    }
    let (mut i, mut j, mut text) = (0, 0, String::new());
    loop {
        match (envoy.get(i), host.get(j)) {
            (None, None) => return text,
            (Some(left), Some(right)) if left == right => (i, j) = (i + 1, j + 1),
            (Some(left), right) if right.is_none() || at(&longest, i + 1, j) >= at(&longest, i, j + 1) => {
                text.push_str(&format!("- {left}\n"));
                i += 1;
            }
            (_, Some(right)) => {
                text.push_str(&format!("+ {right}\n"));
                j += 1;
            }
            (Some(_), None) => i += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.chars().map(String::from).collect()
    }

    #[test]
    fn a_difference_is_minimal() {
        for (envoy, host, expected) in [
            ("abc", "abc", ""),
            ("abc", "ac", "- b\n"),
            ("ac", "abc", "+ b\n"),
            ("abc", "axc", "- b\n+ x\n"),
            ("", "a", "+ a\n"),
            ("ab", "", "- a\n- b\n"),
        ] {
            assert_eq!(difference(&lines(envoy), &lines(host)), expected, "{envoy} {host}");
        }
    }
}
