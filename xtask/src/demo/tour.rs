//! The tour: six requests over HTTP, each shown with its response and with Tollgate's access log entry.
//!
//! Every step checks what its title claims; a step that fails is marked, and the command fails.

use std::io::{IsTerminal, Write};

use serde_json::Value;
use tollgate_envoy_harness::{Context, Error, Result};

use super::Interrupt;
use super::call::{Answer, Call};
use super::stack::Stack;

/// Runs all steps; returns `false` if one of them failed.
pub(crate) fn run(stack: &Stack, interrupt: &Interrupt) -> Result<bool> {
    let mut tour = Tour { stack, style: Style::of_stdout(), asked: None, steps: 0, failed: 0 };
    let steps: [fn(&mut Tour<'_>) -> Result<()>; 6] = [chat, streamed, routed, refused, redacted, run_out];
    for step in steps {
        if interrupt.came() {
            return Ok(false);
        }
        step(&mut tour)?;
    }
    let (steps, failed) = (tour.steps, tour.failed);
    if failed == 0 {
        println!("\nAll {steps} steps passed.");
    } else {
        println!(
            "\n{failed} of {steps} steps failed, see above. The end of Envoy's log:\n{}",
            stack.gateway.log_tail()
        );
    }
    Ok(failed == 0)
}

fn chat(tour: &mut Tour<'_>) -> Result<()> {
    tour.title("A chat call")?;
    let call = Call {
        consumer: "alice",
        model: "gpt-4o",
        prompt: "Why did medieval bridges charge a toll?".into(),
        stream: None,
        max_tokens: None,
    };
    let (answer, entry) = tour.call(&call)?;
    tour.expect(answer.status == 200 && !answer.text.is_empty(), "an answer");
    tour.expect(number(&entry, "input_tokens") > 0 && number(&entry, "output_tokens") > 0, "tokens on record");
    tour.expect(number(&entry, "cost_nano_usd") > 0, "a cost on record");
    tour.expect(entry["upstream_cluster"] == "openai", "sent to openai");
    Ok(())
}

fn streamed(tour: &mut Tour<'_>) -> Result<()> {
    tour.title("A streamed call: each · is where one event ended and the next arrived")?;
    let call = Call {
        consumer: "alice",
        model: "gpt-4o-mini",
        prompt: "say: Tolls paid for the upkeep of the bridge, and now and then for the baron's new roof.".into(),
        stream: Some(25),
        max_tokens: None,
    };
    let (answer, entry) = tour.call(&call)?;
    tour.expect(answer.status == 200 && answer.deltas > 3 && answer.done, "many events and [DONE]");
    tour.expect(!answer.usage_seen, "no usage chunk, which we did not ask for");
    tour.expect(entry["usage_source"] == "provider", "the provider's usage on record all the same");
    Ok(())
}

fn routed(tour: &mut Tour<'_>) -> Result<()> {
    tour.title("Routed by model: `fast` is our name for a model on another upstream")?;
    let call = Call {
        consumer: "alice",
        model: "fast",
        prompt: "Name a toll bridge that still stands.".into(),
        stream: None,
        max_tokens: None,
    };
    let (answer, entry) = tour.call(&call)?;
    let last = tour.stack.received()?.pop().unwrap_or_default();
    let asked: Value = serde_json::from_str(last["body"].as_str().unwrap_or_default()).unwrap_or_default();
    let (upstream, model) = (&last["upstream"], &asked["model"]);
    tour.line("upstream", &format!("{} was asked for {}", plain(upstream), plain(model)))?;
    tour.expect(answer.status == 200, "an answer");
    tour.expect(upstream == "local" && entry["upstream_cluster"] == "local", "sent to local");
    tour.expect(model == "llama-3.1-8b", "the alias replaced in the body");
    Ok(())
}

fn refused(tour: &mut Tour<'_>) -> Result<()> {
    tour.title("A prompt with a cloud key in it: refused before anything reaches the upstream")?;
    let before = tour.stack.received()?.len();
    let call = Call {
        consumer: "bob",
        model: "gpt-4o",
        prompt: "Why does this fail? aws configure set aws_access_key_id AKIAIOSFODNN7EXAMPLE".into(),
        stream: None,
        max_tokens: None,
    };
    let (answer, entry) = tour.call(&call)?;
    let received = tour.stack.received()?.len() - before;
    tour.line("upstream", if received == 0 { "received nothing" } else { "received the request" })?;
    tour.expect((400..500).contains(&answer.status) && answer.error.is_some(), "an error for the client");
    tour.expect(received == 0 && entry["upstream_host"].is_null(), "nothing sent on");
    tour.expect(plain(&entry["rules"]).contains("secret.aws-access-key"), "the rule on record");
    tour.expect(!answer.text.contains("AKIA"), "the key not repeated");
    Ok(())
}

fn redacted(tour: &mut Tour<'_>) -> Result<()> {
    tour.title("An e-mail address that arrives in five pieces is taken out of a streamed answer")?;
    let call = Call {
        consumer: "bob",
        model: "gpt-4o",
        prompt: "deltas: [\"Write to \",\"ja\",\"ne.doe\",\"@exam\",\"ple.\",\"com\",\", she keeps the bridge.\"]"
            .into(),
        stream: Some(25),
        max_tokens: None,
    };
    let (answer, entry) = tour.call(&call)?;
    tour.expect(answer.status == 200 && answer.done, "a whole stream");
    tour.expect(answer.text == "Write to [email], she keeps the bridge.", "[email] in place of the address");
    tour.expect(plain(&entry["rules"]).contains("pii.email"), "the rule on record");
    Ok(())
}

fn run_out(tour: &mut Tour<'_>) -> Result<()> {
    tour.title("A consumer with a small budget (400 tokens an hour) runs out of it")?;
    let call = Call {
        consumer: "trial",
        model: "gpt-4o-mini",
        prompt: "Tell me all you know about the tolls of the Rhine, castle by castle.".into(),
        stream: None,
        max_tokens: Some(100),
    };
    for _ in 0..MANY {
        let (answer, entry) = tour.call(&call)?;
        if answer.status == 429 {
            tour.expect(answer.retry_after.is_some(), "a retry-after");
            tour.expect(answer.error.is_some(), "an error for the client");
            tour.expect(entry["upstream_host"].is_null(), "nothing sent on");
            return Ok(());
        }
        tour.expect(answer.status == 200, "an answer");
    }
    tour.expect(false, "a refusal in the end");
    Ok(())
}

/// Number of calls, more than any small budget allows.
const MANY: usize = 40;

struct Tour<'a> {
    stack: &'a Stack,
    style: Style,
    /// Prompt of the previous call.
    asked: Option<String>,
    steps: usize,
    failed: usize,
}

impl Tour<'_> {
    fn title(&mut self, text: &str) -> Result<()> {
        self.steps += 1;
        let Style { bold, reset, .. } = self.style;
        print(&format!("\n{bold}{}. {text}{reset}\n", self.steps))
    }

    fn line(&self, label: &str, text: &str) -> Result<()> {
        let Style { dim, reset, .. } = self.style;
        print(&format!("   {dim}{label:<10}{reset} {text}\n"))
    }

    /// Sends a call and prints the request, the response and the access log entry.
    fn call(&mut self, call: &Call) -> Result<(Answer, Value)> {
        let mut how = if call.stream.is_some() { ", streamed".to_owned() } else { String::new() };
        if let Some(tokens) = call.max_tokens {
            how.push_str(&format!(", at most {tokens} tokens"));
        }
        let prompt = match &self.asked {
            Some(asked) if *asked == call.prompt => "the same again".to_owned(),
            _ => shortened(&call.prompt, 96),
        };
        self.asked = Some(call.prompt.clone());
        self.line("asked", &format!("{} → {}{how}: {prompt}", call.consumer, call.model))?;
        let Style { dim, reset, .. } = self.style;
        let mut first = true;
        let answer = call.send(self.stack.gateway.address(), &mut |piece| {
            let lead =
                if first { format!("   {dim}{:<10}{reset} 200  ", "came back") } else { format!("{dim}·{reset}") };
            first = false;
            // An error here means that the output was closed; the next line reports it.
            let _ = print(&format!("{lead}{piece}"));
        })?;
        if first {
            let error = answer.error.as_ref().map(|error| format!("{error}: ")).unwrap_or_default();
            let retry = answer.retry_after.as_ref().map(|s| format!("  (retry-after: {s})")).unwrap_or_default();
            let text = shortened(&answer.text, 120);
            self.line("came back", &format!("{}  {error}{text}{retry}", answer.status))?;
        } else {
            print("\n")?;
        }
        if answer.request_id.is_empty() {
            return Err(Error::new("the response has no x-tollgate-request-id"));
        }
        let entry = self.stack.gateway.access_log_entry(&answer.request_id)?;
        self.line("recorded", &record(&entry))?;
        Ok((answer, entry))
    }

    /// Prints an expectation that does not hold.
    fn expect(&mut self, holds: bool, what: &str) {
        if !holds {
            self.failed = (self.failed + 1).min(self.steps);
            let Style { red, reset, .. } = self.style;
            println!("   {red}✗ expected {what}{reset}");
        }
    }
}

#[derive(Clone, Copy)]
struct Style {
    bold: &'static str,
    dim: &'static str,
    red: &'static str,
    reset: &'static str,
}

impl Style {
    fn of_stdout() -> Style {
        if std::io::stdout().is_terminal() {
            Style { bold: "\x1b[1m", dim: "\x1b[2m", red: "\x1b[31m", reset: "\x1b[0m" }
        } else {
            Style { bold: "", dim: "", red: "", reset: "" }
        }
    }
}

fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context(|| "cannot write".into())
}

/// Renders an access log entry in one line.
fn record(entry: &Value) -> String {
    let field = |name: &str| entry[name].as_str().filter(|text| !text.is_empty());
    let mut parts = vec![plain(&entry["verdict"])];
    if let Some(model) = field("model") {
        let served = field("served_model").filter(|served| *served != model);
        parts.push(format!("model {model}{}", served.map(|served| format!(" (served {served})")).unwrap_or_default()));
    }
    parts.extend(field("route").map(|route| format!("route {route}")));
    if let (Some(input), Some(output)) = (field("input_tokens"), field("output_tokens")) {
        parts.push(format!("{input} in + {output} out tokens (usage: {})", plain(&entry["usage_source"])));
    }
    parts.extend(field("cost_nano_usd").map(|_| dollars(number(entry, "cost_nano_usd"))));
    parts.extend(field("rules").map(|rules| format!("rules {rules}")));
    parts.join(" · ")
}

/// Renders a field as text; `-` if it is not set.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) if text.is_empty() => "-".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Parses a field that Tollgate publishes as decimal text; 0 if it is missing.
fn number(entry: &Value, field: &str) -> u64 {
    entry[field].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Renders nano-dollars as dollars, with as many decimals as needed and at least two.
fn dollars(nano: u64) -> String {
    let fraction = format!("{:09}", nano % 1_000_000_000);
    let digits = fraction.trim_end_matches('0').len().max(2);
    format!("${}.{}", nano / 1_000_000_000, fraction.get(..digits).unwrap_or_default())
}

/// Shortens a text to one line of at most `limit` characters.
fn shortened(text: &str, limit: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn money_is_exact() {
        for (nano, text) in [(0, "$0.00"), (1, "$0.000000001"), (365_000, "$0.000365"), (2_500_000_000, "$2.50")] {
            assert_eq!(dollars(nano), text);
        }
    }

    #[test]
    fn an_entry_is_rendered_in_one_line() {
        let entry = json!({
            "verdict": "allow", "model": "fast", "served_model": "llama-3.1-8b", "route": "local", "input_tokens": "12",
            "output_tokens": "30", "usage_source": "provider", "cost_nano_usd": "3000", "rules": null,
        });
        assert_eq!(
            record(&entry),
            "allow · model fast (served llama-3.1-8b) · route local · 12 in + 30 out tokens (usage: provider) · $0.000003"
        );
        let entry = json!({"verdict": "block", "route": null, "rules": "secret.aws-access-key"});
        assert_eq!(record(&entry), "block · rules secret.aws-access-key");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(shortened("a  b\nc", 10), "a b c");
        assert_eq!(shortened("äöüß", 2), "äö…");
    }
}
