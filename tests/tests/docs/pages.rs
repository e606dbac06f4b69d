//! The Markdown pages of the repository, taken apart.

use std::path::{Path, PathBuf};

/// A page.
pub(crate) struct Page {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its text.
    pub(crate) text: String,
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every page at the root and in `docs`, with its samples and runbooks.
pub(crate) fn pages() -> Vec<Page> {
    let mut pages = Vec::new();
    let docs = root().join("docs");
    for folder in [root(), docs.join("samples"), docs.join("runbooks"), docs] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = std::fs::read_to_string(&path).unwrap();
                pages.push(Page { path, text });
            }
        }
    }
    pages.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(pages.len() >= 8, "the pages were not found");
    pages
}

impl Page {
    /// The text outside of code blocks.
    pub(crate) fn prose(&self) -> String {
        self.lines().filter(|(_, fence)| fence.is_none()).map(|(line, _)| format!("{line}\n")).collect()
    }

    /// The lines of code blocks in these languages.
    pub(crate) fn code(&self, languages: &[&str]) -> Vec<String> {
        self.lines()
            .filter(|(_, fence)| fence.as_deref().is_some_and(|language| languages.contains(&language)))
            .map(|(line, _)| line.to_owned())
            .collect()
    }

    /// Every line with the language of the code block that it is in.
    fn lines(&self) -> impl Iterator<Item = (&str, Option<String>)> {
        let mut fence: Option<String> = None;
        self.text.lines().map(move |line| {
            let Some(language) = line.trim_start().strip_prefix("```") else { return (line, fence.clone()) };
            fence = if fence.is_some() { None } else { Some(language.trim().to_owned()) };
            ("", Some("fence".to_owned()))
        })
    }

    /// The anchors of its headings, as they are made on the forge.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let headings = self.prose();
        let headings = headings.lines().filter_map(|line| {
            line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#'))
        });
        headings
            .map(|heading| {
                let kept =
                    heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
                kept.collect::<String>().to_lowercase().replace(' ', "-")
            })
            .collect()
    }
}
