//! Names under which a table outside of a [`Resolver`](crate::Resolver) may have an entry for a model.

use crate::affix::{Head, heads, tails};
use crate::resolver::{Step, push_exact};

/// Name of an entry that would apply to a model, see [`candidates`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Name of the entry.
    pub text: &'a str,
    /// The entry is that of the base model of a fine-tuned one.
    pub is_base_model: bool,
    name: &'a str,
    head: Head<'a>,
}

/// Returns the exact names of entries that apply to a model, best first, in the order of the
/// [documentation of the crate](crate): the name itself, then without versions, then the same without prefixes. At most 36.
///
/// For tables that are too large for a [`Resolver`](crate::Resolver) and have no wildcards.
///
/// ```
/// let names: Vec<_> = tollgate_names::candidates("openai/gpt-4o-2024-08-06").map(|candidate| candidate.text).collect();
/// assert_eq!(names, ["openai/gpt-4o-2024-08-06", "openai/gpt-4o", "gpt-4o-2024-08-06", "gpt-4o"]);
/// ```
pub fn candidates(name: &str) -> impl Iterator<Item = Candidate<'_>> {
    heads(name).flat_map(move |head| {
        let candidate = move |text| Candidate { text, is_base_model: head.is_base, name, head };
        std::iter::once(head.text).chain(tails(head.text).map(|(_, _, text)| text)).map(candidate)
    })
}

impl<'a> Candidate<'a> {
    /// Returns the steps from the name of the model to the entry.
    #[must_use]
    pub fn steps(&self) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        push_exact(&mut steps, self.name, self.head, self.text);
        steps
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ResolverBuilder;

    #[test]
    fn candidates_leave_out_versions_before_prefixes() {
        for (name, expected) in [
            ("gpt-4o", &["gpt-4o"][..]),
            (
                "us.anthropic.m-20250929-v1:0",
                &[
                    "us.anthropic.m-20250929-v1:0",
                    "us.anthropic.m-20250929",
                    "us.anthropic.m",
                    "anthropic.m-20250929-v1:0",
                    "anthropic.m-20250929",
                    "anthropic.m",
                    "m-20250929-v1:0",
                    "m-20250929",
                    "m",
                ],
            ),
            ("ft:gpt-4o:acme::id", &["ft:gpt-4o:acme::id", "ft:gpt-4o", "gpt-4o"]),
            ("", &[""]),
        ] {
            assert_eq!(candidates(name).map(|candidate| candidate.text).collect::<Vec<_>>(), expected);
        }
        let base: Vec<bool> = candidates("ft:gpt-4o:acme::id").map(|candidate| candidate.is_base_model).collect();
        assert_eq!(base, [false, false, true]);
        let last = candidates("us.anthropic.m-20250929").last().unwrap();
        let steps: Vec<String> = last.steps().iter().map(ToString::to_string).collect();
        assert_eq!(
            steps,
            [
                "without the region prefix `us.`",
                "without the vendor prefix `anthropic.`",
                "without the date `-20250929`",
                "entry `m`"
            ]
        );
    }

    proptest! {
        #[test]
        fn a_resolver_selects_the_first_candidate_that_is_an_entry(
            entries in prop::collection::btree_set("(a/)?[ab]{0,3}(-20250101)?", 1..12),
            model in "(a/|us[.]anthropic[.]|ft:){0,2}[ab]{0,3}(-20250101|-latest|:x){0,2}",
        ) {
            let mut builder = ResolverBuilder::default();
            for name in entries.iter().filter(|name| !name.is_empty()) {
                builder.insert(name, ()).unwrap();
            }
            let resolver = builder.build().unwrap();
            let first = candidates(&model).find(|candidate| !candidate.text.is_empty() && entries.contains(candidate.text));
            let found = resolver.resolve(&model);
            prop_assert_eq!(found.as_ref().map(|found| found.entry), first.map(|candidate| candidate.text));
            prop_assert_eq!(found.map(|found| found.steps()), first.map(|candidate| candidate.steps()));
        }
    }
}
