//! Versions of Envoy, and the parts of a policy that need a newer one.

use std::fmt;
use std::str::FromStr;

use tollgate_inspect::RuleSet;
use tollgate_policy::{CompiledPolicy, Finding, Key, Path};

/// Code of findings about a policy that needs a newer Envoy.
const CODE: &str = "envoy-version";
/// Oldest release line that Tollgate runs in.
const OLDEST: EnvoyVersion = EnvoyVersion::new(1, 36, 0);
/// Oldest release line with a prefix of credentials (`header_value_prefix`).
const KEY_PREFIX: EnvoyVersion = EnvoyVersion::new(1, 37, 0);
/// First releases, by line, that keep the whole body of a request that a filter holds until a service has answered.
const GUARDS: [EnvoyVersion; 4] = [
    EnvoyVersion::new(1, 36, 10),
    EnvoyVersion::new(1, 37, 6),
    EnvoyVersion::new(1, 38, 4),
    EnvoyVersion::new(1, 39, 1),
];

/// Version of Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EnvoyVersion {
    major: u16,
    minor: u16,
    patch: u16,
}

impl EnvoyVersion {
    const fn new(major: u16, minor: u16, patch: u16) -> EnvoyVersion {
        EnvoyVersion { major, minor, patch }
    }

    const fn line(self) -> (u16, u16) {
        (self.major, self.minor)
    }

    /// Returns the first release that guards work in: of this version's line if that has one, else of the oldest line.
    /// Lines after the listed ones work as a whole.
    fn needed_for_guards(self) -> EnvoyVersion {
        let [oldest, .., newest] = GUARDS;
        let own = GUARDS.into_iter().find(|first| first.line() == self.line());
        own.unwrap_or(if self.line() > newest.line() { self } else { oldest })
    }

    /// Returns errors for the parts of a policy that need a newer Envoy than this.
    #[must_use]
    pub fn findings(self, policy: &CompiledPolicy) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self < OLDEST {
            let message = format!("Tollgate needs Envoy {OLDEST} or newer, not {self}");
            findings.push(Finding::error(CODE, Path::default(), message).with_help("upgrade Envoy"));
        }
        let needed = self.needed_for_guards();
        let none = RuleSet::new();
        let guards = policy.firewall.iter().flat_map(|firewall| firewall.guards(&none));
        for (index, (_, guard)) in guards.enumerate().filter(|_| self < needed) {
            let message = format!(
                "the guard `{}` needs Envoy {needed} or newer: {self} may lose parts of a request that waits for a guard",
                guard.name()
            );
            let path = Path::part("firewall").key("guards").index(index).key("name");
            findings.push(Finding::error(CODE, path, message).with_help(format!(
                "upgrade Envoy to {needed} or remove the guard; the first releases that work are {}",
                GUARDS.map(|first| first.to_string()).join(", ")
            )));
        }
        let has_prefix = |key: &Key| !key.prefix.is_empty();
        let prefixed = policy.providers.iter().filter(|(_, provider)| provider.key.as_ref().is_some_and(has_prefix));
        for (name, _) in prefixed.filter(|_| self < KEY_PREFIX) {
            let message = format!("the prefix of the key needs Envoy {KEY_PREFIX} or newer, not {self}");
            let path = Path::part("providers").key(name).key("key");
            let help = "upgrade Envoy, or set `prefix: \"\"` and put the prefix in front of the secret";
            findings.push(Finding::error(CODE, path, message).with_help(help));
        }
        findings
    }
}

/// Returns the oldest versions of Envoy that run a configuration with these parts, one per release line that needs a certain release.
pub(crate) fn oldest(is_prefixed: bool, has_guards: bool) -> String {
    let line = if is_prefixed { KEY_PREFIX } else { OLDEST };
    if !has_guards {
        return format!("{}.{}", line.major, line.minor);
    }
    let releases: Vec<String> = GUARDS.iter().filter(|first| **first >= line).map(EnvoyVersion::to_string).collect();
    releases.join(", ")
}

impl fmt::Display for EnvoyVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for EnvoyVersion {
    type Err = String;

    /// Parses `1.36.10`, `v1.36.10` (a tag of an image) or `1.36.10-dev`.
    fn from_str(text: &str) -> Result<EnvoyVersion, String> {
        let number = text.strip_prefix('v').unwrap_or(text);
        let number = number.split_once('-').map_or(number, |(number, _)| number);
        let parts: Option<Vec<u16>> = number.split('.').map(|part| part.parse().ok()).collect();
        match parts.as_deref() {
            Some(&[major, minor, patch]) => Ok(EnvoyVersion { major, minor, patch }),
            _ => Err("expected a version of Envoy with three numbers, such as 1.36.10".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tollgate_policy::document::{Document, Located};

    use super::*;

    fn lines(policy: &str, version: &str) -> Vec<String> {
        let document = Document::parse("p.yaml", policy);
        let policy = document.compile().unwrap();
        let found = document.locate(version.parse::<EnvoyVersion>().unwrap().findings(&policy));
        found.iter().map(Located::line).collect()
    }

    #[test]
    fn guards_need_a_fixed_release_of_their_line() {
        let policy = "version: 1\nfirewall:\n  guards:\n  - {name: a, kind: openai-moderation, cluster: c, authority: x, action: log}\n  \
                      - {name: b, kind: openai-moderation, cluster: c, authority: x, action: log}\n";
        for (version, needed) in [
            ("1.36.0", Some("1.36.10")),
            ("1.36.9", Some("1.36.10")),
            ("1.36.10", None),
            ("1.36.11", None),
            ("1.37.5", Some("1.37.6")),
            ("1.37.6", None),
            ("1.38.3", Some("1.38.4")),
            ("1.38.4", None),
            ("1.39.0", Some("1.39.1")),
            ("v1.39.0-dev", Some("1.39.1")),
            ("1.39.1", None),
            ("1.40.0", None),
            ("2.0.0", None),
        ] {
            let found = lines(policy, version);
            let number = version.trim_start_matches('v').trim_end_matches("-dev");
            let line = |(name, line): (&str, u32)| {
                let needed = needed?;
                Some(format!(
                    "p.yaml:{line}:12: error[envoy-version]: the guard `{name}` needs Envoy {needed} or newer: {number} may lose \
                     parts of a request that waits for a guard"
                ))
            };
            assert_eq!(found, [("a", 4), ("b", 5)].into_iter().filter_map(line).collect::<Vec<_>>(), "{version}");
            assert_eq!(lines("version: 1\nfirewall: {rules: []}\n", version), [""; 0], "{version}");
        }
        let old = lines(policy, "1.35.20");
        assert!(old.len() == 3 && old[0].contains("Tollgate needs Envoy 1.36.0"), "{old:?}");
        assert!(old[1].contains("`a` needs Envoy 1.36.10 or newer"), "{old:?}");
    }

    #[test]
    fn oldest_versions_by_the_parts_of_a_configuration() {
        for (is_prefixed, has_guards, versions) in [
            (false, false, "1.36"),
            (true, false, "1.37"),
            (false, true, "1.36.10, 1.37.6, 1.38.4, 1.39.1"),
            (true, true, "1.37.6, 1.38.4, 1.39.1"),
        ] {
            assert_eq!(oldest(is_prefixed, has_guards), versions);
        }
    }

    #[test]
    fn a_prefix_of_a_key_needs_1_37() {
        for (prefix, version, count) in [("", "1.36.10", 0), ("Bearer ", "1.36.10", 1), ("Bearer ", "1.37.0", 0)] {
            let policy = format!(
                "version: 1\nmodels: {{m: {{route: p}}}}\nproviders: {{p: {{address: 'h:443', key: {{env: KEY, prefix: '{prefix}'}}}}}}\n"
            );
            assert_eq!(lines(&policy, version).len(), count, "`{prefix}` {version}");
        }
    }

    #[test]
    fn versions_have_three_numbers() {
        for (text, is_version) in [
            ("1.36.10", true),
            ("v1.40.0", true),
            ("1.40.1-dev", true),
            ("1.36", false),
            ("1", false),
            ("", false),
            ("1.36.x", false),
            ("1.36.10.1", false),
            ("1.99999.0", false),
            ("envoy.yaml", false),
        ] {
            assert_eq!(text.parse::<EnvoyVersion>().is_ok(), is_version, "{text}");
        }
    }
}
