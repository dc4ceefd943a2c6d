//! What the mock says to a request: text, tools called, usage. Nothing here depends on anything but the request and the
//! knobs, so the same request gives the same answer.

use std::borrow::Cow;

use crate::ask::Ask;
use crate::fingerprint::step;
use crate::knobs::{BadKnob, Knobs, Usage};
use crate::tokens::{cut, piece_ends, tokens, word_ends};

/// When every answer was created, in seconds: 2023-11-14 22:13:20 UTC.
pub const CREATED: u64 = 1_700_000_000;

/// Events (choices times deltas) that one answer may have at most.
const MOST_EVENTS: usize = 200_000;

/// Characters of the prompt that the default answer repeats.
const ECHOED: usize = 160;

/// One answer, not yet written in any format.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    /// Of the request.
    pub(crate) fingerprint: u64,
    pub(crate) model: Cow<'a, str>,
    pub(crate) choices: u32,
    /// What the model thought before it spoke, the same in every choice.
    pub(crate) thought: Option<Said<'a>>,
    /// The same in every choice. `None`: only tools are called.
    pub(crate) text: Option<Said<'a>>,
    pub(crate) tool_calls: &'a [(String, String)],
    /// As OpenAI's chat calls it.
    pub(crate) finish: &'a str,
    pub(crate) usage: Usage,
}

/// A text and where its deltas end.
#[derive(Debug, PartialEq)]
pub(crate) struct Said<'a> {
    pub(crate) text: Cow<'a, str>,
    ends: Vec<usize>,
}

impl<'a> Said<'a> {
    fn new(text: Cow<'a, str>, knobs: &Knobs) -> Said<'a> {
        let ends = match knobs.delta_chars {
            Some(size) => piece_ends(&text, size),
            None => word_ends(&text),
        };
        Said { text, ends }
    }

    fn of_deltas(deltas: &[String]) -> Said<'a> {
        let mut text = String::new();
        let ends = deltas.iter().map(|delta| {
            text.push_str(delta);
            text.len()
        });
        Said { ends: ends.collect(), text: Cow::Owned(text) }
    }

    pub(crate) fn deltas(&self) -> impl Iterator<Item = &str> {
        cut(&self.text, &self.ends)
    }

    /// Cuts the text to so many deltas that it has no more than `most` tokens; whether anything was cut off.
    fn cap(&mut self, most: u64) -> bool {
        let mut spent = 0;
        let fits = |delta: &&str| {
            spent += tokens(delta);
            spent <= most
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

impl<'a> Answer<'a> {
    /// The answer to `ask`, whose body has this `fingerprint`.
    pub(crate) fn new(ask: &'a Ask<'_>, fingerprint: u64, knobs: &'a Knobs) -> Result<Answer<'a>, BadKnob> {
        let choices = knobs.candidates.or(ask.candidates).unwrap_or(1).clamp(1, 128);
        let (text, capped) = said(ask, fingerprint, knobs);
        let thought = knobs.thinking.as_ref().map(|text| Said::new(text.into(), knobs));
        let deltas = [&text, &thought].into_iter().flatten().map(|said| said.ends.len()).sum::<usize>();
        if deltas.saturating_mul(choices as usize) > MOST_EVENTS {
            return Err(BadKnob::Value { name: "n".to_owned(), wanted: "fewer choices of so many deltas" });
        }
        let finish = match &knobs.finish {
            Some(finish) => finish,
            None if !knobs.tool_calls.is_empty() => "tool_calls",
            None if capped => "length",
            None => "stop",
        };
        let usage = knobs.usage.unwrap_or_else(|| {
            let called: u64 = knobs.tool_calls.iter().map(|(name, arguments)| tokens(name) + tokens(arguments)).sum();
            let said = text.as_ref().map_or(0, |said| tokens(&said.text));
            let reasoning = u64::from(choices) * thought.as_ref().map_or(0, |said| tokens(&said.text));
            let output = u64::from(choices) * (said + called) + reasoning;
            Usage { input: ask.prompt_tokens(), output, reasoning, ..Usage::default() }
        });
        let model = knobs.model.as_deref().or(ask.model.as_ref().map(|model| &*model.0)).unwrap_or_default();
        Ok(Answer {
            fingerprint,
            model: model.into(),
            choices,
            thought,
            text,
            tool_calls: &knobs.tool_calls,
            finish,
            usage,
        })
    }

    /// The text; empty if there is none.
    pub(crate) fn said(&self) -> &str {
        self.text.as_ref().map_or("", |said| &said.text)
    }

    /// The finish reason by the name that another API has for it; one that the table does not know stays as it is.
    pub(crate) fn finish_in<'b>(&self, names: &[(&str, &'b str)]) -> &'b str
    where
        'a: 'b,
    {
        names.iter().find(|(ours, _)| *ours == self.finish).map_or(self.finish, |(_, theirs)| *theirs)
    }

    /// An id of this answer.
    pub(crate) fn id(&self, prefix: &str) -> String {
        format!("{prefix}{:016x}", self.fingerprint)
    }
}

/// The text of the answer, and whether the request's output cap cut it short. A text that somebody wrote is never cut.
fn said<'a>(ask: &'a Ask<'_>, fingerprint: u64, knobs: &'a Knobs) -> (Option<Said<'a>>, bool) {
    if let Some(deltas) = &knobs.deltas {
        return (Some(Said::of_deltas(deltas)), false);
    }
    if let Some(answer) = &knobs.answer {
        return (Some(Said::new(answer.into(), knobs)), false);
    }
    if !knobs.tool_calls.is_empty() {
        return (None, false);
    }
    let prompt = ask.last_user_text();
    match Wish::of(prompt) {
        Some(Wish::Deltas(deltas)) => return (Some(Said::of_deltas(&deltas)), false),
        Some(Wish::Say(text)) => return (Some(Said::new(text.into(), knobs)), false),
        None => {}
    }
    let text = match knobs.words {
        Some(count) => prose(fingerprint, Some(count)),
        None => {
            let end = prompt.char_indices().nth(ECHOED).map_or(prompt.len(), |(at, _)| at);
            let echoed = prompt.get(..end).unwrap_or_default();
            format!("You said: \"{echoed}\". {}", prose(fingerprint, None))
        }
    };
    let mut said = Said::new(text.into(), knobs);
    let capped = ask.cap.is_some_and(|most| said.cap(most));
    (Some(said), capped)
}

/// What a prompt asks the mock to answer, for clients that cannot set headers.
#[derive(Debug, PartialEq)]
enum Wish<'a> {
    /// `say: TEXT`: all that follows, to the end of the prompt.
    Say(&'a str),
    /// `deltas: ["..", ".."]`: a JSON array of strings.
    Deltas(Vec<String>),
}

impl Wish<'_> {
    /// The wish that the first line beginning with `say:` or `deltas:` makes.
    fn of(prompt: &str) -> Option<Wish<'_>> {
        let mut start = 0;
        for line in prompt.split_inclusive('\n') {
            let rest = prompt.get(start..).unwrap_or_default();
            if let Some(text) = rest.strip_prefix("say:") {
                return Some(Wish::Say(text.strip_prefix(' ').unwrap_or(text)));
            }
            if let Some(deltas) = rest.strip_prefix("deltas:").and_then(|array| serde_json::from_str(array).ok()) {
                return Some(Wish::Deltas(deltas));
            }
            start += line.len();
        }
        None
    }
}

/// The first `count` words of sentences that the fingerprint picks; without `count`, three sentences.
fn prose(fingerprint: u64, count: Option<usize>) -> String {
    let mut text = String::with_capacity(count.unwrap_or(40) * 6);
    let mut state = fingerprint;
    let (mut sentences, mut words) = (0, 0);
    while count.map_or(sentences < 3, |count| words < count) {
        state = step(state, sentences);
        sentences += 1;
        // The high bits are the well mixed ones.
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
        let ask = Ask::parse(body.as_bytes()).unwrap();
        let knobs = knobs(set);
        Answer::new(&ask, 7, &knobs).unwrap().text.map(|said| said.text.into_owned())
    }

    fn user(content: &str) -> String {
        let content = serde_json::to_string(content).unwrap();
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":{content}}}]}}"#)
    }

    #[test]
    fn the_default_repeats_the_prompt_and_goes_on() {
        let answer = text(BODY, &[]).unwrap();
        assert!(answer.starts_with("You said: \"Why is the sky blue?\". "), "{answer}");
        assert!(answer.ends_with('.') && answer.matches(". ").count() == 3, "{answer}");
        assert_eq!(text(BODY, &[]), Some(answer));
    }

    #[test]
    fn what_the_prompt_or_a_knob_says_is_said() {
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
    fn words_counts_words_and_deltas() {
        let ask = Ask::parse(BODY.as_bytes()).unwrap();
        let knobs = knobs(&[("words", "200")]);
        let answer = Answer::new(&ask, 7, &knobs).unwrap();
        let said = answer.text.unwrap();
        assert_eq!(said.text.split(' ').count(), 200);
        assert_eq!(said.deltas().count(), 200);
        assert_eq!(said.deltas().collect::<String>(), said.text);
    }

    #[test]
    fn the_output_cap_cuts_a_made_up_text_only() {
        for (prompt, most, finish) in
            [("anything", 5, "length"), ("anything", 500, "stop"), ("say: one two six", 1, "stop")]
        {
            let body = user(prompt).replacen('{', &format!(r#"{{"max_tokens":{most},"#), 1);
            let ask = Ask::parse(body.as_bytes()).unwrap();
            let knobs = Knobs::default();
            let answer = Answer::new(&ask, 7, &knobs).unwrap();
            assert_eq!(answer.finish, finish, "{prompt}");
            let said = answer.text.unwrap();
            assert_eq!(said.deltas().collect::<String>(), said.text);
            assert_eq!(answer.usage.output, tokens(&said.text));
            assert!(finish == "stop" || answer.usage.output <= most);
        }
    }

    #[test]
    fn usage_is_the_documented_count_unless_given() {
        let ask = Ask::parse(BODY.as_bytes()).unwrap();
        for (set, expected) in [
            (&[("answer", "one plain example"), ("n", "3")][..], (3 + 4 + 1 + 1 + 1 + 1 + 2, 3 * 5, 0, 0)),
            (&[("tool-call", "lookup={}")], (13, 2 + 1, 0, 0)),
            (&[("usage", "10,20,5,6")], (10, 20, 5, 6)),
        ] {
            let knobs = knobs(set);
            let usage = Answer::new(&ask, 7, &knobs).unwrap().usage;
            assert_eq!((usage.input, usage.output, usage.cached, usage.reasoning), expected, "{set:?}");
        }
    }

    #[test]
    fn an_answer_has_an_end() {
        let ask = Ask::parse(BODY.as_bytes()).unwrap();
        let knobs = knobs(&[("words", "100000"), ("n", "128")]);
        assert!(Answer::new(&ask, 7, &knobs).is_err());
    }
}
