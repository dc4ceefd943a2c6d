//! A deterministic mock of an OpenAI-compatible server.
