//! Table of the paths of LLM APIs, in Markdown, from the table that the filters use.

use std::fmt::Write;

use tollgate_llm::{ListedPath, Treatment, UnreadKind, listed_paths};

/// Text in front of the generated tables.
const HEAD: &str = include_str!("paths_page/head.md");

/// Returns the page as it is checked in.
#[must_use]
pub fn page() -> String {
    let mut text = HEAD.to_owned();
    text.push_str("\n## Calls\n\n| Path ends in | `tollgate.dialect` | Prefix | Budgets |\n|---|---|---|---|\n");
    for path in listed_paths().filter(|path| path.treatment == Treatment::Call) {
        let prefix = match (path.is_anywhere, path.is_by_body) {
            (true, _) => "any",
            (false, false) => "by prefix",
            (false, true) => "by body",
        };
        let budgets = match (path.dialect.is_unmetered(), path.dialect.is_free()) {
            (true, _) => "refused: it cannot be charged",
            (false, true) => "free",
            (false, false) => "charged",
        };
        let _ = writeln!(text, "| `/{}` | `{}` | {prefix} | {budgets} |", path.path, path.dialect.name());
    }
    text.push_str(
        "\n*Refused*: where a consumer has a budget in `tokens` or `usd` and `on_batch` is `refuse`, after the rules of the firewall.\n\
         \n## Fetches\n\n| Method | Path ends in | `tollgate.dialect` |\n|---|---|---|\n",
    );
    for path in listed_paths().filter(|path| path.treatment == Treatment::Fetch) {
        let _ = writeln!(text, "| `{}` | `/{}` | `{}` |", path.method, path.path, path.dialect.name());
    }
    text.push_str(
        "\nRules on responses apply to what they return. They generate nothing, and are not counted, routed or reserved. Ids\n\
         that begin with `resp_` are known below any prefix.\n\n## Known and not read\n\n| API | Path ends in | By default |\n|---|---|---|\n",
    );
    for path in listed_paths() {
        if let ListedPath { treatment: Treatment::Unread(kind), api, path, .. } = path {
            let is_call = |listed: ListedPath| listed.treatment == Treatment::Call && listed.path == path;
            let fate = match listed_paths().any(is_call) {
                true => "a call, see above; other methods are refused with a body",
                false => fate(kind),
            };
            let _ = writeln!(text, "| {api} | `/{path}` | {fate} |");
        }
    }
    text
}

/// Returns what happens to requests by default.
fn fate(kind: UnreadKind) -> &'static str {
    match kind {
        UnreadKind::Request | UnreadKind::Unlisted => "refused if it writes or has a body",
        UnreadKind::Batch => "refused if it writes or has a body, by budgets even with `on_unread_path: pass`",
        UnreadKind::Every => "refused, whatever the method",
        UnreadKind::Nothing => "passes",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// To update: `cargo xtask schemas --write`
    #[test]
    fn the_checked_in_page_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/paths.md");
        let checked_in = std::fs::read_to_string(path).unwrap();
        assert!(checked_in == super::page(), "stale: tollgate schema paths-page > docs/paths.md");
    }
}
