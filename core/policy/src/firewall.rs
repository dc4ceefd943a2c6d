//! Part `firewall`: rules on prompts and responses.

use std::collections::BTreeMap;

use serde::Deserialize;
use tollgate_inspect::{
    OnBlockInStream, OnUneditable, OneOrMany, RawAllow, RawException, RawGuard, RawPolicy, RawRule, RawScores,
};

use crate::packs::RawPack;
use crate::paranoia::RawParanoia;
use crate::references::RawReferences;
use crate::tag_routing::RawTagLabels;

/// Rules on the texts of requests and responses.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RawFirewall {
    /// Rules. Their order decides which rule determines a merged redaction and which one is the cause of a block.
    pub rules: Vec<RawRule>,
    /// Packs of rules that come with the command, behind the own rules: `secrets`, or `{name: secrets, action: log, except:
    /// [secrets.jwt]}`. The command inlines them; a filter reads no packs.
    pub packs: Vec<RawPack>,
    /// Highest level of the rules of packs, 1 to 4: 1 reports the least by mistake, a higher level adds rules that find more. Or
    /// two levels, `{block: 1, detect: 3}`: the rules above the first only log. The packs of this version have rules of levels 1
    /// to 3. Default: 1.
    pub paranoia: Option<RawParanoia>,
    /// Services that judge the texts of requests, after the rules and before anything is counted or sent to a provider: at most 8,
    /// asked at once. They need Envoy 1.36.10, 1.37.6, 1.38.4, 1.39.1 or newer.
    pub guards: Vec<RawGuard>,
    /// Maximum length of a match in bytes of UTF-8; anything longer does not count as a match. This bounds how much a streamed
    /// response holds back per text. 16 to 16384. Default: 1024.
    pub max_match_bytes: u32,
    /// Handling of a match that a rule would redact in a value that must not be edited, such as a signed thought: `log` leaves the
    /// value and reports the rule, `block` blocks. Default: `log`.
    pub on_uneditable: OnUneditable,
    /// Allow lists that several rules share, by name; a rule names them in `match.allow.lists`.
    pub allow_lists: BTreeMap<String, RawAllow>,
    /// Risks that rules are about which name none, by their ids in the OWASP Top 10 for LLM applications: `LLM01:2025`. Packs have
    /// their own.
    pub owasp: OneOrMany<String>,
    /// Calls to which rules do not apply, for rules by their ids: own rules and those of packs.
    pub exceptions: Vec<RawException>,
    /// Thresholds of scores, the sums of the points of rules with `action: score`.
    pub scores: Option<RawScores>,
    /// End of a streamed response that a rule blocks, once a part of it has been sent: `error`, the API's error event, or `finish`,
    /// the finish reason of the API's own content filter. Default: `error`.
    pub on_block_in_stream: OnBlockInStream,
    /// Request header that gets the tags of the rules that matched, joined by commas: `x-tollgate-tags`. It begins with
    /// `x-tollgate-`, so that copies that clients send are removed. Default: none.
    pub tag_header: Option<String>,
    /// Models that calls with a tag may go to; other models get 403.
    pub tag_labels: Vec<RawTagLabels>,
    /// Requests that refer to content outside of them: files, URLs, conversations, MCP servers. Each kind is `refuse` or `pass`; a
    /// request with a refused reference gets 400. Default: all pass, and `tollgate.unscanned` is `reference`.
    pub references: RawReferences,
}

impl Default for RawFirewall {
    fn default() -> RawFirewall {
        let (rules, packs, paranoia, guards, allow_lists, exceptions, scores) = Default::default();
        let (tag_header, tag_labels, owasp, on_uneditable) = Default::default();
        let on_block_in_stream = OnBlockInStream::default();
        let max_match_bytes = RawPolicy::default_max_match_bytes();
        RawFirewall {
            rules,
            packs,
            paranoia,
            guards,
            max_match_bytes,
            on_uneditable,
            allow_lists,
            owasp,
            exceptions,
            scores,
            on_block_in_stream,
            tag_header,
            tag_labels,
            references: RawReferences::default(),
        }
    }
}
