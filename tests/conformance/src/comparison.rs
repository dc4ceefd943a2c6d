//! Compares the host with the recorded traces.

use std::fmt;
use std::path::Path;

use tollgate_envoy_harness::{Error, Result};

use crate::allowed::{self, Allowed, difference};
use crate::golden::Golden;
use crate::host::{self, Probe};
use crate::scenario::Theme;
use crate::{ALLOWED, GOLDENS, SCENARIOS, module};

/// Result of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Number of compared scenarios.
    pub scenarios: usize,
    /// Number of differences that are in the list.
    pub allowed: usize,
    /// Differences that are not in the list, by scenario.
    pub differing: Vec<(String, String)>,
    /// Entries of the list that do not match, with the actual difference.
    pub stale: Vec<(String, String)>,
}

impl Comparison {
    /// Compares all scenarios whose names (`theme/setup/scenario`) begin with `only`.
    pub fn run(only: Option<&str>) -> Result<Comparison> {
        let probe = Probe::load(&module()?)?;
        let allowed = allowed::read(Path::new(ALLOWED))?;
        let mut comparison = Comparison::default();
        let mut met = Vec::new();
        for theme in Theme::all(Path::new(SCENARIOS))? {
            let golden = Golden::read(Path::new(GOLDENS), &theme.name)?;
            let newest = golden.newest().ok_or_else(|| Error::new(format!("{} was never recorded", theme.name)))?;
            for setup in &theme.setups {
                let wanted = |name: &String| only.is_none_or(|only| name.starts_with(only));
                let names: Vec<String> =
                    setup.names().iter().map(|name| format!("{}/{}/{name}", theme.name, setup.name)).collect();
                if !names.iter().any(wanted) {
                    continue;
                }
                let traces = match host::run(&probe, setup) {
                    Ok(recorded) => recorded,
                    Err(error) => {
                        comparison.differing.push((format!("{}/{}", theme.name, setup.name), format!("{error}\n")));
                        continue;
                    }
                };
                for one in traces {
                    let short = format!("{}/{}", setup.name, one.scenario);
                    let name = format!("{}/{short}", theme.name);
                    let recorded = newest.get(&short).map(Vec::as_slice).unwrap_or_default();
                    comparison.count(&name, difference(recorded, &one.lines), allowed.get(&name));
                    met.push(name);
                }
            }
        }
        if only.is_none() {
            let unknown = allowed.keys().filter(|name| !met.contains(name));
            comparison.stale.extend(unknown.map(|name| (name.clone(), "there is no such scenario\n".into())));
        }
        Ok(comparison)
    }

    /// Counts a scenario by the difference that was found and the entry of the list.
    fn count(&mut self, name: &str, found: String, listed: Option<&Allowed>) {
        self.scenarios += 1;
        match listed {
            None if found.is_empty() => {}
            None => self.differing.push((name.to_owned(), found)),
            Some(listed) if listed.difference.trim() == found.trim() => self.allowed += 1,
            Some(_) => self.stale.push((name.to_owned(), found)),
        }
    }

    /// Returns `true` if all differences are allowed.
    pub fn is_clean(&self) -> bool {
        self.differing.is_empty() && self.stale.is_empty()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, found) in &self.differing {
            writeln!(f, "{name} differs (- Envoy, + host):\n{found}")?;
        }
        for (name, found) in &self.stale {
            let what = if found.is_empty() { "there is no difference\n" } else { found };
            writeln!(f, "{name} is in allowed.yaml, but:\n{what}")?;
        }
        write!(
            f,
            "{} scenarios, {} allowed differences, {} others, {} entries that do not match",
            self.scenarios,
            self.allowed,
            self.differing.len(),
            self.stale.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_must_match_the_difference() {
        let listed = Allowed { scenario: "t/s/n".into(), reason: "why".into(), difference: "- a\n+ b".into() };
        for (found, listed, expected) in [
            ("", None, (0, 0, 0)),
            ("- a\n+ b\n", None, (0, 1, 0)),
            ("- a\n+ b\n", Some(&listed), (1, 0, 0)),
            ("- a\n+ c\n", Some(&listed), (0, 0, 1)),
            ("", Some(&listed), (0, 0, 1)),
        ] {
            let mut comparison = Comparison::default();
            comparison.count("t/s/n", found.into(), listed);
            let counts = (comparison.allowed, comparison.differing.len(), comparison.stale.len());
            assert_eq!(counts, expected, "{found:?}");
            assert_eq!(comparison.is_clean(), expected.1 + expected.2 == 0);
        }
    }
}
