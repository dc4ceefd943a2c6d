//! A test file with its tests ready to run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use regex::bytes::Regex;
use serde_saphyr::{Location, Spanned};

use crate::file::{
    BackendName, ClientExpect, Defaults, Expect, GuardResponse, HeaderExpect, KnownFailure, Request, Response, Split,
    Test, TestFile, TestStep, UpstreamExpect,
};
use crate::problem::{Problem, Problems};

use super::{ClientRequest, ResolvedChain, UpstreamResponse, request, response};

/// A test file.
#[derive(Clone, Debug)]
pub struct Suite {
    /// Path of the file.
    pub path: PathBuf,
    /// Chain under test.
    pub chain: Arc<ResolvedChain>,
    /// Tests in order.
    pub cases: Vec<Case>,
}

/// A test.
#[derive(Clone, Debug)]
pub struct Case {
    /// Name of the test.
    pub name: String,
    /// Line of the test in the file.
    pub line: u64,
    /// Column, see `line`.
    pub column: u64,
    /// Selected deliveries.
    pub split: Split,
    /// Actions in order.
    pub actions: Vec<Action>,
    /// Known failures of this test, by backend.
    known: Vec<KnownFailure>,
}

/// An action of a test.
#[derive(Clone, Debug)]
pub enum Action {
    /// Sends a request.
    Send(Box<Exchange>),
    /// Advances virtual time.
    Advance(Duration),
}

/// A request, the upstream's response and the expected result.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Request of the client.
    pub request: ClientRequest,
    /// Response of the upstream.
    pub response: UpstreamResponse,
    /// Responses of guards by their names.
    pub guards: BTreeMap<String, GuardResponse>,
    /// Expected result; `None` for a step that only prepares the following ones.
    pub expect: Option<Expect>,
    /// Number of the step, from 1; `None` if the test has no steps.
    pub step: Option<usize>,
    /// Line in the file.
    pub line: u64,
}

impl Case {
    /// Creates a test that is not from a test file.
    pub(super) fn new(name: String, split: Split, actions: Vec<Action>) -> Case {
        Case { name, line: 0, column: 0, split, actions, known: Vec::new() }
    }

    /// Returns the reason why the test is known to fail on a backend, if it is.
    pub fn known_failure(&self, backend: BackendName) -> Option<&str> {
        let known = self.known.iter().find(|known| known.backend.is_none_or(|only| only == backend));
        known.map(|known| known.reason.as_str())
    }

    /// Returns the exchanges in order.
    pub fn exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.actions.iter().filter_map(|action| match action {
            Action::Send(exchange) => Some(&**exchange),
            Action::Advance(_) => None,
        })
    }
}

impl Suite {
    /// Reads a test file and all files that it refers to. Each file is added to `files` before it is read, so that the
    /// files to watch are known even if one of them is invalid.
    ///
    /// # Errors
    /// A file cannot be read or is invalid. The problems include their positions; those of a policy are all reported.
    pub fn read(path: &Path, files: &mut BTreeSet<PathBuf>) -> Result<Suite, Problems> {
        files.insert(path.to_owned());
        let text = fs::read_to_string(path).map_err(|error| Problem::of(path, error.to_string()))?;
        Suite::resolve(path, &text, files)
    }

    /// Like [`Suite::read`], with the text of the file given.
    ///
    /// # Errors
    /// See [`Suite::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Suite, Problems> {
        Suite::resolve(path, text, &mut BTreeSet::new())
    }

    fn resolve(path: &Path, text: &str, files: &mut BTreeSet<PathBuf>) -> Result<Suite, Problems> {
        let options = serde_saphyr::options! { with_snippet: false };
        let file: TestFile =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| Problem::of_yaml(path, &error))?;
        if file.version != 1 {
            return Err(Problem::of(path, "unsupported version: this command reads test files of `version: 1`").into());
        }
        let chain = match (&file.policy, &file.chain) {
            (Some(policy), None) => ResolvedChain::of_policy(&super::beside(path, policy), files)?,
            (None, Some(chain)) => ResolvedChain::read(chain, path, files)?,
            _ => return Err(Problem::of(path, "a test file has either `policy` or `chain`").into()),
        };
        let chain = Arc::new(chain);
        let mut resolver = Resolver { path, chain: &chain, defaults: &file.defaults, files };
        let mut cases = Vec::new();
        let mut names = BTreeSet::new();
        for test in &file.tests {
            let case = resolver.case(test, &file.known_failures)?;
            if !names.insert(case.name.clone()) {
                return Err(Problem::at(path, test.referenced, "another test of this file has the same name").into());
            }
            cases.push(case);
        }
        for known in &file.known_failures {
            if !names.contains(&known.value.test) {
                return Err(
                    Problem::at(path, known.referenced, "`known_failures` names a test that does not exist").into()
                );
            }
        }
        Ok(Suite { path: path.to_owned(), chain, cases })
    }
}

/// Resolves the tests of a file.
struct Resolver<'a> {
    path: &'a Path,
    chain: &'a ResolvedChain,
    defaults: &'a Defaults,
    files: &'a mut BTreeSet<PathBuf>,
}

impl Resolver<'_> {
    fn case(&mut self, test: &Spanned<Test>, known: &[Spanned<KnownFailure>]) -> Result<Case, Problem> {
        let place = test.referenced;
        let Test { name, split, request, response, guards, expect, steps } = &test.value;
        let wrong = |message: &str| Err(Problem::at(self.path, place, message));
        let mut actions = Vec::new();
        match (request, steps) {
            (Some(_), Some(_)) => return wrong("a test has either `request` or `steps`"),
            (None, None) => return wrong("a test needs a `request` or `steps`"),
            (None, Some(steps)) => {
                if response.is_some() || !guards.is_empty() || expect.is_some() {
                    return wrong("a test with `steps` cannot have `response` or `expect`: move them into its steps");
                }
                for (at, step) in steps.iter().enumerate() {
                    actions.push(self.step(step, at + 1)?);
                }
            }
            (Some(request), None) => {
                let exchange = self.exchange(request, response.as_ref(), guards, expect.as_ref(), place)?;
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
            return wrong("this test has no `expect`: add the expected result");
        }
        Ok(case)
    }

    fn step(&mut self, step: &Spanned<TestStep>, number: usize) -> Result<Action, Problem> {
        let place = step.referenced;
        let TestStep { request, response, guards, expect, advance } = &step.value;
        match (request, advance) {
            (None, Some(duration)) if response.is_none() && expect.is_none() => Ok(Action::Advance(duration.0)),
            (Some(request), None) => {
                let exchange = self.exchange(request, response.as_ref(), guards, expect.as_ref(), place)?;
                Ok(Action::Send(Box::new(Exchange { step: Some(number), ..exchange })))
            }
            _ => Err(Problem::at(self.path, place, "a step is either a `request`, or `advance` alone")),
        }
    }

    fn exchange(
        &mut self,
        request: &Request,
        response: Option<&Response>,
        guards: &BTreeMap<String, GuardResponse>,
        expect: Option<&Expect>,
        place: Location,
    ) -> Result<Exchange, Problem> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let path = self.path;
        let wrong = |message: String| Problem::at(path, place, message);
        let default = Response::default();
        let response = response.unwrap_or(&default);
        let script =
            Response { sse: response.sse.clone().or(self.defaults.response.sse.clone()), ..Response::default() };
        let (defaults, identity) = (self.defaults, self.chain.identity.as_ref());
        for body_file in
            [&request.body_file, &response.body_file, &defaults.request.body_file, &defaults.response.body_file]
        {
            self.files.extend(body_file.iter().map(|file| folder.join(file)));
        }
        let request = request::resolve(request, &defaults.request, &script, identity, folder).map_err(wrong)?;
        let response = response::resolve(response, &defaults.response, &request, folder).map_err(wrong)?;
        let mut scripted = self.defaults.guards.clone();
        scripted.extend(guards.clone());
        let known = self.chain.guards();
        if let Some(name) = scripted.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(wrong(format!("the chain has no guard `{name}`")));
        }
        let expect = expect.map(|expect| self.expect(expect, place, folder)).transpose()?;
        Ok(Exchange { request, response, guards: scripted, expect, step: None, line: place.line() })
    }

    /// Validates expectations and reads the files that they refer to.
    fn expect(&mut self, expect: &Expect, place: Location, folder: &Path) -> Result<Expect, Problem> {
        let path = self.path;
        let wrong = |message: String| Err(Problem::at(path, place, message));
        let mut expect = expect.clone();
        if expect.rules.is_some() && expect.rules_include.is_some() {
            return wrong("`rules` is the complete list of matching rules; use either it or `rules_include`".into());
        }
        let named = expect.rules.iter().chain(&expect.rules_include).flatten().chain(&expect.not_rules);
        for rule in named {
            let ids = || self.chain.firewall.rules.iter().map(|rule| rule.id.as_str());
            if !ids().any(|id| id == rule) {
                let near = tollgate_config::nearest(rule, ids());
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
                return wrong("a header's `matches` is not a valid regular expression".into());
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
            self.files.insert(file.clone());
            match fs::read_to_string(&file) {
                Ok(text) => *body = Some(text),
                Err(error) => return wrong(format!("{}: {error}", file.display())),
            }
        }
        Ok(expect)
    }
}

#[cfg(test)]
mod tests;
