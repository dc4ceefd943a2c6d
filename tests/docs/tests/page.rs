//! Markdown pages: their fenced blocks, tables and prose.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tollgate_workspace as workspace;

/// Page of documentation.
#[derive(Debug)]
pub(crate) struct Page {
    /// Path from the root of the repository.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// Fenced block.
#[derive(Debug)]
pub(crate) struct Block {
    /// Page and line, for messages.
    pub(crate) place: String,
    /// Second-level heading above it.
    pub(crate) section: String,
    pub(crate) language: String,
    /// Purpose, from behind the language; empty if there is none.
    pub(crate) purpose: String,
    pub(crate) text: String,
}

impl Block {
    /// Parses the block as YAML.
    pub(crate) fn yaml(&self) -> Value {
        serde_saphyr::from_str(&self.text).unwrap_or_else(|error| panic!("{}: not YAML: {error}", self.place))
    }
}

impl Page {
    /// Reads a page by its path from the root of the repository.
    pub(crate) fn read(path: &str) -> Page {
        let full = workspace::root().join(path);
        let text = fs::read_to_string(&full).unwrap_or_else(|error| panic!("{path}: {error}"));
        Page { path: path.into(), text }
    }

    /// Reads the pages in `docs/`, and the README if it exists.
    pub(crate) fn all() -> Vec<Page> {
        let mut paths = Vec::new();
        gather(&workspace::root().join("docs"), &mut paths);
        paths.extend(Some(workspace::root().join("README.md")).filter(|path| path.is_file()));
        paths.sort();
        let name = |path: &PathBuf| path.strip_prefix(workspace::root()).unwrap().display().to_string();
        paths.iter().map(|path| Page::read(&name(path))).collect()
    }

    /// Reads the page of a filter.
    pub(crate) fn of_filter(filter: &str) -> Page {
        Page::read(&format!("docs/filters/{filter}.md"))
    }

    /// Returns the fenced blocks.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let (mut blocks, mut open, mut section) = (Vec::new(), None::<Block>, String::new());
        for (at, line) in self.text.lines().enumerate() {
            match (line.trim_start().strip_prefix("```"), open.take()) {
                (Some(_), Some(block)) => blocks.push(block),
                (None, Some(mut block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                    open = Some(block);
                }
                (Some(info), None) => {
                    let (language, purpose) = info.trim().split_once(' ').unwrap_or((info.trim(), ""));
                    open = Some(Block {
                        place: format!("{}:{}", self.path.display(), at + 1),
                        section: section.clone(),
                        language: language.to_owned(),
                        purpose: purpose.to_owned(),
                        text: String::new(),
                    });
                }
                (None, None) => {
                    if let Some(heading) = line.strip_prefix("## ") {
                        section = heading.to_owned();
                    }
                }
            }
        }
        assert!(open.is_none(), "{}: a fenced block is not closed", self.path.display());
        blocks
    }

    /// Returns the lines outside of fenced blocks, with their numbers from 1.
    pub(crate) fn prose(&self) -> Vec<(usize, &str)> {
        let mut fenced = false;
        let outside = |(at, line): (usize, &'_ str)| {
            let fence = line.trim_start().starts_with("```");
            fenced ^= fence;
            (!fenced && !fence).then_some(at + 1)
        };
        let lines: Vec<_> = self.text.lines().enumerate().map(outside).collect();
        self.text.lines().zip(lines).filter_map(|(line, at)| Some((at?, line))).collect()
    }

    /// Returns the rows, as cells, of all tables whose first column has this heading.
    pub(crate) fn rows(&self, first_column: &str) -> Vec<Vec<String>> {
        let (mut rows, mut inside) = (Vec::new(), false);
        for (_, line) in self.prose() {
            let Some(cells) = cells(line) else {
                inside = false;
                continue;
            };
            if cells.first().is_some_and(|cell| cell == first_column) {
                inside = true;
            } else if inside && !cells.iter().all(|cell| cell.chars().all(|c| matches!(c, '-' | ':'))) {
                rows.push(cells);
            }
        }
        rows
    }
}

fn gather(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path);
        }
    }
}

/// Splits a line of a table into cells. `\|` is a character of a cell.
fn cells(line: &str) -> Option<Vec<String>> {
    const BAR: &str = "\u{1}";
    let line = line.trim().strip_prefix('|')?.strip_suffix('|')?.replace("\\|", BAR);
    Some(line.split('|').map(|cell| cell.trim().replace(BAR, "|")).collect())
}

/// Returns every code span of a text.
pub(crate) fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn blocks_and_tables_are_found() {
    let text = "# T\n## One\n```yaml cost-quota\na: 1\n```\ntext\n\n| Field | Type |\n|---|:-:|\n| `a` | x \\| y |\n\n| b |\n\
                ## Two\n```\n| Field |\n```\n";
    let page = Page { path: "x.md".into(), text: text.into() };
    let [first, second] = &page.blocks()[..] else { panic!() };
    assert_eq!((&*first.place, &*first.section, &*first.language), ("x.md:3", "One", "yaml"));
    assert_eq!((&*first.purpose, first.yaml()["a"].as_u64()), ("cost-quota", Some(1)));
    assert_eq!((&*second.section, &*second.language, &*second.purpose), ("Two", "", ""));
    assert_eq!(page.rows("Field"), [["`a`", "x | y"]]);
    assert_eq!(page.prose().iter().map(|(at, _)| *at).collect::<Vec<_>>(), [1, 2, 6, 7, 8, 9, 10, 11, 12, 13]);
    assert_eq!(code("a `b` c `d e`").collect::<Vec<_>>(), ["b", "d e"]);
}
