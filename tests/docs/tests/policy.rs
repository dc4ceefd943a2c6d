//! Every policy file on a page is valid.

use tollgate::policy_file;
use tollgate_policy::document::Document;

use crate::page::Page;

/// Word after the language of a block that is a policy file.
pub(crate) const PURPOSE: &str = "policy";

#[test]
fn every_policy_on_a_page_has_no_finding() {
    let mut seen = 0;
    for block in Page::all().iter().flat_map(Page::blocks).filter(|block| block.purpose == PURPOSE) {
        let mut document = Document::parse(&block.place.to_string(), &block.text);
        policy_file::add_packs(&mut document);
        match document.compile() {
            Ok(policy) => assert_eq!(policy.warnings, [], "{}", block.place),
            Err(found) => panic!("{}", found.iter().map(|found| document.show(found)).collect::<String>()),
        }
        seen += 1;
    }
    assert!(seen > 0);
}
