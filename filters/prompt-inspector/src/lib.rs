//! The prompt-inspector filter.
