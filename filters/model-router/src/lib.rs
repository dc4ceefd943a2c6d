//! The model-router filter.
