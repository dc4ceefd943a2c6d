//! Suggestions for misspelled words.

/// Longest prefix of a word that is compared, in characters: the distance takes quadratic time.
const MAX_COMPARED: usize = 64;

/// Returns the candidate closest to `word` by edit distance, if one is close enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let fold =
        |text: &str| -> String { text.chars().take(MAX_COMPARED).collect::<String>().to_lowercase().replace('-', "_") };
    let folded = fold(word);
    let scored = candidates.into_iter().map(|candidate| (strsim::osa_distance(&folded, &fold(candidate)), candidate));
    let (distance, candidate) = scored.min_by_key(|(distance, _)| *distance)?;
    let most = (folded.chars().count().max(candidate.chars().count()) / 2).clamp(1, 4);
    (distance <= most).then_some(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelled_words_have_a_suggestion() {
        let keys = ["rules", "rules_include", "not_rules", "verdict", "upstream", "status", "headers"];
        for (word, near) in [
            ("rule", Some("rules")),
            ("verdcit", Some("verdict")),
            ("Upstream", Some("upstream")),
            ("rules-include", Some("rules_include")),
            ("header", Some("headers")),
            ("xyzzyxyzzy", None),
            ("", None),
            ("statsu", Some("status")),
        ] {
            assert_eq!(nearest(word, keys), near, "{word}");
        }
    }
}
