//! Events above the size limit that consist of data: pictures, sound, embeddings, repetitions of the request.

use crate::{Condenser, Dialect};

/// Treatment of events that are larger than the limit.
#[derive(Clone, Debug)]
pub(crate) enum LargeEvents {
    /// They end the reading of the stream.
    Refused,
    /// They are held as they are if they are within the limit without their data.
    Held(HeldData),
    /// They are condensed while they arrive, for a reader that does not change the stream.
    Condensed(CondensedEvent),
}

/// Measurement of an event without its data.
#[derive(Clone, Debug)]
pub(crate) struct HeldData {
    dialect: Dialect,
    by_line: bool,
    /// Maximum bytes of an event with its data.
    max: usize,
    /// Condenser of the current event, once it is above the limit.
    condenser: Option<Condenser>,
    /// Bytes of the current event that the condenser has read.
    read: usize,
    /// Bytes that the condenser has kept.
    condensed: usize,
}

/// Event that is condensed while it arrives.
#[derive(Clone, Debug)]
pub(crate) struct CondensedEvent {
    dialect: Dialect,
    by_line: bool,
    /// Condenser of the current event, once it is large.
    condenser: Option<Condenser>,
    /// Bytes of the current event that the condenser has read.
    read: usize,
    /// Bytes of texts that were left out of all events.
    elided_text: u64,
}

impl HeldData {
    pub(crate) fn new(dialect: Dialect, by_line: bool, max: usize) -> HeldData {
        HeldData { dialect, by_line, max, condenser: None, read: 0, condensed: 0 }
    }

    /// Returns `true` if the current event, as far as it has arrived, is too large: `held`, then `rest`.
    pub(crate) fn is_too_large(&mut self, held: &[u8], rest: &[u8], limit: usize) -> bool {
        let len = held.len().saturating_add(rest.len());
        if len <= limit {
            return false;
        }
        let condenser = self.condenser.get_or_insert_with(|| Condenser::new(self.dialect, self.by_line));
        let mut kept = Vec::new();
        condenser.push(held.get(self.read..).unwrap_or_default(), &mut kept);
        condenser.push(rest.get(self.read.saturating_sub(held.len())..).unwrap_or_default(), &mut kept);
        self.read = len;
        self.condensed = self.condensed.saturating_add(kept.len());
        len > self.max || self.condensed > limit
    }

    pub(crate) fn end_event(&mut self) {
        (self.condenser, self.read, self.condensed) = (None, 0, 0);
    }
}

impl CondensedEvent {
    pub(crate) fn new(dialect: Dialect, by_line: bool) -> CondensedEvent {
        CondensedEvent { dialect, by_line, condenser: None, read: 0, elided_text: 0 }
    }

    /// Adds bytes of the current event to `held`. An event is condensed once it has a quarter of the limit, and its texts
    /// are left out once its copy comes near the limit.
    pub(crate) fn hold(&mut self, held: &mut Vec<u8>, bytes: &[u8], limit: usize) {
        if self.condenser.is_none() {
            if held.len().saturating_add(bytes.len()) <= limit / 4 {
                held.extend_from_slice(bytes);
                return;
            }
            self.condenser = Some(Condenser::bounded(self.dialect, self.by_line, limit));
            let start = std::mem::take(held);
            self.condense(held, &start);
        }
        self.condense(held, bytes);
    }

    fn condense(&mut self, held: &mut Vec<u8>, bytes: &[u8]) {
        let Some(condenser) = &mut self.condenser else { return };
        self.read += bytes.len();
        condenser.push(bytes, held);
    }

    /// Ends the current event; returns the number of its bytes that were left out.
    pub(crate) fn end_event(&mut self, held: &mut Vec<u8>) -> usize {
        let Some(mut condenser) = self.condenser.take() else { return 0 };
        condenser.finish(held);
        self.elided_text = self.elided_text.saturating_add(condenser.elided_text());
        std::mem::take(&mut self.read).saturating_sub(held.len())
    }

    pub(crate) fn elided_text(&self) -> u64 {
        let current = self.condenser.as_ref().map_or(0, Condenser::elided_text);
        self.elided_text.saturating_add(current)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Chunk, Dialect, FrameError, Framer, Framing, ParseLimits};

    const LIMIT: usize = 1024;

    /// Returns a stream of three events, of which the second has `value`, and the data of each event.
    fn stream(framing: Framing, value: &str) -> String {
        let events = [r#"{"n":1}"#.to_owned(), format!(r#"{{"a":[{value}],"n":2}}"#), r#"{"n":3}"#.to_owned()];
        match framing {
            Framing::Sse => events.iter().map(|event| format!("event: x\ndata: {event}\n\n")).collect(),
            Framing::JsonLines => events.iter().map(|event| format!("{event}\n")).collect(),
            _ => format!("[{}]\r\n", events.join(", ")),
        }
    }

    /// Returns the data of the events, and `false` if the stream cannot be read to its end.
    fn read(framer: &Framer, body: &str, size: usize) -> (Vec<String>, bool) {
        let (mut framer, mut events) = (framer.clone(), Vec::new());
        let mut each = |event: crate::Event<'_>| {
            if let Some(data) = event.data() {
                events.push(String::from_utf8(data.into_owned()).unwrap());
            }
            Ok::<(), ()>(())
        };
        let mut result = Ok(());
        for piece in body.as_bytes().chunks(size) {
            result = result.and_then(|()| framer.push(piece, &mut each));
        }
        let result = result.and_then(|()| framer.finish(&mut each));
        assert!(matches!(result, Ok(()) | Err(FrameError::TooLarge)), "{result:?}");
        (events, result.is_ok())
    }

    #[test]
    fn events_of_data_are_read_above_the_limit() {
        let data = format!("\"{}\"", "iVBORw0KGgo".repeat(1000));
        let text = format!("\"{}\"", "a word or two ".repeat(1000));
        let short_text = format!("\"{}\",{data}", "a word ".repeat(80));
        let numbers = "0.125,".repeat(3000) + "1";
        let many = "\"text\",".repeat(1000) + "1";
        let cases = [
            // Value, and the value in the condensed event; `None` if it is too large even so; `true` if it may be held.
            (&data, Some("\"\"".to_owned()), true),
            (&numbers, Some("0.125,".repeat(9) + "0.125"), true),
            (&text, None, false),
            (&short_text, None, true),
            (&many, None, false),
        ];
        for framing in [Framing::Sse, Framing::JsonLines, Framing::JsonArray] {
            for (value, condensed, may_be_held) in &cases {
                let body = stream(framing, value);
                let whole = format!(r#"{{"a":[{value}],"n":2}}"#);
                for size in [1, 7, 100, 1000, 5000, body.len()] {
                    let plain = read(&Framer::new(framing, LIMIT), &body, size);
                    assert!(!plain.1 && plain.0.len() == 1);
                    let framer = Framer::new(framing, LIMIT).holding_data(Dialect::OpenAiChat, 1 << 20);
                    let (events, is_read) = read(&framer, &body, size);
                    assert_eq!(is_read, *may_be_held, "{framing:?} {size} {value:.40}");
                    assert!(!is_read || events[1] == whole && events.len() == 3);
                    let framer = Framer::new(framing, LIMIT).condensing(Dialect::OpenAiChat);
                    let (events, is_read) = read(&framer, &body, size);
                    if let Some(condensed) = condensed {
                        assert!(is_read, "{framing:?} {size} {value:.40}");
                        assert_eq!(events[1], format!(r#"{{"a":[{condensed}],"n":2}}"#), "{framing:?} {size}");
                    }
                    if is_read {
                        assert_eq!((events.len(), &*events[2]), (3, r#"{"n":3}"#), "{framing:?} {size}");
                        Chunk::parse(Dialect::OpenAiChat, events[1].as_bytes(), &ParseLimits::default()).unwrap();
                    }
                }
            }
        }
    }

    #[test]
    fn texts_above_the_limit_are_measured() {
        let text = "a word or two ".repeat(1000);
        let body = format!("data: {{\"a\":\"{text}\",\"n\":1}}\n\ndata: {{}}\n\n");
        for size in [1, 100, 1024] {
            let mut framer = Framer::new(Framing::Sse, LIMIT).condensing(Dialect::OpenAiChat);
            let mut events = 0;
            for piece in body.as_bytes().chunks(size) {
                let each = |event: crate::Event<'_>| {
                    events += usize::from(event.data().is_some());
                    assert!(event.raw().len() < LIMIT);
                    Ok::<(), ()>(())
                };
                framer.push(piece, each).unwrap();
            }
            assert_eq!(events, 2);
            assert!((text.len() - LIMIT..text.len()).contains(&(framer.elided_text() as usize)));
        }
    }
}
