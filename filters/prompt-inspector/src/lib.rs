//! The `prompt-inspector` filter: the prompt firewall.
//!
//! It matches every text of a request against the rules before anything is sent upstream, and every text of a response,
//! streamed or not, before it reaches the client. A rule blocks, redacts or logs. Replies, logs and metrics name the rule
//! that matched, never the text that it matched.

mod caller;
mod config;
mod guards;
mod inspection;
mod metrics;
mod refusal;
mod token_ids;

use std::rc::Rc;
use std::sync::Arc;

use tollgate_inspect::{Direction, OnBlockInStream, Policy};
use tollgate_kit::{ConfigError, Configuration, Exchange, Filter, Limits};

use config::Config;
use metrics::Metrics;

pub use caller::{CallerNames, NameSource, RawNameSource};
pub use config::{RawConfig, set_keys};
pub use inspection::Inspection;
pub use token_ids::Vocabularies;
pub use tollgate_inspect::CallerNeeds;

/// Filter that inspects prompts and responses.
pub struct PromptInspector {
    config: Config,
    vocabularies: Vocabularies,
    metrics: Metrics,
}

impl PromptInspector {
    /// Creates the filter from validated rules. Prompts given as token ids are decoded with `vocabularies`.
    pub fn new(limits: Limits, policy: Arc<Policy>, vocabularies: Vocabularies) -> PromptInspector {
        let metrics = Metrics::define(&policy);
        PromptInspector {
            config: Config {
                limits,
                policy,
                on_block_in_stream: OnBlockInStream::default(),
                tag_header: None,
                consumer: None,
                team: None,
            },
            vocabularies,
            metrics,
        }
    }

    /// Sets the end of a streamed response that a rule blocks.
    #[must_use]
    pub fn with_block_in_stream(mut self, end: OnBlockInStream) -> PromptInspector {
        self.config.on_block_in_stream = end;
        self
    }

    /// Sets the request header that gets the tags of the rules that matched: a valid name in lower case.
    #[must_use]
    pub fn with_tag_header(mut self, header: Option<String>) -> PromptInspector {
        self.config.tag_header = header;
        self
    }

    /// Returns `true` if guards judge requests.
    pub fn has_guards(&self) -> bool {
        self.config.policy.has_guards()
    }

    /// Returns `true` if rules or guards judge texts of requests.
    pub fn judges_requests(&self) -> bool {
        self.config.policy.has(Direction::Request) || self.has_guards()
    }

    /// Returns the inspection of one call.
    pub fn inspection(self: Rc<Self>) -> Inspection {
        Inspection::new(self)
    }
}

impl Filter for PromptInspector {
    fn name() -> &'static str {
        "prompt-inspector"
    }

    fn configure(configuration: &Configuration<'_>) -> Result<Self, ConfigError> {
        let config = Config::parse(configuration)?;
        let metrics = Metrics::define(&config.policy);
        Ok(PromptInspector { config, vocabularies: Vocabularies::default(), metrics })
    }

    fn limits(&self) -> &Limits {
        &self.config.limits
    }

    fn identity_headers(&self) -> [Option<&str>; 2] {
        [&self.config.consumer, &self.config.team].map(|source| source.as_ref()?.header())
    }

    fn judges_texts(&self) -> bool {
        self.judges_requests()
    }

    fn makes_callouts(&self) -> bool {
        self.has_guards()
    }

    fn exchange(self: Rc<Self>) -> Box<dyn Exchange> {
        Box::new(self.inspection())
    }
}

#[cfg(feature = "module")]
tollgate_kit::filter!(PromptInspector);
