//! Parts of a model name that a lookup may leave out: prefixes (provider, region, vendor, `ft:`) and suffixes (versions).

/// Vendor prefixes of model ids, as in `anthropic.claude-sonnet-4-5` (Amazon Bedrock: "Supported foundation models").
///
/// A fixed list, since a dot also occurs in versions: `gpt-4.1`, `llama3.1`.
const VENDORS: &[&str] = &[
    "ai21",
    "amazon",
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "luma",
    "meta",
    "minimax",
    "mistral",
    "moonshot",
    "moonshotai",
    "nvidia",
    "openai",
    "qwen",
    "stability",
    "twelvelabs",
    "writer",
    "xai",
    "zai",
];

/// Maximum number of prefixes that a lookup leaves out of one name. The longest form in use, the resource name of a Vertex
/// AI model (`projects/p/locations/l/publishers/google/models/m`), has seven.
const MAX_PREFIXES: usize = 8;

/// Maximum number of suffixes that a lookup leaves out of one name: the organisation of a fine-tuned model, a revision, a date.
const MAX_SUFFIXES: usize = 3;

/// Kind of a prefix that a lookup left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prefix {
    /// Path segment in front of the model: `openai/` and `azure/eu/` (one each), `models/`, an ARN up to its resource.
    Provider,
    /// Inference profile of Bedrock: `us.`, `eu.`, `apac.`, `global.`; always in front of a vendor.
    Region,
    /// Vendor of a model id: `anthropic.`.
    Vendor,
    /// `ft:` in front of the base model of a fine-tuned one.
    FineTuned,
}

/// Kind of a suffix that a lookup left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suffix {
    /// Owner and id of a fine-tuned model: `:acme::id`.
    FineTuned,
    /// Revision of Bedrock, with an optional context size: `-v1:0`, `-v1:0:200k`.
    Revision,
    /// Release date: `-2024-08-06` (OpenAI), `-20241022` (Anthropic), `@20241022` (Vertex AI).
    Date,
    /// Newest release: `-latest`, `:latest` (Ollama), `@latest` and `@default` (Vertex AI).
    Latest,
}

/// Model name without zero or more of its prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    /// Rest of the name. Without `ft:`, it ends in front of the owner.
    pub text: &'a str,
    /// Kind and text of the last prefix left out; `None` for the whole name.
    pub left_out: Option<(Prefix, &'a str)>,
    /// The rest is the base model of a fine-tuned one.
    pub is_base: bool,
}

impl<'a> Head<'a> {
    /// Returns the whole name.
    pub(crate) fn whole(name: &'a str) -> Head<'a> {
        Head { text: name, left_out: None, is_base: false }
    }
}

/// Returns the whole name, then the name without its first prefix, without the first two, and so on.
pub(crate) fn heads(name: &str) -> impl Iterator<Item = Head<'_>> {
    std::iter::successors(Some(Head::whole(name)), |head| {
        let (kind, rest) = without_prefix(head.text)?;
        // A base model ends in front of the owner: its text is not the end of the one before.
        let length = match kind {
            Prefix::FineTuned => FINE_TUNED.len(),
            _ => head.text.len() - rest.len(),
        };
        let left_out = Some((kind, head.text.get(..length)?));
        Some(Head { text: rest, left_out, is_base: head.is_base || kind == Prefix::FineTuned })
    })
    .take(MAX_PREFIXES + 1)
}

/// Returns the name without its prefixes: without provider, region, vendor, and the owner of a fine-tuned model.
///
/// ```
/// assert_eq!(tollgate_names::unprefixed("bedrock/us.anthropic.claude-sonnet-4-5"), "claude-sonnet-4-5");
/// assert_eq!(tollgate_names::unprefixed("ft:gpt-4o:acme::id"), "gpt-4o");
/// ```
#[must_use]
pub fn unprefixed(name: &str) -> &str {
    heads(name).last().map_or(name, |head| head.text)
}

/// Returns the text without each of its suffixes in turn: kind and text of the suffix, and what is in front of it.
pub(crate) fn tails(text: &str) -> impl Iterator<Item = (Suffix, &str, &str)> {
    let next = |text| {
        let (kind, rest) = without_suffix(text)?;
        Some((kind, text.get(rest.len()..)?, rest))
    };
    std::iter::successors(next(text), move |(_, _, rest)| next(rest)).take(MAX_SUFFIXES)
}

const FINE_TUNED: &str = "ft:";

/// Splits off the first prefix. The rest is never empty.
fn without_prefix(name: &str) -> Option<(Prefix, &str)> {
    if let Some(tuned) = name.strip_prefix(FINE_TUNED) {
        let base = tuned.split(':').next().filter(|base| !base.is_empty())?;
        return Some((Prefix::FineTuned, base));
    }
    if let Some((provider, rest)) = name.split_once('/') {
        return (is_provider(provider) && !rest.is_empty()).then_some((Prefix::Provider, rest));
    }
    let (first, rest) = name.split_once('.').filter(|(_, rest)| !rest.is_empty())?;
    if VENDORS.contains(&first) {
        return Some((Prefix::Vendor, rest));
    }
    let (vendor, model) = rest.split_once('.')?;
    let is_region =
        (2..=8).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    (is_region && VENDORS.contains(&vendor) && !model.is_empty()).then_some((Prefix::Region, rest))
}

/// Returns `true` for a name that a provider, a region or a part of a resource name can have. `..` and an empty name are
/// steps of a path: the model behind them is another one for a server that resolves them.
fn is_provider(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '@')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@:._-".contains(&byte))
}

/// Splits off the last suffix. The rest is never empty.
///
/// Shorter numbers such as the `-0613` of `gpt-4-0613` are not dates: they may be sizes, and models versioned this way have
/// had different prices.
fn without_suffix(name: &str) -> Option<(Suffix, &str)> {
    if let Some(tuned) = name.strip_prefix(FINE_TUNED)
        && let Some(base) = tuned.find(':')
    {
        return name.get(..FINE_TUNED.len() + base).filter(|_| base > 0).map(|rest| (Suffix::FineTuned, rest));
    }
    let latest = ["-latest", ":latest", "@latest", "@default"].iter().find_map(|suffix| name.strip_suffix(suffix));
    let found = match latest {
        Some(rest) => (Suffix::Latest, rest),
        None => match undated(name) {
            Some(rest) => (Suffix::Date, rest),
            None => (Suffix::Revision, without_revision(name)?),
        },
    };
    (!found.1.is_empty()).then_some(found)
}

/// Removes `-v1:0` or `-v1:0:200k`.
fn without_revision(name: &str) -> Option<&str> {
    let (rest, revision) = name.rsplit_once("-v")?;
    let mut parts = revision.split(':');
    let (major, minor, context) = (parts.next()?, parts.next()?, parts.next());
    let is_number = |text: &str| (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_context = |text: &str| text.strip_suffix('k').or_else(|| text.strip_suffix('m')).is_some_and(is_number);
    (is_number(major) && is_number(minor) && context.is_none_or(is_context) && parts.next().is_none()).then_some(rest)
}

/// Removes a date between 2000 and 2099.
fn undated(name: &str) -> Option<&str> {
    let bytes = name.as_bytes();
    let dashed = bytes.last_chunk::<11>().and_then(|end| match end {
        [b'-', y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] => Some([*y1, *y2, *y3, *y4, *m1, *m2, *d1, *d2]),
        _ => None,
    });
    let (date, length) = match dashed {
        Some(date) => (date, 11),
        None => match bytes.last_chunk::<9>() {
            Some([b'-' | b'@', date @ ..]) => (*date, 9),
            _ => return None,
        },
    };
    let [b'2', b'0', y3, y4, month @ .., d1, d2] = date else { return None };
    let is_date = y3.is_ascii_digit()
        && y4.is_ascii_digit()
        && matches!(month, [b'0', b'1'..=b'9'] | [b'1', b'0'..=b'2'])
        && matches!([d1, d2], [b'0', b'1'..=b'9'] | [b'1' | b'2', b'0'..=b'9'] | [b'3', b'0' | b'1']);
    if is_date { name.get(..name.len() - length) } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prefixes_are_left_out_from_the_left() {
        for (name, texts) in [
            ("gpt-4o", &["gpt-4o"][..]),
            ("gpt-4.1", &["gpt-4.1"]),
            ("azure/eu/gpt-4o", &["azure/eu/gpt-4o", "eu/gpt-4o", "gpt-4o"]),
            ("us.meta.llama3-1", &["us.meta.llama3-1", "meta.llama3-1", "llama3-1"]),
            ("us-gov.anthropic.m", &["us-gov.anthropic.m", "anthropic.m", "m"]),
            ("eu.gpt-4o", &["eu.gpt-4o"]),
            ("US.anthropic.m", &["US.anthropic.m"]),
            ("bedrock/global.anthropic.m", &["bedrock/global.anthropic.m", "global.anthropic.m", "anthropic.m", "m"]),
            ("ft:gpt-4o:acme/x:n:id", &["ft:gpt-4o:acme/x:n:id", "gpt-4o"]),
            ("openai/ft:gpt-4o", &["openai/ft:gpt-4o", "ft:gpt-4o", "gpt-4o"]),
            (
                "arn:aws:bedrock:us-east-1:1:inference-profile/m",
                &["arn:aws:bedrock:us-east-1:1:inference-profile/m", "m"],
            ),
            ("anthropic.", &["anthropic."]),
            ("us.anthropic.", &["us.anthropic."]),
            ("openai/", &["openai/"]),
            ("@cf/meta/llama", &["@cf/meta/llama", "meta/llama", "llama"]),
            ("../gpt-4o", &["../gpt-4o"]),
            ("openai/../gpt-4o", &["openai/../gpt-4o", "../gpt-4o"]),
            ("a//gpt-4o", &["a//gpt-4o", "/gpt-4o"]),
            ("a b/gpt-4o", &["a b/gpt-4o"]),
            ("ft:", &["ft:"]),
            ("ft::x", &["ft::x"]),
            ("", &[""]),
        ] {
            assert_eq!(heads(name).map(|head| head.text).collect::<Vec<_>>(), texts, "{name}");
        }
        assert_eq!(heads(&"a/".repeat(1000)).count(), MAX_PREFIXES + 1);
        assert!(heads("ft:m:o::i").nth(1).unwrap().is_base && !heads("a/m").nth(1).unwrap().is_base);
        let left_out: Vec<_> = heads("p/ft:m:o").filter_map(|head| head.left_out).collect();
        assert_eq!(left_out, [(Prefix::Provider, "p/"), (Prefix::FineTuned, "ft:")]);
    }

    #[test]
    fn suffixes_are_left_out_from_the_right() {
        for (name, texts) in [
            ("gpt-4o", &[][..]),
            ("gpt-4-0613", &[]),
            ("gpt-4o-2024-08-06", &["gpt-4o"]),
            ("claude@20241022", &["claude"]),
            ("claude-3-5-sonnet-20241022-v2:0", &["claude-3-5-sonnet-20241022", "claude-3-5-sonnet"]),
            ("nova-v1:0:300k", &["nova"]),
            ("titan-v1", &[]),
            ("titan-v1:0:x", &[]),
            ("titan-v1:0:8k:9", &[]),
            ("titan-vx:0", &[]),
            ("claude-latest", &["claude"]),
            ("llama3:latest", &["llama3"]),
            ("gemini@default", &["gemini"]),
            ("ft:gpt-4o-2024-08-06:acme::id", &["ft:gpt-4o-2024-08-06", "ft:gpt-4o"]),
            (
                "m-20250101-20250101-20250101-20250101",
                &["m-20250101-20250101-20250101", "m-20250101-20250101", "m-20250101"],
            ),
            ("gpt-4o-2024-13-06", &[]),
            ("gpt-4o-2024-08-32", &[]),
            ("gpt-4o-2024-08-00", &[]),
            ("m@99999999", &[]),
            ("-20241022", &[]),
            ("-latest", &[]),
            ("-v1:0", &[]),
            ("ft::x", &[]),
            ("", &[]),
        ] {
            assert_eq!(tails(name).map(|(_, _, rest)| rest).collect::<Vec<_>>(), texts, "{name}");
        }
        assert_eq!(tails("ft:m:acme::id").next(), Some((Suffix::FineTuned, ":acme::id", "ft:m")));
    }

    proptest! {
        #[test]
        fn no_reading_is_empty_and_all_are_parts_of_the_name(
            name in "(openai/|azure/|us[.]|anthropic[.]|ft:|.){0,4}.{0,3}(-2024-08-06|@20241022|-v1:0|-latest|:x){0,3}",
        ) {
            for head in heads(&name) {
                prop_assert!(name.contains(head.text) && (!head.text.is_empty() || name.is_empty()));
                for (_, suffix, rest) in tails(head.text) {
                    prop_assert!(head.text.starts_with(rest) && !rest.is_empty() && !suffix.is_empty());
                }
            }
        }
    }
}
