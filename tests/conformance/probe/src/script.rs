//! Script of the probe: rules, each with an event and the commands for it.
//!
//! ```text
//! req_headers: pause; req_body@eos: put req 0 0 "<", local 403 "no"
//! ```
//!
//! Rules are separated by `;` or a new line, commands by `,`, words by white space; `"…"` is one word, with `\"`, `\\`,
//! `\n`, `\r`, `\t` and `\xHH` as escapes. Conditions restrict a rule: `@eos` to an event that ends the message, `@more` to one
//! that does not, `@2` to the second occurrence in this context, `f2/` before the event to the filter of that name.

/// Rules of a script.
#[derive(Debug, Default)]
pub(crate) struct Script {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    /// Name of the filter to which the rule is restricted.
    filter: Option<String>,
    event: String,
    /// Conditions: `eos`, `more`, or the number of the occurrence.
    conditions: Vec<String>,
    commands: Vec<Vec<Vec<u8>>>,
}

impl Script {
    /// Parses a script. An invalid rule never matches, which is visible in the trace of the scenario.
    pub(crate) fn read(text: &[u8]) -> Script {
        Script { rules: split(text, |byte| byte == b';' || byte == b'\n').into_iter().filter_map(rule).collect() }
    }

    /// Returns the commands for an event, in the order of the script.
    pub(crate) fn commands(&self, filter: &str, event: &str, nth: u32, end: Option<bool>) -> Vec<Vec<Vec<u8>>> {
        let matches = |rule: &&Rule| {
            rule.filter.as_deref().is_none_or(|name| name == filter)
                && rule.event == event
                && rule.conditions.iter().all(|condition| match condition.as_str() {
                    "eos" => end == Some(true),
                    "more" => end == Some(false),
                    number => number.parse() == Ok(nth),
                })
        };
        self.rules.iter().filter(matches).flat_map(|rule| rule.commands.clone()).collect()
    }

    /// Returns the first word of the first rule for an event, such as the name in `name: f1`.
    pub(crate) fn value(&self, event: &str) -> Option<String> {
        let rule = self.rules.iter().find(|rule| rule.event == event)?;
        Some(String::from_utf8_lossy(rule.commands.first()?.first()?).into_owned())
    }
}

fn rule(text: &[u8]) -> Option<Rule> {
    let colon = text.iter().position(|&byte| byte == b':')?;
    let (head, commands) = text.split_at(colon);
    let head = String::from_utf8_lossy(head).trim().to_owned();
    let (filter, event) = match head.split_once('/') {
        Some((filter, event)) => (Some(filter.to_owned()), event.to_owned()),
        None => (None, head),
    };
    let mut parts = event.split('@').map(str::to_owned);
    let event = parts.next()?;
    let commands = split(commands.get(1..)?, |byte| byte == b',');
    let commands = commands.into_iter().map(words).filter(|words| !words.is_empty()).collect();
    Some(Rule { filter, event, conditions: parts.collect(), commands })
}

/// Splits at the bytes for which `at` returns `true`, except within quotation marks.
fn split(text: &[u8], at: impl Fn(u8) -> bool) -> Vec<&[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(|&byte| {
        if escaped {
            escaped = false;
        } else if quoted && byte == b'\\' {
            escaped = true;
        } else if byte == b'"' {
            quoted = !quoted;
        }
        !quoted && at(byte)
    });
    parts.collect()
}

fn words(text: &[u8]) -> Vec<Vec<u8>> {
    split(text, |byte| byte.is_ascii_whitespace()).into_iter().filter(|word| !word.is_empty()).map(unquoted).collect()
}

fn unquoted(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = word.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {}
            b'\\' => match bytes.next() {
                Some(b'n') => out.push(b'\n'),
                Some(b'r') => out.push(b'\r'),
                Some(b't') => out.push(b'\t'),
                Some(b'x') => {
                    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                    let value = digit(bytes.next()).zip(digit(bytes.next())).map(|(high, low)| high * 16 + low);
                    out.extend(value.and_then(|value| u8::try_from(value).ok()));
                }
                Some(other) => out.push(other),
                None => {}
            },
            other => out.push(other),
        }
    }
    out
}
