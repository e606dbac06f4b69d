//! Relative links: the file is there, and the heading in it.

use crate::pages::{Page, pages, root};

/// The targets of `[text](target)` that are in this repository.
fn targets(page: &Page) -> Vec<String> {
    let prose = page.prose();
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next().map(str::to_owned));
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).collect()
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading_that_are_there() {
    let all = pages();
    let mut broken = Vec::new();
    let mut seen = 0;
    for page in &all {
        for target in targets(page) {
            seen += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let path =
                if file.is_empty() { page.path.clone() } else { page.path.parent().unwrap().join(file) };
            let said = format!("{} -> {target}", page.path.strip_prefix(root()).unwrap().display());
            if !path.exists() {
                broken.push(said);
                continue;
            }
            let same = |other: &&Page| other.path.canonicalize().unwrap() == path.canonicalize().unwrap();
            let there =
                all.iter().find(same).is_none_or(|other| other.anchors().iter().any(|one| one == anchor));
            if !anchor.is_empty() && !there {
                broken.push(said);
            }
        }
    }
    assert!(seen >= 10, "only {seen} links were found");
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn every_page_of_the_docs_can_be_reached_from_the_readme() {
    let all = pages();
    let mut reached = vec![root().join("README.md").canonicalize().unwrap()];
    let mut at = 0;
    while at < reached.len() {
        let page = all.iter().find(|page| page.path.canonicalize().unwrap() == reached[at]);
        for target in page.map(targets).unwrap_or_default() {
            let file = target.split('#').next().unwrap();
            let path = page.unwrap().path.parent().unwrap().join(file);
            if let Ok(path) = path.canonicalize()
                && !reached.contains(&path)
            {
                reached.push(path);
            }
        }
        at += 1;
    }
    let lost: Vec<_> = all
        .iter()
        .filter(|page| !reached.contains(&page.path.canonicalize().unwrap()))
        .map(|page| page.path.display().to_string())
        .collect();
    assert!(lost.is_empty(), "pages that no link leads to:\n{}", lost.join("\n"));
}
