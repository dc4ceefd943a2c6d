//! Guards: questions about a request, and their answers.

use tollgate_inspect::{
    Guard, GuardTexts, GuardVerdict, MAX_GUARD_RESPONSE_BYTES, OnGuardError, Policy, QuestionError, RuleIndex, RuleSet,
};
use tollgate_kit::{Call, Callout, CalloutError, CalloutResponse};

use crate::metrics::Metrics;

/// Questions to the guards about a request.
#[derive(Default)]
pub(crate) struct Questions {
    asked: Vec<Asked>,
    callouts: Vec<Callout>,
}

/// Guard that judges the request.
struct Asked {
    rule: RuleIndex,
    /// Texts that the guard gets; or the reason why it cannot be asked.
    texts: Result<GuardTexts, QuestionError>,
}

/// Answers of the guards.
#[derive(Default)]
pub(crate) struct Answers {
    pub(crate) verdicts: Vec<(RuleIndex, GuardVerdict)>,
    /// Number of guards that have not judged the request, which passes nevertheless.
    pub(crate) unjudged: u64,
    /// Name of the first guard that has not judged the request and whose errors refuse it.
    pub(crate) refused_by: Option<String>,
}

/// Reason why a guard has not judged a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GuardError {
    /// The texts are too large, or are given as token ids.
    Unreadable,
    /// The guard cannot be reached.
    Unreachable,
    /// The guard is too slow.
    Timeout,
    /// The guard responds with another status than 200.
    Status,
    /// The response is no verdict.
    Invalid,
}

impl GuardError {
    pub(crate) const ALL: [GuardError; 5] =
        [GuardError::Unreadable, GuardError::Unreachable, GuardError::Timeout, GuardError::Status, GuardError::Invalid];

    /// Returns the name in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            GuardError::Unreadable => "unreadable",
            GuardError::Unreachable => "unreachable",
            GuardError::Timeout => "timeout",
            GuardError::Status => "status",
            GuardError::Invalid => "invalid",
        }
    }
}

impl Questions {
    /// Creates the questions about a request.
    pub(crate) fn new(policy: &Policy, excluded: &RuleSet, call: &Call<'_>) -> Questions {
        let mut questions = Questions::default();
        for (rule, guard) in policy.guards(excluded) {
            let texts = GuardTexts::of(policy, rule, call.view(), call.body());
            if texts.as_ref().is_ok_and(GuardTexts::is_empty) {
                continue;
            }
            if let Ok(texts) = &texts {
                questions.callouts.push(callout(guard, texts));
            }
            questions.asked.push(Asked { rule, texts });
        }
        questions
    }

    /// Returns `true` if no guard judges the request.
    pub(crate) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// Takes the calls to the guards; `None` if no guard judges the request.
    pub(crate) fn take_callouts(&mut self) -> Option<Vec<Callout>> {
        (!self.is_empty()).then(|| std::mem::take(&mut self.callouts))
    }

    /// Reads the responses to the [callouts](Self::take_callouts), in their order.
    pub(crate) fn answers(
        self,
        policy: &Policy,
        responses: Vec<Result<CalloutResponse, CalloutError>>,
        metrics: &Metrics,
    ) -> Answers {
        let mut answers = Answers::default();
        let mut responses = responses.into_iter();
        for Asked { rule, texts } in self.asked {
            let Some(guard) = policy.rule(rule).and_then(|rule| rule.guard()) else { continue };
            let verdict = texts.map_err(|_| GuardError::Unreadable).and_then(|texts| {
                let response = responses.next().unwrap_or(Err(CalloutError::Reset));
                verdict(guard, &texts, response)
            });
            match verdict {
                Ok(verdict) => answers.verdicts.push((rule, verdict)),
                Err(error) => {
                    metrics.count_guard_error(rule, error);
                    match guard.on_error() {
                        OnGuardError::Pass => answers.unjudged += 1,
                        OnGuardError::Refuse => {
                            answers.refused_by.get_or_insert_with(|| guard.name().to_owned());
                        }
                    }
                }
            }
        }
        answers
    }
}

fn callout(guard: &Guard, texts: &GuardTexts) -> Callout {
    Callout {
        cluster: guard.cluster().to_owned(),
        headers: guard.headers().to_vec(),
        body: guard.question(texts),
        timeout_ms: guard.timeout_ms(),
        max_response_bytes: MAX_GUARD_RESPONSE_BYTES,
    }
}

fn verdict(
    guard: &Guard,
    texts: &GuardTexts,
    response: Result<CalloutResponse, CalloutError>,
) -> Result<GuardVerdict, GuardError> {
    let response = response.map_err(|error| match error {
        CalloutError::NotReadable => GuardError::Invalid,
        _ => GuardError::Unreachable,
    })?;
    match response.status {
        200 => guard.verdict(&response.body, texts).map_err(|_| GuardError::Invalid),
        503 => Err(GuardError::Unreachable),
        504 => Err(GuardError::Timeout),
        _ => Err(GuardError::Status),
    }
}
