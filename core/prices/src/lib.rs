//! Model prices in integer money.
