//! Recorded traces: one text per scenario for all Envoys that agree, and separate texts for those that differ.
//!
//! `goldens/<theme>.txt` has the traces of the newest recorded Envoy, a section per scenario; its first line names all
//! recorded Envoys. `goldens/<theme>@<version>.txt` has the sections in which that Envoy differs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tollgate_envoy_harness::{Context, Result};

use crate::trace::Recorded;

/// Traces by scenario, `setup/scenario`.
pub type Traces = BTreeMap<String, Vec<String>>;

/// Traces of a theme, by version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Golden {
    versions: BTreeMap<Version, Traces>,
}

/// Version such as `1.40.0`, in numeric order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(Vec<u32>);

impl Version {
    fn read(text: &str) -> Version {
        Version(text.split('.').map(|part| part.parse().unwrap_or_default()).collect())
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

const RECORDED: &str = "# recorded from Envoy ";
const SECTION: &str = "=== ";

impl Golden {
    /// Reads the traces of a theme; none if it was never recorded.
    pub fn read(directory: &Path, theme: &str) -> Result<Golden> {
        let Ok(text) = fs::read_to_string(base(directory, theme)) else { return Ok(Golden::default()) };
        let (first, rest) = text.split_once('\n').unwrap_or_default();
        let newest = sections(rest);
        let mut golden = Golden::default();
        for version in first.strip_prefix(RECORDED).unwrap_or_default().split_whitespace() {
            let mut traces = newest.clone();
            let path = deviation(directory, theme, &Version::read(version));
            if path.exists() {
                let text = fs::read_to_string(&path).context(|| format!("cannot read {}", path.display()))?;
                for (scenario, lines) in sections(&text) {
                    // A scenario that this Envoy was not recorded with has an empty section.
                    if lines.is_empty() {
                        traces.remove(&scenario)
                    } else {
                        traces.insert(scenario, lines)
                    };
                }
            }
            golden.versions.insert(Version::read(version), traces);
        }
        Ok(golden)
    }

    /// Returns the traces of the newest recorded Envoy, which the host must reproduce.
    pub fn newest(&self) -> Option<&Traces> {
        self.versions.last_key_value().map(|(_, traces)| traces)
    }

    /// Returns the trace of one Envoy.
    pub fn trace(&self, version: &str, scenario: &str) -> Option<&[String]> {
        self.versions.get(&Version::read(version))?.get(scenario).map(Vec::as_slice)
    }

    /// Replaces all traces of a setup.
    pub fn record(&mut self, version: &str, setup: &str, recorded: Vec<Recorded>) {
        let traces = self.versions.entry(Version::read(version)).or_default();
        traces.retain(|scenario, _| scenario.split('/').next() != Some(setup));
        traces.extend(recorded.into_iter().map(|one| (format!("{setup}/{}", one.scenario), one.lines)));
    }

    /// Writes the files of a theme, with the scenarios in the order of `order`; others are dropped.
    pub fn write(&self, directory: &Path, theme: &str, order: &[String]) -> Result<()> {
        let Some(newest) = self.newest() else { return Ok(()) };
        let versions: Vec<String> = self.versions.keys().map(Version::to_string).collect();
        let mut text = format!("{RECORDED}{}\n", versions.join(" "));
        for scenario in order {
            if let Some(lines) = newest.get(scenario) {
                text.push_str(&section(scenario, lines));
            }
        }
        fs::create_dir_all(directory).context(|| format!("cannot create {}", directory.display()))?;
        let path = base(directory, theme);
        fs::write(&path, text).context(|| format!("cannot write {}", path.display()))?;
        for (version, traces) in &self.versions {
            let mut text = String::new();
            for scenario in order {
                let (newest, own) = (newest.get(scenario), traces.get(scenario));
                if newest != own {
                    text.push_str(&section(scenario, own.map(Vec::as_slice).unwrap_or_default()));
                }
            }
            let path = deviation(directory, theme, version);
            if !text.is_empty() {
                fs::write(&path, text).context(|| format!("cannot write {}", path.display()))?;
            } else if path.exists() {
                fs::remove_file(&path).context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(())
    }
}

fn base(directory: &Path, theme: &str) -> PathBuf {
    directory.join(format!("{theme}.txt"))
}

fn deviation(directory: &Path, theme: &str, version: &Version) -> PathBuf {
    directory.join(format!("{theme}@{version}.txt"))
}

fn section(scenario: &str, lines: &[String]) -> String {
    let mut text = format!("{SECTION}{scenario}\n");
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// Parses the sections of a file, or of a part of it.
pub fn sections(text: &str) -> Traces {
    let mut traces = Traces::new();
    let mut current: Option<&mut Vec<String>> = None;
    for line in text.lines() {
        match line.strip_prefix(SECTION) {
            Some(scenario) => current = Some(traces.entry(scenario.to_owned()).or_default()),
            None => {
                if let Some(lines) = current.as_deref_mut() {
                    lines.push(line.to_owned());
                }
            }
        }
    }
    traces
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_envoy_harness::scratch::Scratch;

    fn recorded(scenario: &str, line: &str) -> Recorded {
        Recorded { scenario: scenario.into(), lines: vec![line.into()] }
    }

    #[test]
    fn equal_traces_are_written_once() {
        let scratch = Scratch::new("golden").unwrap();
        let order = ["s/one".to_owned(), "s/two".to_owned()];
        let mut golden = Golden::default();
        golden.record("1.40.0", "s", vec![recorded("one", "a"), recorded("two", "b"), recorded("removed", "x")]);
        golden.record("1.36.4", "s", vec![recorded("one", "a"), recorded("two", "c")]);
        golden.record("1.9.0", "s", vec![recorded("one", "a"), recorded("two", "b")]);
        golden.write(scratch.path(), "t", &order).unwrap();
        let read = |name: &str| fs::read_to_string(scratch.path().join(name)).unwrap();
        assert_eq!(read("t.txt"), "# recorded from Envoy 1.9.0 1.36.4 1.40.0\n=== s/one\na\n=== s/two\nb\n");
        assert_eq!(read("t@1.36.4.txt"), "=== s/two\nc\n");
        assert!(!scratch.path().join("t@1.9.0.txt").exists());

        let mut again = Golden::read(scratch.path(), "t").unwrap();
        assert_eq!(again.trace("1.36.4", "s/two").unwrap(), ["c"]);
        assert_eq!(again.trace("1.9.0", "s/two").unwrap(), ["b"]);
        assert_eq!(again.trace("1.9.0", "s/removed"), None);
        // A new trace of the newest leaves those of the others as they were.
        again.record("1.40.0", "s", vec![recorded("one", "new"), recorded("two", "c")]);
        again.write(scratch.path(), "t", &order).unwrap();
        assert_eq!(read("t@1.36.4.txt"), "=== s/one\na\n");
        assert_eq!(read("t@1.9.0.txt"), "=== s/one\na\n=== s/two\nb\n");
    }
}
