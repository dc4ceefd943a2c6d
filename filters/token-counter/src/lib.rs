//! The token-counter filter.
