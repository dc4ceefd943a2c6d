//! A test file, ready to run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use regex::bytes::Regex;
use serde_saphyr::{Location, Spanned};

use crate::file::{
    BackendName, ClientExpect, Defaults, Expect, HeaderExpect, KnownFailure, Request, Response, Split, Test, TestFile,
    TestStep, UpstreamExpect,
};
use crate::problem::Problem;

use super::{ClientRequest, ResolvedChain, UpstreamResponse, request, response};

/// A file of tests.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The file.
    pub path: PathBuf,
    /// Its chain.
    pub chain: Arc<ResolvedChain>,
    /// Its tests in order.
    pub cases: Vec<Case>,
    /// All files that it was read from.
    pub files: Vec<PathBuf>,
}

/// One test.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// Where it stands in the file.
    pub line: u64,
    /// See `line`.
    pub column: u64,
    /// In which ways it is run.
    pub split: Split,
    /// What is done, in order.
    pub actions: Vec<Action>,
    /// Why it is known to fail, by back end.
    known: Vec<KnownFailure>,
}

/// One thing that is done in a test.
#[derive(Clone, Debug)]
pub enum Action {
    /// A request and its answer.
    Send(Box<Exchange>),
    /// Virtual time moves on.
    Advance(Duration),
}

/// A request, its answer, and what has to come of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What the client sends.
    pub request: ClientRequest,
    /// What the upstream answers.
    pub response: UpstreamResponse,
    /// What has to come of it; none for a step that only prepares.
    pub expect: Option<Expect>,
    /// Its number among the steps, from 1; none if it is the only one.
    pub step: Option<usize>,
    /// The line it stands in.
    pub line: u64,
}

impl Case {
    /// A test that stands in no test file.
    pub(super) fn new(name: String, split: Split, actions: Vec<Action>) -> Case {
        Case { name, line: 0, column: 0, split, actions, known: Vec::new() }
    }

    /// Why it is known to fail on a back end, if it is.
    pub fn known_failure(&self, backend: BackendName) -> Option<&str> {
        let known = self.known.iter().find(|known| known.backend.is_none_or(|only| only == backend));
        known.map(|known| known.reason.as_str())
    }

    /// The requests.
    pub fn exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.actions.iter().filter_map(|action| match action {
            Action::Send(exchange) => Some(&**exchange),
            Action::Advance(_) => None,
        })
    }
}

impl Suite {
    /// Reads a test file and everything that it names.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(path: &Path) -> Result<Suite, Problem> {
        let text = fs::read_to_string(path).map_err(|error| Problem::of(path, error.to_string()))?;
        Suite::parse(path, &text)
    }

    /// As [`Suite::read`], from the text of the file.
    ///
    /// # Errors
    /// As [`Suite::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Suite, Problem> {
        let options = serde_saphyr::options! { with_snippet: false };
        let file: TestFile =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| Problem::of_yaml(path, &error))?;
        if file.version != 1 {
            return Err(Problem::of(path, "this version of the command reads test files of `version: 1`"));
        }
        let chain = Arc::new(ResolvedChain::read(&file.chain, path)?);
        let mut writer = Writer { path, chain: &chain, defaults: &file.defaults, files: chain.files.clone() };
        writer.files.push(path.to_owned());
        let mut cases = Vec::new();
        let mut names = BTreeSet::new();
        for test in &file.tests {
            let case = writer.case(test, &file.known_failures)?;
            if !names.insert(case.name.clone()) {
                return Err(Problem::at(path, test.referenced, "another test of this file has the same name"));
            }
            cases.push(case);
        }
        for known in &file.known_failures {
            if !names.contains(&known.value.test) {
                return Err(Problem::at(path, known.referenced, "`known_failures` names a test that is not there"));
            }
        }
        let files = writer.files;
        Ok(Suite { path: path.to_owned(), chain, cases, files })
    }
}

/// Writes tests out.
struct Writer<'a> {
    path: &'a Path,
    chain: &'a ResolvedChain,
    defaults: &'a Defaults,
    files: Vec<PathBuf>,
}

impl Writer<'_> {
    fn case(&mut self, test: &Spanned<Test>, known: &[Spanned<KnownFailure>]) -> Result<Case, Problem> {
        let place = test.referenced;
        let Test { name, split, request, response, expect, steps } = &test.value;
        let wrong = |message: &str| Err(Problem::at(self.path, place, message));
        let mut actions = Vec::new();
        match (request, steps) {
            (Some(_), Some(_)) => return wrong("a test has either `request` or `steps`"),
            (None, None) => return wrong("a test needs a `request` or `steps`"),
            (None, Some(steps)) => {
                if response.is_some() || expect.is_some() {
                    return wrong("`response` and `expect` of a test with `steps` belong into its steps");
                }
                for (at, step) in steps.iter().enumerate() {
                    actions.push(self.step(step, at + 1)?);
                }
            }
            (Some(request), None) => {
                let exchange = self.exchange(request, response.as_ref(), expect.as_ref(), place)?;
                actions.push(Action::Send(Box::new(exchange)));
            }
        }
        let case = Case {
            name: name.clone(),
            line: place.line(),
            column: place.column(),
            split: split.clone().or_else(|| self.defaults.split.clone()).unwrap_or(Split::All),
            actions,
            known: known.iter().filter(|known| known.value.test == *name).map(|known| known.value.clone()).collect(),
        };
        if case.exchanges().all(|exchange| exchange.expect.is_none()) {
            return wrong("this test expects nothing: say what has to come of it under `expect`");
        }
        Ok(case)
    }

    fn step(&mut self, step: &Spanned<TestStep>, number: usize) -> Result<Action, Problem> {
        let place = step.referenced;
        let TestStep { request, response, expect, advance } = &step.value;
        match (request, advance) {
            (None, Some(duration)) if response.is_none() && expect.is_none() => Ok(Action::Advance(duration.0)),
            (Some(request), None) => {
                let exchange = self.exchange(request, response.as_ref(), expect.as_ref(), place)?;
                Ok(Action::Send(Box::new(Exchange { step: Some(number), ..exchange })))
            }
            _ => Err(Problem::at(self.path, place, "a step is either a `request`, or `advance` alone")),
        }
    }

    fn exchange(
        &mut self,
        request: &Request,
        response: Option<&Response>,
        expect: Option<&Expect>,
        place: Location,
    ) -> Result<Exchange, Problem> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let wrong = |message: String| Problem::at(self.path, place, message);
        let default = Response::default();
        let response = response.unwrap_or(&default);
        let script =
            Response { sse: response.sse.clone().or(self.defaults.response.sse.clone()), ..Response::default() };
        let identity = self.chain.identity.as_ref();
        let resolved_request =
            request::resolve(request, &self.defaults.request, &script, identity, folder).map_err(wrong)?;
        let resolved_response =
            response::resolve(response, &self.defaults.response, &resolved_request, folder).map_err(wrong)?;
        for file in [&request.body_file, &response.body_file].into_iter().flatten() {
            self.files.push(folder.join(file));
        }
        let expect = expect.map(|expect| self.expect(expect, place, folder)).transpose()?;
        Ok(Exchange { request: resolved_request, response: resolved_response, expect, step: None, line: place.line() })
    }

    /// Checks what can be wrong with expectations by themselves, and reads their files.
    fn expect(&mut self, expect: &Expect, place: Location, folder: &Path) -> Result<Expect, Problem> {
        let wrong = |message: String| Err(Problem::at(self.path, place, message));
        let mut expect = expect.clone();
        if expect.rules.is_some() && expect.rules_include.is_some() {
            return wrong("`rules` is all of them; with it `rules_include` says nothing".into());
        }
        let named = expect.rules.iter().chain(&expect.rules_include).flatten().chain(&expect.not_rules);
        for rule in named {
            let ids = || self.chain.firewall.rules.iter().map(|rule| rule.id.as_str());
            if !ids().any(|id| id == rule) {
                let near = crate::nearest::nearest(rule, ids());
                let hint = near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
                return wrong(format!("the chain has no rule `{rule}`{hint}"));
            }
        }
        let mut patterns: Vec<&HeaderExpect> = expect.headers.values().collect();
        patterns.extend(expect.client.iter().flat_map(|client| client.trailers.values()));
        if let Some(UpstreamExpect::Seen(seen)) = &expect.upstream {
            patterns.extend(seen.headers.values());
        }
        for pattern in patterns {
            if let HeaderExpect::Like(pattern) = pattern
                && let Some(regex) = &pattern.matches
                && Regex::new(regex).is_err()
            {
                return wrong("a header's `matches` is no regular expression".into());
            }
        }
        let mut files = Vec::new();
        if let Some(ClientExpect { body, body_file: Some(file), .. }) = &mut expect.client {
            files.push((body, file.clone()));
        }
        if let Some(UpstreamExpect::Seen(seen)) = &mut expect.upstream
            && let Some(file) = seen.body_file.clone()
        {
            files.push((&mut seen.body, file));
        }
        for (body, file) in files {
            let file = folder.join(file);
            match fs::read_to_string(&file) {
                Ok(text) => *body = Some(text),
                Err(error) => return wrong(format!("{}: {error}", file.display())),
            }
            self.files.push(file);
        }
        Ok(expect)
    }
}

#[cfg(test)]
mod tests;
