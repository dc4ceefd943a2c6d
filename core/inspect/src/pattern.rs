//! Compiled patterns: regular expressions and keyword lists become a [`Program`](program::Program).

pub(crate) mod assertion;
pub(crate) mod body;
mod byte_rates;
pub(crate) mod canary;
pub(crate) mod chain;
pub(crate) mod char_classes;
pub(crate) mod char_set;
pub(crate) mod codepoints;
pub(crate) mod compile;
pub(crate) mod folding;
pub(crate) mod group;
pub(crate) mod keywords;
pub(crate) mod lead;
pub(crate) mod literals;
pub(crate) mod phrase;
pub(crate) mod program;
pub(crate) mod script;
pub(crate) mod syntax;
pub(crate) mod tail;
pub(crate) mod texts;
pub(crate) mod tool;
pub(crate) mod url;
