//! Budgets and windows: reserve before the call, settle after it.
