//! Whether what the Markdown files point at exists.

use std::path::Path;

use super::{
    assert_clean, at,
    files::{File, root, with_extension},
};

/// The folders that a path in a code span is recognised by.
const TOP: [&str; 7] = ["proto/", "shared/", "services/", "cli/", "tests/", "deploy/", ".ci/"];

/// Relative links of a line, and code spans that are paths of this repository.
fn mentions(line: &str) -> Vec<String> {
    let links = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ', '#']).next());
    let links = links.filter(|link| !link.is_empty() && !link.contains(':'));
    let spans = line.split('`').skip(1).step_by(2).filter(|span| is_path(span));
    links.chain(spans).map(str::to_owned).collect()
}

/// A pattern (`shared/*`, `services/<name>`) names no file.
fn is_path(span: &str) -> bool {
    let plain = |character: char| character.is_ascii_alphanumeric() || "._-/".contains(character);
    TOP.iter().any(|top| span.starts_with(top)) && span.chars().all(plain)
}

/// What the file mentions and `exists` does not know. Fenced blocks are examples, not mentions.
fn dangling(file: &File, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let directory = Path::new(&file.path).parent().unwrap();
    let mut fenced = false;
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let missing = mentions(line)
                .into_iter()
                .filter(|path| !exists(&directory.join(path)) && !exists(Path::new(path)));
            findings.extend(
                missing.map(|path| at(&file.path, index + 1, &format!("there is no {path}"))),
            );
        }
    }
    findings
}

#[test]
fn what_the_prose_mentions_exists() {
    let files = with_extension("md");
    let findings = files.iter().flat_map(|file| dangling(file, |path| root().join(path).exists()));
    assert_clean(&findings.collect::<Vec<_>>());
}

#[test]
fn a_dangling_mention_is_found() {
    let text = "See [a](b.md#part), [c](https://example.org/d) and `cli/e.rs`.\n\
                `shared/*/src` is a pattern, `cargo test` a command.\n\
                ```\n[f](g.md)\n```\n[h](i.md)\n";
    let file = File { path: "docs/README.md".to_owned(), text: text.to_owned() };
    let none = dangling(&file, |_| false);
    assert_eq!(
        none,
        [
            "docs/README.md:1: there is no b.md",
            "docs/README.md:1: there is no cli/e.rs",
            "docs/README.md:6: there is no i.md",
        ]
    );
    let there = ["docs/b.md", "cli/e.rs", "docs/i.md"];
    assert_eq!(
        dangling(&file, |path| there.contains(&path.to_str().unwrap())),
        Vec::<String>::new()
    );
}
