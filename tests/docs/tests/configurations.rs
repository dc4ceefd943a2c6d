//! Filters accept every configuration on a page.

use serde_json::{Value, json};
use tollgate_kit::{Configuration, Filter};
use tollgate_workspace as workspace;

use crate::page::{Block, Page};

/// Configures a filter; returns its error message.
pub(crate) fn configure(filter: &str, configuration: &Value) -> Result<(), String> {
    fn check<F: Filter>(json: &[u8]) -> Result<(), String> {
        F::configure(&Configuration::new(json)).map(|_| ()).map_err(|error| error.to_string())
    }
    // An empty configuration is valid.
    let configuration = if configuration.is_null() { &json!({}) } else { configuration };
    let json = configuration.to_string();
    match filter {
        "prompt-inspector" => check::<prompt_inspector::PromptInspector>(json.as_bytes()),
        "token-counter" => check::<token_counter::TokenCounter>(json.as_bytes()),
        "cost-quota" => check::<cost_quota::CostQuota>(json.as_bytes()),
        "model-router" => check::<model_router::ModelRouter>(json.as_bytes()),
        "tollgate" => check::<gateway::Gateway>(json.as_bytes()),
        other => Err(format!("there is no filter {other}")),
    }
}

/// Returns the configurations in a block with their filters: the block itself, if it names a filter (after its language, or in
/// a first line such as `# cost-quota: budgets`), otherwise those of all plugins in it.
pub(crate) fn configurations(block: &Block) -> Vec<(String, Value)> {
    if block.language != "yaml" {
        return Vec::new();
    }
    let yaml = block.yaml();
    let comment = block.text.strip_prefix("# ").and_then(|text| text.split_once(':')).map(|(name, _)| name);
    let named = |name: &&str| [Some(block.purpose.as_str()), comment].contains(&Some(*name));
    if let Some(filter) = workspace::FILTERS.into_iter().find(named) {
        return vec![(filter.to_owned(), yaml)];
    }
    let mut found = Vec::new();
    plugins(&yaml, &mut found);
    found
}

/// Collects every plugin with a configuration in a piece of a bootstrap.
fn plugins(value: &Value, found: &mut Vec<(String, Value)>) {
    if let (Some(root_id), Some(configuration)) = (value["root_id"].as_str(), value.pointer("/configuration/value")) {
        found.push((root_id.to_owned(), configuration.clone()));
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| plugins(item, found)),
        Value::Object(members) => members.values().for_each(|member| plugins(member, found)),
        _ => {}
    }
}

/// Map from names of models to numbers: every key in it is valid. (Maps to objects or strings reject the number that is
/// inserted.)
const MAP_OF_NUMBERS: &str = "estimate_margin";

/// Collects copies of a configuration, each with an unknown key in a different object.
fn with_unknown_key(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let mut changed = Vec::new();
                with_unknown_key(item, &mut changed);
                found.extend(changed.into_iter().map(|item| {
                    let mut items = items.clone();
                    items[at] = item;
                    Value::Array(items)
                }));
            }
        }
        Value::Object(members) => {
            let mut with = members.clone();
            with.insert("not_a_field".into(), json!(1));
            found.push(Value::Object(with));
            for (name, member) in members.iter().filter(|(name, _)| *name != MAP_OF_NUMBERS) {
                let mut changed = Vec::new();
                with_unknown_key(member, &mut changed);
                found.extend(changed.into_iter().map(|member| {
                    let mut members = members.clone();
                    members.insert(name.clone(), member);
                    Value::Object(members)
                }));
            }
        }
        _ => {}
    }
}

#[test]
fn every_configuration_on_a_page_is_accepted() {
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for block in Page::all().iter().flat_map(Page::blocks) {
        for (filter, configuration) in configurations(&block) {
            if let Err(error) = configure(&filter, &configuration) {
                panic!("{}: {filter} rejects the configuration: {error}", block.place);
            }
            *seen.entry(filter).or_default() += 1;
        }
    }
    if workspace::root().join("README.md").is_file() {
        let readme: usize = Page::read("README.md").blocks().iter().map(|block| configurations(block).len()).sum();
        assert!(readme >= 1, "README.md has {readme} configurations");
    }
    for filter in workspace::FILTERS {
        let own = Page::of_filter(filter).blocks().into_iter().filter(|block| block.purpose == filter).count();
        assert!(own > 0, "docs/filters/{filter}.md has no example");
        assert!(seen.contains_key(filter), "{filter}: {seen:?}");
    }
}

#[test]
fn filters_accept_the_configurations_of_the_bootstraps() {
    let bootstraps = [
        (workspace::chain_bootstrap(), workspace::FILTERS.as_slice()),
        (workspace::reference_bootstrap(), &[workspace::BUNDLE]),
    ];
    for (bootstrap, filters) in bootstraps {
        let mut found = Vec::new();
        plugins(bootstrap.unwrap().document_mut(), &mut found);
        assert_eq!(found.iter().map(|(filter, _)| filter.as_str()).collect::<Vec<_>>(), filters);
        for (filter, configuration) in found {
            configure(&filter, &configuration).unwrap_or_else(|error| panic!("{filter}: {error}"));
        }
    }
}

/// Proves that the two tests above can fail: an unknown key is rejected in every object of a configuration.
#[test]
fn an_unknown_key_in_an_example_is_rejected() {
    let mut tried = 0;
    for block in Page::all().iter().flat_map(Page::blocks) {
        for (filter, configuration) in configurations(&block) {
            let mut changed = Vec::new();
            with_unknown_key(&configuration, &mut changed);
            for configuration in changed {
                let result = configure(&filter, &configuration);
                assert!(result.is_err(), "{}: {filter} accepts {configuration}", block.place);
                tried += 1;
            }
        }
    }
    assert!(tried >= 20, "only {tried} configurations were tried");

    let page = |field: &str| Page {
        path: "x.md".into(),
        text: format!("```yaml model-router\nmodels:\n  a: {{route: r, {field}: b}}\n```\n"),
    };
    for (field, accepted) in [("provider", true), ("upstream", false)] {
        let (filter, configuration) = configurations(&page(field).blocks()[0]).remove(0);
        assert_eq!(configure(&filter, &configuration).is_ok(), accepted, "{field}");
    }
}
