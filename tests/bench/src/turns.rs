//! Measurement of conversations: CPU time of a first and of a late turn, and the delay that they cause to another client of the
//! same worker.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::try_join;
use tokio::time::{Instant, sleep_until};
use tollgate_envoy_harness::client::Request;
use tollgate_envoy_harness::{Context, Error, Result};

use crate::client::{Connection, request};
use crate::conversation::{Conversation, LATE, MAX_BODY_BYTES, SIZES, Size};
use crate::corpus::Corpus;
use crate::load::LOADS;
use crate::measure::{Bench, turns};
use crate::subject::Subject;
use crate::variant::{COMPLETE, Setup, Variant};

/// Measurements of a variant.
#[derive(Clone, Debug)]
pub(crate) struct Turns {
    /// Variant.
    pub(crate) variant: Variant,
    /// Measurements by size: first turn, late turn.
    pub(crate) cells: Vec<[TurnCell; 2]>,
}

/// Measurements of one turn of conversations of one size.
#[derive(Clone, Debug, Default)]
pub(crate) struct TurnCell {
    /// CPU time of Envoy per turn in seconds, by round.
    pub(crate) cpu: Vec<f64>,
    /// Delays of the other client's responses in seconds, of all rounds.
    pub(crate) delays: Vec<f64>,
}

/// Turns per measurement of the CPU time.
const MEASURED: usize = 3;

/// Time between two turns. A turn that takes longer is followed at once.
const EVERY: Duration = Duration::from_millis(250);

/// Time between two requests of the other client.
const INTERVAL: Duration = Duration::from_millis(2);

/// Numbers of conversations of one size in a round: each round has others.
const NUMBERS: u64 = 1 << 10;

impl Bench<'_> {
    /// Measures the complete variants with conversations.
    pub(crate) fn conversations(&self) -> Result<Vec<Turns>> {
        let setup = Setup { max_body_bytes: Some(MAX_BODY_BYTES), ..self.setup };
        let mut measured = Vec::new();
        let mut subjects = Vec::new();
        for variant in COMPLETE {
            (self.report)(&format!("conversations, warming up: {}", variant.name()));
            let (gateway, _) = self.start(variant, &setup)?;
            let mut subject = Subject::connect(&self.runtime, variant, gateway)?;
            let mut lengths = Vec::new();
            for (at, size) in SIZES.into_iter().enumerate() {
                let length = self.warm_up_turns(&mut subject, size, at as u64 * NUMBERS);
                lengths.push(length.context(|| format!("{}, {}", variant.name(), size.name))?);
            }
            subjects.push((subject, lengths));
            measured.push(Turns { variant, cells: SIZES.map(|_| Default::default()).into() });
        }
        for round in 0..self.plan.conversations {
            (self.report)(&format!("conversations, round {} of {}", round + 1, self.plan.conversations));
            for (at, size) in SIZES.into_iter().enumerate() {
                let number = ((round + 1) * SIZES.len() + at) as u64 * NUMBERS;
                for (measured, (subject, lengths)) in turns(&mut measured, &mut subjects, round + at) {
                    let what = || format!("{}, {}", measured.variant.name(), size.name);
                    let (Some([first, late]), Some(length)) = (measured.cells.get_mut(at), lengths.get(at)) else {
                        return Err(Error::new("a size without a cell"));
                    };
                    self.first_turns(subject, size, (number, *length), first).context(what)?;
                    self.late_turns(subject, size, (number, *length), late).context(what)?;
                }
            }
        }
        subjects.iter().try_for_each(|(subject, _)| subject.check_counting())?;
        Ok(measured)
    }

    /// Sends conversations for a while and returns the length of a response.
    fn warm_up_turns(&self, subject: &mut Subject, size: Size, number: u64) -> Result<usize> {
        let load = LOADS.first().ok_or_else(|| Error::new("no load"))?;
        let first = Conversation::new(&self.corpus, size, number).body();
        let length = subject.take_up(&self.runtime, load, first)?.length;
        let begin = Instant::now();
        for number in number + 1..number + NUMBERS {
            let first = request(Conversation::new(&self.corpus, size, number).body(), &[]);
            subject.send(&self.runtime, &[first], 1, length)?;
            if begin.elapsed() > self.plan.warm_up {
                break;
            }
        }
        Ok(length)
    }

    fn first_turns(
        &self,
        subject: &mut Subject,
        size: Size,
        (number, length): (u64, usize),
        cell: &mut TurnCell,
    ) -> Result<()> {
        let firsts = |numbers: std::ops::Range<u64>| -> Vec<Request> {
            numbers.map(|number| request(Conversation::new(&self.corpus, size, number).body(), &[])).collect()
        };
        // The first one is not measured.
        let alone = number + 1 + MEASURED as u64;
        cell.cpu.push(subject.cpu_per_request(&self.runtime, &firsts(number..alone), 1, length)?);
        let observed = firsts(alone..alone + self.plan.observed as u64);
        cell.delays.extend(self.delays(subject, &observed, number)?);
        Ok(())
    }

    fn late_turns(
        &self,
        subject: &mut Subject,
        size: Size,
        (number, length): (u64, usize),
        cell: &mut TurnCell,
    ) -> Result<()> {
        let mut conversation = Conversation::new(&self.corpus, size, number + NUMBERS - 1);
        let mut next = || {
            let sent = request(conversation.body(), &[]);
            conversation.turn(&self.corpus);
            sent
        };
        for _ in 1..LATE - 1 {
            subject.send(&self.runtime, &[next()], 1, length)?;
        }
        // The turn before the first one that is measured is sent, but not measured.
        let measured: Vec<_> = (0..=MEASURED).map(|_| next()).collect();
        cell.cpu.push(subject.cpu_per_request(&self.runtime, &measured, 1, length)?);
        let observed: Vec<_> = (0..self.plan.observed).map(|_| next()).collect();
        cell.delays.extend(self.delays(subject, &observed, number + 1)?);
        Ok(())
    }

    /// Sends turns and returns the delays of another client beside them.
    fn delays(&self, subject: &mut Subject, requests: &[Request], number: u64) -> Result<Vec<f64>> {
        let tail = subject.log_tail();
        let (talker, other) = subject.pair()?;
        let observed = observe(&self.corpus, talker, other, requests, number << 20);
        self.runtime.block_on(observed).context(|| tail)
    }
}

/// Sends turns on one connection and small requests on another, and returns the delays of the latter. A request that was due
/// while the last one was unanswered counts from the time at which it was due.
async fn observe(
    corpus: &Corpus,
    talker: &mut Connection,
    other: &mut Connection,
    requests: &[Request],
    number: u64,
) -> Result<Vec<f64>> {
    let begin = Instant::now();
    let is_done = Cell::new(false);
    let talk = async {
        for (request, turn) in requests.iter().zip(0..) {
            sleep_until(begin + EVERY * turn).await;
            talker.ask(request).await?;
        }
        sleep_until(begin + EVERY * requests.len() as u32).await;
        is_done.set(true);
        Ok(())
    };
    let small = LOADS.first().ok_or_else(|| Error::new("no load"))?;
    let observe = async {
        let mut delays = Vec::new();
        for count in 0.. {
            if is_done.get() {
                break;
            }
            let mut due = begin + INTERVAL * count;
            if Instant::now() < due {
                // The timer has a resolution of a millisecond, which is no delay by Envoy.
                sleep_until(due).await;
                due = Instant::now();
            }
            let body = small.body(corpus, number + u64::from(count));
            other.ask(&request(body, &[])).await?;
            delays.push(due.elapsed().as_secs_f64());
        }
        Ok(delays)
    };
    try_join(talk, observe).await.map(|((), delays)| delays)
}

#[cfg(test)]
mod tests {
    use tollgate_mock_llm::{MockLlm, Options};

    use super::*;

    #[test]
    fn the_other_client_is_observed_while_the_turns_last() {
        let mock = MockLlm::start(Options {
            knobs: crate::upstream_knobs(),
            ..Options::new(vec![("openai".into(), ([127, 0, 0, 1], 0).into())])
        })
        .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let to = mock.addresses()[0].1;
        let corpus = Corpus::new();
        let size = Size { name: "4 KB", bytes: 4 << 10 };
        let requests = [request(Conversation::new(&corpus, size, 1).body(), &[])];
        let delays = runtime.block_on(async {
            let (mut one, mut other) = (Connection::open(to).await.unwrap(), Connection::open(to).await.unwrap());
            observe(&corpus, &mut one, &mut other, &requests, 1).await.unwrap()
        });
        assert!(!delays.is_empty());
        assert_eq!(mock.received().len(), delays.len() + 1);
    }
}
