//! A filter that tells every callback.
