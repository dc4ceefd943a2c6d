//! The generated output for a request, independent of any API: text, tool calls and usage.
//!
//! It depends on nothing but the request and the knobs, so the same request always gives the same output.

use std::borrow::Cow;

use crate::fingerprint::mix;
use crate::knobs::{KnobError, Knobs};
use crate::llm_request::LlmRequest;
use crate::tokens::{piece_ends, split_at, tokens, word_ends};
use crate::usage::Usage;

/// Creation time of every response, in seconds since the Unix epoch: 2023-11-14 22:13:20 UTC.
pub const CREATED: u64 = 1_700_000_000;

/// Maximum number of events (choices times deltas) in one response.
const MAX_EVENTS: usize = 200_000;

/// Number of prompt characters that the default text repeats.
const ECHO_CHARS: usize = 160;

/// Generated output, not yet encoded for any API.
#[derive(Debug)]
pub(crate) struct Generation<'a> {
    /// Fingerprint of the request body.
    pub(crate) fingerprint: u64,
    pub(crate) model: Cow<'a, str>,
    pub(crate) choices: u32,
    /// Reasoning before the text, the same in every choice.
    pub(crate) thinking: Option<SegmentedText<'a>>,
    /// Text, the same in every choice. `None` if the output consists of tool calls only.
    pub(crate) text: Option<SegmentedText<'a>>,
    /// Name and arguments of each tool call.
    pub(crate) tool_calls: &'a [(String, String)],
    /// Finish reason, by its name in OpenAI's chat completions.
    pub(crate) finish: &'a str,
    pub(crate) usage: Usage,
}

/// Text with the offsets at which its deltas end.
#[derive(Debug, PartialEq)]
pub(crate) struct SegmentedText<'a> {
    pub(crate) text: Cow<'a, str>,
    ends: Vec<usize>,
}

impl<'a> SegmentedText<'a> {
    fn new(text: Cow<'a, str>, knobs: &Knobs) -> SegmentedText<'a> {
        let ends = match knobs.delta_chars {
            Some(size) => piece_ends(&text, size),
            None => word_ends(&text),
        };
        SegmentedText { text, ends }
    }

    fn from_deltas(deltas: &[String]) -> SegmentedText<'a> {
        let mut text = String::new();
        let ends = deltas.iter().map(|delta| {
            text.push_str(delta);
            text.len()
        });
        SegmentedText { ends: ends.collect(), text: Cow::Owned(text) }
    }

    /// Returns the deltas in order; joined, they are the text.
    pub(crate) fn deltas(&self) -> impl Iterator<Item = &str> {
        split_at(&self.text, &self.ends)
    }

    /// Drops deltas from the end until at most `max` tokens remain. Returns `true` if it dropped any.
    fn truncate(&mut self, max: u64) -> bool {
        let mut spent = 0;
        let fits = |delta: &&str| {
            spent += tokens(delta);
            spent <= max
        };
        let kept = self.deltas().take_while(fits).count();
        if kept == self.ends.len() {
            return false;
        }
        self.ends.truncate(kept);
        let end = self.ends.last().copied().unwrap_or(0);
        self.text = Cow::Owned(self.text.get(..end).unwrap_or_default().to_owned());
        true
    }
}

impl<'a> Generation<'a> {
    /// Generates the output for `request`; `fingerprint` is that of its body.
    ///
    /// Fails if the output would have more than [`MAX_EVENTS`] events.
    pub(crate) fn new(
        request: &'a LlmRequest<'_>,
        fingerprint: u64,
        knobs: &'a Knobs,
    ) -> Result<Generation<'a>, KnobError> {
        let choices = knobs.candidates.or(request.candidates).unwrap_or(1).clamp(1, 128);
        let (text, truncated) = generate_text(request, fingerprint, knobs);
        let thinking = knobs.thinking.as_ref().map(|text| SegmentedText::new(text.into(), knobs));
        let deltas = [&text, &thinking].into_iter().flatten().map(|segmented| segmented.ends.len()).sum::<usize>();
        if deltas.saturating_mul(choices as usize) > MAX_EVENTS {
            return Err(KnobError::Value { name: "n".to_owned(), expected: "fewer choices, or fewer deltas in each" });
        }
        let finish = match &knobs.finish {
            Some(finish) => finish,
            None if !knobs.tool_calls.is_empty() => "tool_calls",
            None if truncated => "length",
            None => "stop",
        };
        let usage = knobs.usage.unwrap_or_else(|| {
            let tool_call_tokens: u64 =
                knobs.tool_calls.iter().map(|(name, arguments)| tokens(name) + tokens(arguments)).sum();
            let text_tokens = text.as_ref().map_or(0, |segmented| tokens(&segmented.text));
            let reasoning = u64::from(choices) * thinking.as_ref().map_or(0, |segmented| tokens(&segmented.text));
            let output = u64::from(choices) * (text_tokens + tool_call_tokens) + reasoning;
            Usage { input: request.prompt_tokens(), output, reasoning, ..Usage::default() }
        });
        let model = knobs.model.as_deref().or(request.model.as_ref().map(|model| &*model.0)).unwrap_or_default();
        Ok(Generation {
            fingerprint,
            model: model.into(),
            choices,
            thinking,
            text,
            tool_calls: &knobs.tool_calls,
            finish,
            usage,
        })
    }

    /// Returns the text; empty if there is none.
    pub(crate) fn text_or_empty(&self) -> &str {
        self.text.as_ref().map_or("", |segmented| &segmented.text)
    }

    /// Translates the finish reason into the name that another API uses. A reason that `names` does not hold is returned unchanged.
    pub(crate) fn finish_in<'b>(&self, names: &[(&str, &'b str)]) -> &'b str
    where
        'a: 'b,
    {
        names.iter().find(|(openai, _)| *openai == self.finish).map_or(self.finish, |(_, translated)| *translated)
    }

    /// Returns an id derived from the fingerprint, e.g. `chatcmpl-0123456789abcdef`.
    pub(crate) fn id(&self, prefix: &str) -> String {
        format!("{prefix}{:016x}", self.fingerprint)
    }
}

/// Generates the text, and returns `true` with it if the request's output limit truncated it.
///
/// The limit applies to the default text only, not to a text that a knob or a prompt directive gives.
fn generate_text<'a>(
    request: &'a LlmRequest<'_>,
    fingerprint: u64,
    knobs: &'a Knobs,
) -> (Option<SegmentedText<'a>>, bool) {
    if let Some(deltas) = &knobs.deltas {
        return (Some(SegmentedText::from_deltas(deltas)), false);
    }
    if let Some(text) = &knobs.answer {
        return (Some(SegmentedText::new(text.into(), knobs)), false);
    }
    if !knobs.tool_calls.is_empty() {
        return (None, false);
    }
    let prompt = request.last_user_text();
    match PromptDirective::parse(prompt) {
        Some(PromptDirective::Deltas(deltas)) => return (Some(SegmentedText::from_deltas(&deltas)), false),
        Some(PromptDirective::Say(text)) => return (Some(SegmentedText::new(text.into(), knobs)), false),
        None => {}
    }
    let text = match knobs.words {
        Some(count) => prose(fingerprint, Some(count)),
        None => {
            let end = prompt.char_indices().nth(ECHO_CHARS).map_or(prompt.len(), |(at, _)| at);
            let echo = prompt.get(..end).unwrap_or_default();
            format!("You said: \"{echo}\". {}", prose(fingerprint, None))
        }
    };
    let mut segmented = SegmentedText::new(text.into(), knobs);
    let truncated = request.max_tokens.is_some_and(|max| segmented.truncate(max));
    (Some(segmented), truncated)
}

/// Directive in a prompt that sets the generated text, for clients that cannot set headers.
#[derive(Debug, PartialEq)]
enum PromptDirective<'a> {
    /// `say: TEXT`: everything that follows, to the end of the prompt.
    Say(&'a str),
    /// `deltas: ["..", ".."]`: a JSON array of strings.
    Deltas(Vec<String>),
}

impl PromptDirective<'_> {
    /// Parses the first line that begins with `say:` or `deltas:`.
    fn parse(prompt: &str) -> Option<PromptDirective<'_>> {
        let mut start = 0;
        for line in prompt.split_inclusive('\n') {
            let rest = prompt.get(start..).unwrap_or_default();
            if let Some(text) = rest.strip_prefix("say:") {
                return Some(PromptDirective::Say(text.strip_prefix(' ').unwrap_or(text)));
            }
            if let Some(deltas) = rest.strip_prefix("deltas:").and_then(|array| serde_json::from_str(array).ok()) {
                return Some(PromptDirective::Deltas(deltas));
            }
            start += line.len();
        }
        None
    }
}

/// Builds a text of `count` words, or of three sentences without `count`. The fingerprint selects the sentences.
fn prose(fingerprint: u64, count: Option<usize>) -> String {
    let mut text = String::with_capacity(count.unwrap_or(40) * 6);
    let mut state = fingerprint;
    let (mut sentences, mut words) = (0, 0);
    while count.map_or(sentences < 3, |count| words < count) {
        state = mix(state, sentences);
        sentences += 1;
        // The high bits are mixed best.
        let sentence = SENTENCES.get((state >> 40) as usize % SENTENCES.len()).copied().unwrap_or_default();
        for word in sentence.split(' ').take(count.unwrap_or(usize::MAX) - words) {
            if words > 0 {
                text.push(' ');
            }
            text.push_str(word);
            words += 1;
        }
    }
    text
}

const SENTENCES: [&str; 16] = [
    "A bridge is cheaper to cross than a river.",
    "Whoever keeps the gate keeps the count.",
    "Most tolls paid for the road that they stood on.",
    "Some paid for nothing but the tower beside it.",
    "Salt and cloth paid by weight, sheep by the head.",
    "Pilgrims often passed for free, and merchants tried to look like pilgrims.",
    "A fair toll is known before the journey begins.",
    "The keeper wrote every cart into a book.",
    "At night the gate was shut and the lamp was lit.",
    "Where two roads met, each had its own price.",
    "A chain across the river stopped a boat as well as any wall.",
    "Travellers compared prices and chose the other valley.",
    "What was forbidden did not cross, whatever was offered.",
    "When the bridge fell, the toll was all that was left of it.",
    "The bell rang once for a rider and twice for a wagon.",
    "In the end somebody always asked where the money went.",
];

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"Why is the sky blue?"}]}"#;

    fn knobs(set: &[(&str, &str)]) -> Knobs {
        let mut knobs = Knobs::default();
        for (name, value) in set {
            knobs.set(name, value.as_bytes()).unwrap();
        }
        knobs
    }

    fn text(body: &str, set: &[(&str, &str)]) -> Option<String> {
        let request = LlmRequest::parse(body.as_bytes()).unwrap();
        let knobs = knobs(set);
        Generation::new(&request, 7, &knobs).unwrap().text.map(|segmented| segmented.text.into_owned())
    }

    fn user(content: &str) -> String {
        let content = serde_json::to_string(content).unwrap();
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":{content}}}]}}"#)
    }

    #[test]
    fn the_default_text_repeats_the_prompt_and_continues() {
        let generation = text(BODY, &[]).unwrap();
        assert!(generation.starts_with("You said: \"Why is the sky blue?\". "), "{generation}");
        assert!(generation.ends_with('.') && generation.matches(". ").count() == 3, "{generation}");
        assert_eq!(text(BODY, &[]), Some(generation));
    }

    #[test]
    fn a_knob_or_a_prompt_directive_sets_the_text() {
        for (prompt, set, expected) in [
            ("say: Hello, \"you\"\nthere ", &[][..], "Hello, \"you\"\nthere "),
            ("Please.\nsay:no space", &[], "no space"),
            ("deltas: [\"a b\", \"\", \"c\"]", &[], "a bc"),
            ("say: not this", &[("answer", "but%20this")], "but this"),
            ("say: not this", &[("answer-base64", "YnV0IHRoaXM=")], "but this"),
            ("say: not this", &[("deltas", r#"["but ","this"]"#)], "but this"),
            ("say: this", &[("words", "5")], "this"),
        ] {
            assert_eq!(text(&user(prompt), set).as_deref(), Some(expected), "{prompt}");
        }
        assert_eq!(text(&user("say: x"), &[("tool-call", "f={}")]), None);
    }

    #[test]
    fn the_words_knob_sets_the_number_of_words_and_deltas() {
        let request = LlmRequest::parse(BODY.as_bytes()).unwrap();
        let knobs = knobs(&[("words", "200")]);
        let generation = Generation::new(&request, 7, &knobs).unwrap();
        let segmented = generation.text.unwrap();
        assert_eq!(segmented.text.split(' ').count(), 200);
        assert_eq!(segmented.deltas().count(), 200);
        assert_eq!(segmented.deltas().collect::<String>(), segmented.text);
    }

    #[test]
    fn the_output_limit_truncates_the_default_text_only() {
        for (prompt, max, finish) in
            [("anything", 5, "length"), ("anything", 500, "stop"), ("say: one two six", 1, "stop")]
        {
            let body = user(prompt).replacen('{', &format!(r#"{{"max_tokens":{max},"#), 1);
            let request = LlmRequest::parse(body.as_bytes()).unwrap();
            let knobs = Knobs::default();
            let generation = Generation::new(&request, 7, &knobs).unwrap();
            assert_eq!(generation.finish, finish, "{prompt}");
            let segmented = generation.text.unwrap();
            assert_eq!(segmented.deltas().collect::<String>(), segmented.text);
            assert_eq!(generation.usage.output, tokens(&segmented.text));
            assert!(finish == "stop" || generation.usage.output <= max);
        }
    }

    #[test]
    fn usage_is_the_documented_count_unless_a_knob_sets_it() {
        let request = LlmRequest::parse(BODY.as_bytes()).unwrap();
        for (set, expected) in [
            (&[("answer", "one plain example"), ("n", "3")][..], (3 + 4 + 1 + 1 + 1 + 1 + 2, 3 * 5, 0, 0)),
            (&[("tool-call", "lookup={}")], (13, 2 + 1, 0, 0)),
            (&[("usage", "10,20,5,6")], (10, 20, 5, 6)),
        ] {
            let knobs = knobs(set);
            let usage = Generation::new(&request, 7, &knobs).unwrap().usage;
            assert_eq!((usage.input, usage.output, usage.cached, usage.reasoning), expected, "{set:?}");
        }
    }

    #[test]
    fn too_many_events_are_rejected() {
        let request = LlmRequest::parse(BODY.as_bytes()).unwrap();
        let knobs = knobs(&[("words", "100000"), ("n", "128")]);
        assert!(Generation::new(&request, 7, &knobs).is_err());
    }
}
