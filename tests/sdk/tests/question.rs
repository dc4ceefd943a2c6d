//! Calls of SDKs, and their results.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tollgate_envoy_harness::child::ChildBuilder;
use tollgate_envoy_harness::scratch::Scratch;

use crate::callers::{CALLERS, Caller, Language, Other};
use crate::install;

/// One call of an SDK.
#[derive(Clone, Debug, Serialize)]
pub struct Question {
    /// The function of the client that makes it.
    pub call: &'static str,
    /// Base URL without the version.
    pub base: String,
    pub model: String,
    pub prompt: String,
    pub stream: bool,
    /// `true` if a tool is offered.
    pub tools: bool,
    /// `true` to ask for usage, in dialects whose streams report it only on request.
    pub ask_usage: bool,
    /// `true` to repeat failed calls as often as the SDK does by default.
    pub retries: bool,
    pub headers: BTreeMap<String, String>,
    #[serde(skip)]
    pub language: Language,
    #[serde(skip)]
    pub name: String,
}

impl Question {
    /// Creates a call. `number` makes its path unique.
    pub fn new(caller: &Caller, stream: bool, url: &str, number: usize) -> Question {
        let question = Question {
            call: caller.call,
            base: format!("{url}/q{number}"),
            model: caller.model.to_owned(),
            prompt: String::new(),
            stream,
            tools: false,
            ask_usage: true,
            retries: false,
            headers: BTreeMap::new(),
            language: caller.language,
            name: String::new(),
        };
        if caller.call.contains("mistral") {
            // Mistral's API reports usage unasked in the last event, and sends a tool call in one event.
            question.knob("usage-at", "last").knob("delta-chars", "1000")
        } else {
            question
        }
    }

    /// Creates a call whose result is not a text.
    pub fn other(other: &Other, url: &str, number: usize) -> Question {
        let &Other { call, language, model, .. } = other;
        let name = "something else".to_owned();
        Question { call, language, model: model.to_owned(), name, ..Question::new(&CALLERS[0], false, url, number) }
    }

    /// Returns the prefix of the paths that only this call requests.
    pub fn prefix(&self) -> String {
        let number = self.base.rsplit('/').next().unwrap_or_default();
        format!("/{number}/")
    }

    pub fn prompt(mut self, prompt: impl Into<String>) -> Question {
        self.prompt = prompt.into();
        self
    }

    pub fn tools(mut self) -> Question {
        self.tools = true;
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Question {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets a header that controls the mock's response.
    pub fn knob(self, name: &str, value: &str) -> Question {
        self.header(&format!("x-mock-{name}"), value)
    }
}

/// Timeout of all calls of one client. They take half a minute on an idle machine.
const PATIENCE: Duration = Duration::from_secs(600);

/// Makes all calls, those of each client in one process, with all processes at once. The results are in the order of the
/// calls: objects with `text`, `tools`, `usage`, `error`, ... as far as the SDK reports them.
pub fn ask(questions: &[Question]) -> Vec<Value> {
    let scratch = Scratch::new("sdk").unwrap();
    let mut running = Vec::new();
    for language in [Language::Python, Language::Frameworks, Language::Llama, Language::Node] {
        let own: Vec<&Question> = questions.iter().filter(|question| question.language == language).collect();
        if own.is_empty() {
            continue;
        }
        let client = match language {
            Language::Python => install::python(),
            Language::Frameworks => install::frameworks(),
            Language::Llama => install::llama(),
            Language::Node => install::node(),
        };
        let client = client.unwrap_or_else(|error| panic!("{error}"));
        let input = scratch.path().join(format!("{language:?}.questions"));
        let output = scratch.path().join(format!("{language:?}.results"));
        let errors = scratch.path().join(format!("{language:?}.errors"));
        fs::write(&input, serde_json::to_vec(&own).unwrap()).unwrap();
        let child = ChildBuilder::new(&client.program)
            .arg(&client.script)
            .arg(&input)
            // The gateway is on this machine: no proxy of the environment applies.
            .env("NO_PROXY", "*")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(File::create(&output).unwrap())
            .stderr(File::create(&errors).unwrap());
        running.push((language, own.len(), output, errors, child.spawn().unwrap()));
    }
    let mut results: BTreeMap<Language, std::vec::IntoIter<Value>> = BTreeMap::new();
    for (language, count, output, errors, mut child) in running {
        let status = child.wait_for(PATIENCE).unwrap_or_else(|error| panic!("{language:?}: {error}"));
        let output = fs::read_to_string(&output).unwrap();
        let lines: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let errors = fs::read_to_string(&errors).unwrap_or_default();
        assert!(
            status.success() && lines.len() == count,
            "{language:?}: {status}, {} of {count}\n{errors}",
            lines.len()
        );
        results.insert(language, lines.into_iter());
    }
    questions.iter().map(|question| results.get_mut(&question.language).unwrap().next().unwrap()).collect()
}
