use super::*;
use crate::pattern::syntax;

/// Returns chains as text: `key|token 9> ^value` is a step of two literals, and behind it, at most nine bytes from the start of a
/// literal to the end of the next one, one at the border of a word.
fn chains(pattern: &str) -> String {
    let step = |step: &Step| {
        let list: Vec<_> = step.list.iter().map(|literal| String::from_utf8_lossy(literal)).collect();
        format!("{}{}", if step.at_border { "^" } else { "" }, list.join("|"))
    };
    let chain = |chain: &Chain| {
        let mut text = String::new();
        for (at, own) in chain.steps.iter().enumerate() {
            if at > 0 {
                text += &own.gap.map_or(" > ".to_owned(), |gap| format!(" {gap}> "));
            }
            text += &step(own);
        }
        format!("{text} @{}", chain.lead.map_or("?".to_owned(), |lead| lead.to_string()))
    };
    Chain::of(&syntax::parse(pattern, false).unwrap()).0.iter().map(chain).collect::<Vec<_>>().join(", ")
}

#[test]
fn chains_of_patterns() {
    for (pattern, expected) in [
        // One literal that is rare enough.
        (r"\b(AKIA|ASIA)[0-9A-Z]{16}\b", "^akia|asia @0"),
        (r"[\w.]{1,64}@[\w.]{1,99}", "@ @64"),
        (r"秘密\w", "秘密 @0"),
        // Words that are frequent alone.
        (r"(?i)\bthe\W{1,9}of\b", "^the 41> ^of @39"),
        (r"(?i)\bthe[ ,]{1,9}of\b", "^the 14>  of|,of @11"),
        (r"(?i)\byou\W{1,9}must\b", "^must @39"),
        (r"(?i)\byou\W+must\b", "^must @?"),
        (r"(?i)\byou(?: \w{1,8}){0,2} must not", " must not @21"),
        (r"(?i)\b(?:use|in) \w{1,9} (?:that|which) \w{1,9} (?:of|at)\b", " that | which  19>  at| of @29"),
        // Of words in an alternation one occurs, with the largest distances of all.
        (r"(?i)(?:at|ever) \w{1,3} (?:rest|x{2}able) now", " rest now| xxable now @10"),
        (r"(?i)(?:at|in) (?:[a-z]{1,3}that|which) \w+ (?:use|with)\b", "at |in  10> that|which @6"),
        // A repetition may be of one copy.
        (r"(?:you\w+){1,3}", "you @0"),
        (r"(?:you\w{1,3}){2,3}", "you 9> you @6"),
        // Alternatives with nothing in common.
        (r"(?i)\b(?:you\W+must|let\W+go)\b", "^must @?, let @?"),
        (r"\b\d{3}[- ]\d{4}\b", ""),
        (r"[a-z]+", ""),
        (r"foo|[a-z]{9}", ""),
    ] {
        assert_eq!(chains(pattern), expected, "{pattern}");
    }
}
