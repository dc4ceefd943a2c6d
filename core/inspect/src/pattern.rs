//! What a rule looks for, compiled: regular expressions and keyword lists become one kind of [`Program`].

pub(crate) mod alphabet;
pub(crate) mod assertion;
pub(crate) mod class;
pub(crate) mod compile;
pub(crate) mod keywords;
pub(crate) mod program;
