//! Through Envoy.
