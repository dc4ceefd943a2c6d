//! Holds the host against traces recorded from real Envoys.
