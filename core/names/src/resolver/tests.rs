use proptest::prelude::*;

use super::*;
use crate::{AliasError, NameError};

fn resolver(names: &[&str]) -> Resolver<usize> {
    let mut builder = ResolverBuilder::default();
    for (index, entry) in names.iter().enumerate() {
        match entry.split_once(" = ") {
            Some((name, target)) => builder.alias(name, target).unwrap(),
            None => builder.insert(entry, index).unwrap(),
        }
    }
    builder.build().unwrap()
}

#[test]
fn names_as_clients_write_them_have_the_entry_of_their_model() {
    let table = resolver(&["gpt-4o", "claude-sonnet-4-5", "claude-3-5-sonnet", "gemini-2.5-pro", "llama3", "nova-pro"]);
    for (requested, entry) in [
        ("gpt-4o", "gpt-4o"),
        ("openai/gpt-4o", "gpt-4o"),
        ("azure/eu/gpt-4o-2024-08-06", "gpt-4o"),
        ("ft:gpt-4o:acme::id", "gpt-4o"),
        ("ft:gpt-4o-2024-08-06:acme:name:id", "gpt-4o"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("bedrock/global.anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet"),
        ("eu.anthropic.claude-3-5-sonnet-20240620-v1:0:200k", "claude-3-5-sonnet"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/apac.amazon.nova-pro-v1:0", "nova-pro"),
        ("claude-3-5-sonnet@20241022", "claude-3-5-sonnet"),
        ("claude-3-5-sonnet-latest", "claude-3-5-sonnet"),
        ("projects/p/locations/l/publishers/google/models/gemini-2.5-pro@default", "gemini-2.5-pro"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("llama3:latest", "llama3"),
    ] {
        let resolution = table.resolve(requested).unwrap();
        assert_eq!((resolution.entry, resolution.model), (entry, requested), "{requested}");
        assert_eq!(resolution.is_base_model, requested.starts_with("ft:"), "{requested}");
        assert_eq!(table.find(requested), Some(resolution.value), "{requested}");
    }
    for requested in ["", "gpt-4", "gpt-4o-mini", "gpt-4o/x", "GPT-4o", " gpt-4o", "gpt-4o-audio", "us.gpt-4o", "*"] {
        assert!(table.resolve(requested).is_none(), "{requested}");
    }
}

#[test]
fn the_candidates_have_one_order() {
    for (requested, order) in [
        (
            "azure/eu/gpt-4o-2024-08-06",
            &[
                "azure/eu/gpt-4o-2024-08-06",
                "azure/eu/gpt-4o-2024-*",
                "azure/eu/gpt-4o",
                "azure/eu/gpt-4o*",
                "azure/*",
                "eu/gpt-4o-2024-08-06",
                "eu/*",
                "gpt-4o-2024-08-06",
                "gpt-4o-2*",
                "gpt-4o",
                "gpt-4*",
                "*",
            ][..],
        ),
        (
            "ft:gpt-4o-2024-08-06:acme::id",
            &[
                "ft:gpt-4o-2024-08-06:acme::id",
                "ft:gpt-4o-2024-08-06:acme*",
                "ft:gpt-4o-2024-08-06",
                "ft:gpt-4o-2024-08-06*",
                "ft:gpt-4o-2*",
                "ft:gpt-4o",
                "ft:*",
                "gpt-4o-2024-08-06",
                "gpt-4o-2024-08-06*",
                "gpt-4o",
                "gpt-*",
                "*",
            ],
        ),
        (
            "us.anthropic.m-20250929-v1:0",
            &[
                "us.anthropic.m-20250929-v1:0",
                "us.anthropic.m-20250929",
                "us.anthropic.m-2025*",
                "us.anthropic.m",
                "us.*",
                "anthropic.m-20250929-v1:0",
                "anthropic.m",
                "anthropic.*",
                "m-20250929-v1:0",
                "m-20250929",
                "m",
                "*",
            ],
        ),
    ] {
        // Each candidate wins over all behind it.
        for from in 0..order.len() {
            let behind = &order[from..];
            assert_eq!(resolver(behind).resolve(requested).unwrap().entry, behind[0], "{requested} in {behind:?}");
        }
    }
}

#[test]
fn aliases_lead_to_their_model() {
    let table = resolver(&[
        "fast = smart",
        "smart = llama-3.1-8b",
        "llama-3*",
        "gpt-4o = gpt-4o-2024-08-06",
        "gpt-4o-2024-08-06",
        "team-* = openai/gpt-5-2025-08-07",
        "gpt-5",
        "router = openai/router",
        "own-* = own-model",
        "nothing = elsewhere",
    ]);
    for (requested, model, entry) in [
        ("fast", "llama-3.1-8b", Some("llama-3*")),
        ("openai/fast", "llama-3.1-8b", Some("llama-3*")),
        ("gpt-4o", "gpt-4o-2024-08-06", Some("gpt-4o-2024-08-06")),
        // An alias pins one version. Other versions are other models.
        ("gpt-4o-2024-11-20", "gpt-4o-2024-11-20", None),
        ("ft:gpt-4o:acme::id", "ft:gpt-4o:acme::id", None),
        ("team-a", "openai/gpt-5-2025-08-07", Some("gpt-5")),
        // A target is not an alias of itself.
        ("router", "openai/router", None),
        ("own-x", "own-model", None),
        ("nothing", "elsewhere", None),
        ("unknown", "unknown", None),
    ] {
        assert_eq!(table.resolve_alias(requested), model, "{requested}");
        assert_eq!(table.resolve(requested).map(|resolution| resolution.entry), entry, "{requested}");
    }
    // A wildcard alias applies to names of clients, not to targets.
    let table = resolver(&["fast = llama", "* = gpt-4o"]);
    assert_eq!((table.resolve_alias("fast"), table.resolve_alias("x")), ("llama", "gpt-4o"));
    assert_eq!(table.resolve_alias("gpt-4o"), "gpt-4o");
    // One step only.
    let table = resolver(&["x-* = b", "b = a"]);
    assert_eq!((table.resolve_alias("x-1"), table.alias_target("x-1"), table.alias_target("a")), ("a", "b", "a"));
}

#[test]
fn aliases_without_an_end_are_errors() {
    let errors = |aliases: &[(&str, &str)]| {
        let mut builder = ResolverBuilder::<()>::default();
        aliases.iter().for_each(|(name, target)| builder.alias(name, target).unwrap());
        builder.build().map_err(|errors| errors.iter().map(AliasError::to_string).collect::<Vec<_>>())
    };
    assert_eq!(errors(&[("a", "a")]).unwrap_err(), [r#""a": the alias leads back to itself"#]);
    let cycle = errors(&[("a", "b"), ("b", "c"), ("c", "a"), ("into", "a")]).unwrap_err();
    assert_eq!(cycle.len(), 4);
    assert!(cycle[..3].iter().all(|error| error.ends_with("leads back to itself")), "{cycle:?}");
    assert!(cycle[3].contains("more than 8 aliases"), "{cycle:?}");
    let names: Vec<String> = (0..=MAX_ALIAS_CHAIN + 1).map(|index| index.to_string()).collect();
    let chain = |names: &[String]| {
        errors(&names.windows(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect::<Vec<_>>())
    };
    let longest = chain(&names[1..]).unwrap();
    assert_eq!(longest.resolve_alias("1"), (MAX_ALIAS_CHAIN + 1).to_string());
    assert_eq!(chain(&names).unwrap_err().len(), 1);
    let mut builder = ResolverBuilder::<()>::default();
    for target in ["", "b*", &"m".repeat(257)] {
        assert_eq!(builder.alias("a", target), Err(NameError::Target));
    }
    builder.alias("a", "b").unwrap();
    assert_eq!(builder.insert("a", ()), Err(NameError::Duplicate));
}

#[test]
fn a_lookup_says_its_steps() {
    let table = resolver(&["fast = us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5", "gpt-*", "*"]);
    let steps = |requested| table.steps(requested).iter().map(Step::to_string).collect::<Vec<_>>();
    assert_eq!(
        steps("openai/fast"),
        [
            "without the provider prefix `openai/`",
            "entry `fast`",
            "`fast` is an alias of `us.anthropic.claude-sonnet-4-5-20250929-v1:0`",
            "without the region prefix `us.`",
            "without the vendor prefix `anthropic.`",
            "without the revision `-v1:0`",
            "without the date `-20250929`",
            "entry `claude-sonnet-4-5`",
        ]
    );
    assert_eq!(steps("ft:gpt-4o:acme::id"), ["without the fine-tuning prefix `ft:`", "wildcard `gpt-*`"]);
    assert_eq!(steps("a/b"), ["wildcard `*`"]);
    assert_eq!(steps("claude-sonnet-4-5-latest"), ["without the version `-latest`", "entry `claude-sonnet-4-5`"]);
    assert_eq!(table.resolve("gpt-5").unwrap().steps(), [Step::Wildcard("gpt-*")]);
    assert!(Resolver::<()>::default().steps("m").is_empty());
    let owned = resolver(&["ft:gpt-4o"]);
    assert_eq!(
        owned.steps("ft:gpt-4o:acme::id").iter().map(Step::to_string).collect::<Vec<_>>(),
        ["without the owner of the fine-tuned model `:acme::id`", "entry `ft:gpt-4o`"]
    );
}

#[test]
fn a_long_name_costs_a_bounded_number_of_lookups() {
    let table = resolver(&["m", "a/*"]);
    assert!(table.resolve(&"b/".repeat(1 << 20)).is_none());
    assert_eq!(table.resolve(&"a/".repeat(1 << 20)).unwrap().entry, "a/*");
    assert!(table.resolve(&format!("m{}", "-20250101".repeat(1 << 16))).is_none());
}

proptest! {
    #[test]
    fn the_order_of_entries_does_not_matter(
        entries in prop::collection::btree_set("(a/)?[ab]{0,3}(-20250101)?[*]?", 1..12),
        model in "(a/){0,2}[ab]{0,5}(-20250101)?",
    ) {
        let entries: Vec<&String> = entries.iter().filter(|name| !name.is_empty()).collect();
        let build = |entries: &mut dyn Iterator<Item = &&String>| {
            let mut builder = ResolverBuilder::default();
            entries.for_each(|name| builder.insert(name, name.to_string()).unwrap());
            builder.build().unwrap()
        };
        let (table, reversed) = (build(&mut entries.iter()), build(&mut entries.iter().rev()));
        prop_assert_eq!(&table, &reversed);
        let found = table.resolve(&model);
        prop_assert_eq!(found.as_ref().map(|found| found.entry), found.as_ref().map(|found| found.value.as_str()));
        if entries.contains(&&model) {
            prop_assert_eq!(found.as_ref().map(|found| found.entry), Some(model.as_str()));
        }
        let steps = table.steps(&model);
        prop_assert_eq!(steps.is_empty(), found.is_none());
        // Of names without affixes: the exact name, else the longest prefix.
        if !model.contains(['/', '-']) {
            let prefixes = entries.iter().filter(|name| name.strip_suffix('*').is_some_and(|prefix| model.starts_with(prefix)));
            let longest = prefixes.max_by_key(|name| name.len());
            let expected = entries.iter().find(|name| **name == &model).or(longest);
            prop_assert_eq!(found.map(|found| found.entry), expected.map(|name| name.as_str()));
        }
    }

    #[test]
    fn any_name_has_an_answer(model in "(openai/|us[.]anthropic[.]|ft:|.){0,4}.{0,4}(-2024-08-06|@20241022|-v1:0|-latest|:x){0,3}") {
        let table = resolver(&["a = b", "b", "gpt-*", "ft:m", "*"]);
        let found = table.resolve(&model).unwrap();
        prop_assert!(!found.steps().is_empty() && table.find(&model) == Some(found.value));
    }
}
