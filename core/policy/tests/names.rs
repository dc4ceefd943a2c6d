//! One resolver of model names: counting, prices and routes select the same entry of the same table.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use tollgate_names::{Entries, ResolverBuilder};
use tollgate_prices::{Dimension, PriceTable, RawPrices};
use tollgate_route::{RawRouter, Router};
use tollgate_tokens::{Catalog, Pretokenizer, RawAliases, RawTokenizer, compile};

/// Tables named `t0` to `t7`, in base64.
static TABLES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let file: String = (0..=255_u8).map(|byte| format!("{} {byte}\n", STANDARD.encode([byte]))).collect();
    let table = |name: &str| compile::tiktoken(name, Pretokenizer::Llama3, file.as_bytes()).unwrap();
    (0..8).map(|index| STANDARD.encode(table(&format!("t{index}")))).collect()
});

/// Model names with and without prefixes and versions, and the same as wildcards.
const MODEL: &str =
    "(openai/|azure/eu/|us[.]anthropic[.]|anthropic[.]|ft:)?[ab]{1,3}(-2024-08-06|@20241022|-latest|-v1:0|:acme::id)?";
const ENTRY: &str = "(openai/|azure/eu/|us[.]anthropic[.]|anthropic[.]|ft:)?[ab]{1,3}(-2024-08-06|@20241022|-latest|-v1:0|:acme::id)?[*]?|[*]";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn counting_prices_and_routes_select_the_same_entry(
        names in prop::collection::btree_set(ENTRY, 1..8),
        models in prop::collection::vec(MODEL, 32),
    ) {
        let names: Vec<&String> = names.iter().collect();
        let mut resolver = ResolverBuilder::default();
        let (mut prices, mut routes) = (serde_json::Map::new(), serde_json::Map::new());
        let mut tokenizers = Vec::new();
        for (index, name) in names.iter().enumerate() {
            resolver.insert(name, index).unwrap();
            prices.insert((*name).clone(), serde_json::json!({"input": index, "output": 0}));
            routes.insert((*name).clone(), serde_json::json!({"route": format!("t{index}")}));
            tokenizers.push(RawTokenizer { name: None, models: vec![(*name).clone()], table: TABLES[index].clone() });
        }
        let resolver = resolver.build().unwrap();
        let prices: RawPrices = serde_json::from_value(prices.into()).unwrap();
        let prices = PriceTable::new(prices).unwrap();
        let router: RawRouter = serde_json::from_value(serde_json::json!({"models": routes})).unwrap();
        let router = Router::new(router).unwrap();
        let catalog = Catalog::new(Entries::default(), tokenizers).unwrap();
        let raw: RawAliases =
            Entries(names.iter().enumerate().map(|(index, name)| ((*name).clone(), format!("target-{index}"))).collect());
        let aliases = Catalog::new(raw, Vec::new()).unwrap();
        for model in &models {
            let found = resolver.resolve(model);
            let index = found.as_ref().map(|found| *found.value);
            let table = index.map(|index| format!("t{index}"));
            prop_assert_eq!(router.decide(Some(model)).ok().map(|decision| decision.route.to_owned()), table.clone(), "{}", model);
            let profile = catalog.profile(model);
            let own = Some(profile.tokenizer().name()).filter(|name| name.starts_with('t'));
            prop_assert_eq!(own.map(str::to_owned), table, "{}", model);
            let price = prices.resolve(model).map(|found| found.value.price(Dimension::Input, None, 0).0);
            prop_assert_eq!(price, index.map(|index| index as u64 * 1_000_000_000), "{}", model);
            // A fine-tuned model costs more than its base model.
            let is_base_model = found.as_ref().is_some_and(|found| found.is_base_model);
            prop_assert_eq!(prices.find(model, None).is_none(), is_base_model || index.is_none(), "{}", model);
            // An alias applies to no other version and to no fine-tuned model of it; nothing else differs.
            if let Some(found) = &found
                && !is_base_model
                && (found.entry.ends_with('*') || model.ends_with(found.entry))
            {
                let target = format!("target-{}", found.value);
                prop_assert_eq!(aliases.resolve_alias(model), target, "{}", model);
            }
        }
    }
}
