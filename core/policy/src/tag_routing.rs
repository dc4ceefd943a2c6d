//! Models that tagged calls may go to.

use serde::Deserialize;
use tollgate_names::Resolver;

/// Models that a call with a tag may go to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawTagLabels {
    /// Tag of the call: `data=pii`.
    pub tag: String,
    /// Labels, one of which the model of the call must have. Otherwise the call gets 403.
    pub labels: Vec<String>,
}

/// Validated models that tagged calls may go to.
#[derive(Clone, Debug, Default)]
pub struct TagRouting {
    needs: Vec<RawTagLabels>,
    /// Labels of models, by their names.
    models: Resolver<Vec<String>>,
}

impl TagRouting {
    pub(crate) fn new(needs: Vec<RawTagLabels>, models: Resolver<Vec<String>>) -> TagRouting {
        TagRouting { needs, models }
    }

    /// Returns `true` if calls with any tag may go to any model.
    pub fn is_empty(&self) -> bool {
        self.needs.is_empty()
    }

    /// Returns the first entry that a call violates, by its model and its tags.
    pub fn violated(&self, model: Option<&str>, tags: &[&str]) -> Option<&RawTagLabels> {
        let labels = model.and_then(|model| self.models.find(model));
        let has = |label: &String| labels.is_some_and(|labels| labels.contains(label));
        self.needs.iter().find(|need| tags.contains(&need.tag.as_str()) && !need.labels.iter().any(has))
    }
}

impl RawTagLabels {
    /// Returns the message of the 403.
    pub fn refusal(&self) -> String {
        format!(
            "Refused by the gateway's policy: a call tagged {} goes only to models with the label {}.",
            self.tag,
            self.labels.join(" or ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_names::ResolverBuilder;

    #[test]
    fn a_tagged_call_goes_to_models_with_a_label() {
        let mut models = ResolverBuilder::default();
        models.insert("llama-*", vec!["internal".to_owned(), "eu".to_owned()]).unwrap();
        models.insert("gpt-4o", vec!["eu".to_owned()]).unwrap();
        let need = |tag: &str, labels: &[&str]| RawTagLabels {
            tag: tag.to_owned(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        };
        let needs = vec![need("data=pii", &["internal"]), need("data=any", &["internal", "eu"])];
        let routing = TagRouting::new(needs, models.build().unwrap());
        for (model, tags, violated) in [
            (Some("llama-3"), &["data=pii", "data=any"][..], None),
            (Some("gpt-4o-2024-08-06"), &["data=any"], None),
            (Some("gpt-4o"), &["data=any", "data=pii"], Some("data=pii")),
            (Some("o3"), &["data=any"], Some("data=any")),
            (Some("o3"), &["data=secret"], None),
            (Some("o3"), &[], None),
            (None, &["data=pii"], Some("data=pii")),
        ] {
            assert_eq!(routing.violated(model, tags).map(|need| need.tag.as_str()), violated, "{model:?} {tags:?}");
        }
        let refused = routing.violated(None, &["data=any"]).unwrap().refusal();
        assert!(refused.ends_with("tagged data=any goes only to models with the label internal or eu."), "{refused}");
    }
}
