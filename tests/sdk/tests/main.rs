//! The SDKs that people use: the official Python ones of OpenAI, Anthropic and Google, and the npm package `ai` with its
//! providers.
//!
//! First against the mock itself: what it says has to be understood by those who know the real thing, so the mock speaks the
//! dialects as the providers do. Then through a real Envoy with the reference bootstrap: an SDK must not be able to tell that
//! there is a gateway, unless that refuses, and then it must raise its own error.
//!
//! A program per language (`clients/`) asks the questions that it is given and prints what its SDK made of each answer; what
//! is expected stands here. The SDKs are installed once, in exact versions, below the target directory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test, its helpers included, fails by panicking, and has no readers of its documentation but here"
)]

mod callers;
mod direct;
mod findings;
mod forms;
mod gateway;
mod install;
mod question;
