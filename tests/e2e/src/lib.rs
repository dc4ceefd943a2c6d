//! What is proven in real Envoy.
