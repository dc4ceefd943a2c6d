//! Commit subjects of over 72 characters.

use std::process::{Command, Stdio};

use tollgate_workspace as workspace;

/// Last commit before the limit applied.
const SINCE: &str = "51c2a74";

/// Longest subject, in characters: what `git log` and GitHub show without cutting it off.
const LONGEST: usize = 72;

/// Finds the subjects that are too long, as messages.
///
/// Returns the reason as an error if the history cannot be checked: there is no git, this is not a checkout, or the clone is
/// shallow and ends after [`SINCE`].
pub(super) fn too_long() -> Result<Vec<String>, String> {
    let commit = format!("{SINCE}^{{commit}}");
    if git(&["rev-parse", "--quiet", "--verify", &commit]).is_none() {
        return Err(format!("git does not know commit {SINCE} (no checkout, or a shallow one)"));
    }
    // The commit that GitHub makes of a pull request has a subject of its own.
    let range = format!("{SINCE}..HEAD");
    let log = git(&["log", "--no-merges", "--format=%h %s", &range]).ok_or("`git log` failed")?;
    Ok(violations(&log))
}

/// Checks lines of `<hash> <subject>`.
fn violations(log: &str) -> Vec<String> {
    let commits = log.lines().filter_map(|line| line.split_once(' '));
    let long = commits.filter_map(|(hash, subject)| {
        let length = subject.chars().count();
        (length > LONGEST)
            .then(|| format!("commit {hash}: subject of {length} characters, at most {LONGEST}: {subject}"))
    });
    long.collect()
}

/// Runs git in the root of the repository; returns what it prints, or `None` if it fails.
fn git(args: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.args(args).current_dir(workspace::root()).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_measured_in_characters() {
        let (longest, too_long) = ("ü".repeat(72), "a".repeat(73));
        assert_eq!(violations(&format!("1111111 {longest}\n2222222 short\n")), [""; 0]);
        assert_eq!(
            violations(&format!("1111111 {too_long}\n")),
            [format!("commit 1111111: subject of 73 characters, at most 72: {too_long}")]
        );
    }
}
