//! Rules of a gitleaks configuration, as far as the firewall can express them.

/// Rule of a gitleaks configuration.
#[derive(Debug, Default)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) regex: String,
    pub(crate) keywords: Vec<String>,
}

/// Lead of many rules, twice in some, which only makes matches longer.
const LAZY_LEAD: &str = r"[\w.-]{0,50}?";

/// Reads ids, expressions and keywords; all other conditions are left out. Leads that only make a match longer are dropped.
pub(crate) fn read(toml: &str) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut in_rule = false;
    let mut in_keywords = false;
    for line in toml.lines() {
        if line.starts_with('[') {
            in_rule = line == "[[rules]]";
            if in_rule {
                rules.push(Rule::default());
            }
        }
        let Some(rule) = rules.last_mut().filter(|_| in_rule) else { continue };
        if let Some(id) = line.strip_prefix("id = ") {
            rule.id = id.trim_matches('"').to_owned();
        } else if let Some(regex) = line.strip_prefix("regex = '''") {
            rule.regex = regex.trim_end_matches("'''").replace(LAZY_LEAD, "");
        } else if line.starts_with("keywords = ") || in_keywords {
            in_keywords = !line.contains(']');
            rule.keywords.extend(line.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
    rules.retain(|rule| !rule.regex.is_empty());
    rules
}
