//! Tests with widely used SDKs: the official ones of OpenAI, Anthropic, Google, Mistral, Cohere, Ollama and AWS; the npm package
//! `ai` with its providers; litellm, LangChain, LlamaIndex and Pydantic AI.
//!
//! They first call the mock directly: the SDKs must read its responses like those of the real providers. Then they call it
//! through a real Envoy with the reference bootstrap: an SDK must not notice the gateway, unless the gateway refuses a call,
//! and then the SDK must raise its own error.
//!
//! The YAML language server that editors use is tested in the same way: it must understand the JSON Schemas.
//!
//! A program per language or set of packages (`clients/`) makes the calls that it is given and prints what its SDK returned; the expectations are
//! here. The SDKs are installed once, in exact versions, below the target directory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody reads its documentation elsewhere"
)]

mod callers;
mod direct;
mod editor;
mod findings;
mod forms;
mod gateway;
mod install;
mod question;
mod situations;
