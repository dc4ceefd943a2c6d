//! The cost-quota filter.
