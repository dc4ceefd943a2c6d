//! The proxy-wasm shell of every filter: ABI, stream lifecycle, configuration, metrics, replies.
