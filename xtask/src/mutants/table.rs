//! Defects that `cargo xtask mutants` puts into the filters.

/// Defect, as a replacement of a piece of source text.
pub(super) struct Mutant {
    /// Name on the command line.
    pub(super) name: &'static str,
    /// Observable consequence, for the output.
    pub(super) breaks: &'static str,
    /// File to change, by its path from the root of the repository.
    pub(super) file: &'static str,
    /// Text to replace; it occurs exactly once in the file, which a test checks.
    pub(super) from: &'static str,
    /// Replacement.
    pub(super) to: &'static str,
}

/// All mutants. Each is a defect that a gateway has had, or could ship unnoticed.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "carry-over",
        breaks: "an event that is split over two body callbacks loses a byte at the split",
        file: "core/llm/src/framing/splitter.rs",
        from: "        self.hold(rest);\n        if self.is_too_large(&[])",
        to: "        self.hold(rest.get(..rest.len().saturating_sub(1)).unwrap_or_default());\n        if self.is_too_large(&[])",
    },
    Mutant {
        name: "before-the-verdict",
        breaks: "a body that arrives in parts is forwarded before the verdict",
        file: "filters/kit/src/stream.rs",
        from: "            Progress::Held(held) => (State::Held(held), FilterStatus::StopIteration),",
        to: "            Progress::Held(held) => (State::Held(held), FilterStatus::Continue),",
    },
    Mutant {
        name: "request-trailers",
        breaks: "a request with trailers is forwarded without a verdict",
        file: "filters/kit/src/stream/request.rs",
        from: "            HeldBody::Json(body) => body.complete(plugin, self.head),",
        to: "            HeldBody::Json(body) => {\n                let _ = (body, plugin);\n                Progress::Pass\n            }",
    },
    Mutant {
        name: "ends-twice",
        breaks: "a form that an earlier filter held until its trailers is released before them, which ends the request twice",
        file: "filters/kit/src/stream/request/form.rs",
        from: "    property::get(property::TRAILERS).is_some()",
        to: "    property::get(property::TRAILERS).is_some() && false",
    },
    Mutant {
        name: "response-trailers",
        breaks: "a buffered response with trailers is forwarded without a verdict",
        file: "filters/kit/src/stream/response.rs",
        from: "            ResponseBody::Whole(whole) => whole.complete(&mut reader),",
        to: "            ResponseBody::Whole(_) => Ok(()),",
    },
    Mutant {
        name: "content-length",
        breaks: "a redacted request keeps the content-length of the original",
        file: "filters/kit/src/stream/request/admission.rs",
        from: "        headers.set(\"content-length\", length.to_string())?;",
        to: "        let _ = length;",
    },
    Mutant {
        name: "owned-headers",
        breaks: "headers that choose a route are accepted from clients",
        file: "filters/kit/src/stream/request/owned_headers.rs",
        from: "head.pairs().filter(|(name, _)| is_owned(name))",
        to: "head.pairs().filter(|(name, _)| is_owned(name) && !name.starts_with(PREFIX))",
    },
    Mutant {
        name: "after-the-cut",
        breaks: "after a rule has ended a streamed response, the remaining events still reach the client",
        file: "filters/kit/src/stream/response/events.rs",
        from: "if !exchange.meters_aborted() {\n            return NextState::Aborted;",
        to: "if !exchange.meters_aborted() {\n            return NextState::Unread(None);",
    },
    Mutant {
        name: "hold-back",
        breaks: "text that may become a match with the next event is not held back",
        file: "core/inspect/src/stream.rs",
        from: "text.push(&mut context, (tool, &self.facts), piece, last, released);",
        to: "text.push(&mut context, (tool, &self.facts), piece, last || !piece.is_empty(), released);",
    },
    Mutant {
        name: "first-choice",
        breaks: "only the first of several choices in a stream is inspected",
        file: "core/inspect/src/stream.rs",
        from: "            if within(&chunk.logprobs, text.str.span) || within(&offsets, text.str.span) {",
        to: "            if text.channel.choice > 0 || within(&chunk.logprobs, text.str.span) || within(&offsets, text.str.span) {",
    },
    Mutant {
        name: "twice-settled",
        breaks: "the usage of a call is charged to its budgets twice",
        file: "core/quota/src/quota.rs",
        from: "            record.settle(actual);",
        to: "            record.settle(actual);\n            record.settle(actual);",
    },
    Mutant {
        name: "leak-on-reset",
        breaks: "a call without a response keeps its reservation",
        file: "filters/cost-quota/src/settlement.rs",
        from: "        let Some(reservation) = self.reservation.take() else { return };",
        to: "        let Some(reservation) = self.reservation.take().filter(|_| end.was_served()) else { return };",
    },
    Mutant {
        name: "usage-withheld",
        breaks: "clients that did not ask for usage receive the usage event",
        file: "core/tokens/src/meter.rs",
        from: "_ if !self.withholds || !chunk.is_usage_only() => ForwardedUsage::Kept,",
        to: "_ if self.withholds || !chunk.is_usage_only() => ForwardedUsage::Kept,",
    },
    Mutant {
        name: "usage-ignored",
        breaks: "usage that the provider reports in a stream is ignored",
        file: "core/tokens/src/meter.rs",
        from: "        ReportedUsage::merge(&mut self.provider, chunk.usage);",
        to: "        let _ = chunk.usage;",
    },
];
