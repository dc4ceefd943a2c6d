//! Tests of the mock over real HTTP/1.1 and HTTP/2 connections, knob by knob.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a panic fails the test")]

mod client;
mod clients;
mod dialects;
mod early_end;
mod event_stream;
mod json_responses;
mod other_endpoints;
mod program;
mod received;
mod streams;
mod wire;
