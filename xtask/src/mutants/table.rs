//! The ways in which filters are broken.

/// A defect.
pub(super) struct Mutant {
    /// Its name on the command line.
    pub(super) name: &'static str,
    /// What it does.
    pub(super) breaks: &'static str,
    /// The file it is made in.
    pub(super) file: &'static str,
    /// What stands there, once.
    pub(super) from: &'static str,
    /// What stands there then.
    pub(super) to: &'static str,
}

/// Each is a defect that a gateway has had, or could ship unnoticed.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "carry-over",
        breaks: "an event that came in two frames loses a byte where it was cut",
        file: "core/llm/src/sse.rs",
        from: "        self.held.extend_from_slice(rest);\n        self.failed",
        to: "        self.held.extend_from_slice(rest.get(..rest.len().saturating_sub(1)).unwrap_or_default());\n        self.failed",
    },
    Mutant {
        name: "before-the-verdict",
        breaks: "a body that comes in parts is forwarded before it was judged",
        file: "filters/kit/src/stream/request.rs",
        from: "        self.phase = Phase::Holding { size, encoding };\n        Step::Hold",
        to: "        self.phase = Phase::Holding { size, encoding };\n        Step::Continue",
    },
    Mutant {
        name: "request-trailers",
        breaks: "a request with trailers is not judged",
        file: "filters/kit/src/stream/request.rs",
        from: "                plugin.watchdog.release(self.id);\n                self.judge_held(&plugin, size, encoding)",
        to: "                let _ = (size, encoding);\n                plugin.watchdog.release(self.id);\n                Step::Continue",
    },
    Mutant {
        name: "ends-twice",
        breaks: "a form is let go though a filter before this one has let it go at the trailers, which end it once more",
        file: "filters/kit/src/stream/form.rs",
        from: "    property::get(property::TRAILERS).is_some()",
        to: "    property::get(property::TRAILERS).is_some() && false",
    },
    Mutant {
        name: "response-trailers",
        breaks: "a whole answer with trailers is not judged",
        file: "filters/kit/src/stream/response.rs",
        from: "                self.end_whole(&plugin, dialect, reading, encoding, body, size)\n            }\n            Answer::Events",
        to: "                let _ = (reading, encoding, body, size);\n                Step::Continue\n            }\n            Answer::Events",
    },
    Mutant {
        name: "content-length",
        breaks: "a redacted request goes on with the length of the one that came",
        file: "filters/kit/src/stream/request.rs",
        from: "        headers.set(\"content-length\", length.to_string())?;",
        to: "        let _ = length;",
    },
    Mutant {
        name: "owned-headers",
        breaks: "headers that choose a route are believed of clients",
        file: "filters/kit/src/stream/request.rs",
        from: "        for name in OWNED_HEADERS.into_iter().filter(|name| !is_known || head.has(name)) {",
        to: "        for name in OWNED_HEADERS.into_iter().filter(|_| !is_known) {",
    },
    Mutant {
        name: "after-the-cut",
        breaks: "after a streamed answer was cut by a rule, the rest of it follows",
        file: "filters/kit/src/stream/events.rs",
        from: "                cut(dialect, framing, begun, &reply, out);\n                let out = std::mem::take(out);\n                self.answer = Answer::Cut;",
        to: "                cut(dialect, framing, begun, &reply, out);\n                let out = std::mem::take(out);\n                self.answer = Answer::Passing;",
    },
    Mutant {
        name: "hold-back",
        breaks: "what may become a match with the next event is not held back",
        file: "core/inspect/src/stream.rs",
        from: "text.holdback.push(&mut context, piece, last, released);",
        to: "text.holdback.push(&mut context, piece, last || !piece.is_empty(), released);",
    },
    Mutant {
        name: "first-choice",
        breaks: "of several answers of one stream only the first is inspected",
        file: "core/inspect/src/stream.rs",
        from: "            if !within(&chunk.logprobs, text.str.span) && !within(&offsets, text.str.span) {",
        to: "            if text.channel.choice == 0 && !within(&chunk.logprobs, text.str.span) && !within(&offsets, text.str.span) {",
    },
    Mutant {
        name: "twice-settled",
        breaks: "what a call took is taken from its budgets twice",
        file: "core/quota/src/quota.rs",
        from: "                    ledger.settle(actual.of(hold.unit));",
        to: "                    ledger.settle(actual.of(hold.unit));\n                    ledger.settle(actual.of(hold.unit));",
    },
    Mutant {
        name: "leak-on-reset",
        breaks: "a call that got no answer keeps its reservation",
        file: "filters/cost-quota/src/payment.rs",
        from: "        let Some(reservation) = self.reservation.take() else { return };",
        to: "        let Some(reservation) = self.reservation.take().filter(|_| end.was_served()) else { return };",
    },
    Mutant {
        name: "usage-withheld",
        breaks: "clients that did not ask for usage get the event that has it",
        file: "core/tokens/src/meter.rs",
        from: "withhold: self.withholds && chunk.is_usage_only(),",
        to: "withhold: false,",
    },
    Mutant {
        name: "usage-ignored",
        breaks: "the provider's word is ignored where a stream carries it",
        file: "core/tokens/src/meter.rs",
        from: "            Reported::merge(&mut self.provider, chunk.usage);",
        to: "            let _ = chunk.usage;",
    },
];
