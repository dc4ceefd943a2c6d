//! The `tollgate` command.
