//! Table of the paths that are read, known and not read, or open.

use super::path::Prefix;
use super::unread::{self, UnreadKind};
use super::{Dialect, stored_response};

/// Treatment of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// The request is read, and the response to it.
    Call,
    /// The response is read: it has what the provider stores.
    Fetch,
    /// The path is not read.
    Unread(UnreadKind),
}

/// Path in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedPath {
    /// Method, `POST` or `GET`. `POST` includes `PUT` and `PATCH`.
    pub method: &'static str,
    /// End of the path, with `{model}`, `{model...}` and `{any}` for segments of any content.
    pub path: &'static str,
    /// Dialect of the call, or of the errors.
    pub dialect: Dialect,
    /// Name of the API of an unread path.
    pub api: &'static str,
    /// `true` if the path is known below any prefix. Else the prefix matters, and perhaps the body.
    pub is_anywhere: bool,
    /// `true` if not even the root is such a prefix: the body matters.
    pub is_by_body: bool,
    /// Treatment.
    pub treatment: Treatment,
}

/// Returns all listed paths: those that are read first, in the order of the dialects.
pub fn listed_paths() -> impl Iterator<Item = ListedPath> {
    let calls = Dialect::ALL.iter().flat_map(|dialect| {
        dialect.spec().paths.iter().map(|pattern| ListedPath {
            method: "POST",
            path: pattern.path,
            dialect: *dialect,
            api: "",
            is_anywhere: pattern.prefix == Prefix::Any,
            is_by_body: pattern.prefix == Prefix::Provider,
            treatment: Treatment::Call,
        })
    });
    let fetches = stored_response::paths().map(|(method, path, dialect)| ListedPath {
        method,
        path,
        dialect,
        api: "",
        is_anywhere: true,
        is_by_body: false,
        treatment: Treatment::Fetch,
    });
    let unread = unread::GROUPS.iter().flat_map(|group| {
        group.paths.iter().flat_map(move |(kind, patterns)| {
            patterns.iter().map(move |pattern| ListedPath {
                method: "POST",
                path: pattern.path,
                dialect: group.dialect,
                api: group.api,
                is_anywhere: unread::is_anywhere(pattern),
                is_by_body: false,
                treatment: Treatment::Unread(*kind),
            })
        })
    });
    calls.chain(fetches).chain(unread)
}
