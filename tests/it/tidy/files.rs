//! Which files there are, and what a line of Rust says when its comments and texts are left out.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file of the repository; its path is relative to the root, with `/`.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// One line of a Rust file.
pub(crate) struct Line {
    pub(crate) number: usize,
    /// Without comments, and without what stands in quotes.
    pub(crate) code: String,
    /// Whether it is compiled for tests only.
    pub(crate) test: bool,
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All files with that extension, sorted by path.
pub(crate) fn with_extension(extension: &str) -> Vec<File> {
    let mut files = Vec::new();
    walk(&root(), &mut |path| {
        if path.extension().is_some_and(|found| found == extension) {
            let relative = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            files.push(File { path: relative, text: fs::read_to_string(path).unwrap() });
        }
    });
    files.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(!files.is_empty(), "no .{extension} file was found under {}", root().display());
    files
}

/// Leaves out what is built or fetched, and what is hidden.
fn walk(directory: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let kind = entry.file_type().unwrap();
        if kind.is_file() {
            visit(&entry.path());
        } else if kind.is_dir()
            && !name.starts_with('.')
            && !["target", "node_modules"].contains(&&*name)
        {
            walk(&entry.path(), visit);
        }
    }
}

impl File {
    /// Whether the whole file is part of tests.
    pub(crate) fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.contains("/tests/")
    }

    /// Its lines. A module of tests is taken to end its file, as all of ours do.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let mut test = self.is_test();
        let mut lines = Vec::new();
        let mut texts = self.text.lines().enumerate().peekable();
        while let Some((index, text)) = texts.next() {
            let opens_tests = text == "#[cfg(test)]"
                && texts
                    .peek()
                    .is_some_and(|(_, next)| next.starts_with("mod ") && next.ends_with('{'));
            test |= opens_tests;
            lines.push(Line { number: index + 1, code: code_of(text), test });
        }
        lines
    }
}

/// What the compiler would act on.
fn code_of(line: &str) -> String {
    let line = line.replace("'\"'", "' '");
    let mut code = String::with_capacity(line.len());
    let (mut quoted, mut characters) = (false, line.chars().peekable());
    while let Some(character) = characters.next() {
        match (quoted, character) {
            (true, '\\') => {
                characters.next();
            }
            (_, '"') => quoted = !quoted,
            (true, _) => {}
            (false, '/') if characters.peek() == Some(&'/') => break,
            (false, _) => code.push(character),
        }
    }
    code
}

#[test]
fn comments_and_texts_are_not_code() {
    assert_eq!(code_of("let a = 1 / 2; // why"), "let a = 1 / 2; ");
    assert_eq!(code_of(r#"say("a \" todo!() // b", c)"#), "say(, c)");
    assert_eq!(code_of("split('\"'); sleep(\"x\")"), "split(' '); sleep()");
}

#[test]
fn a_module_of_tests_is_test_code() {
    let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
    let tests = |file: File| file.lines().iter().map(|line| line.test).collect::<Vec<_>>();
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n}\n";
    assert_eq!(tests(file("cli/src/lib.rs", text)), [false, true, true, true]);
    assert_eq!(tests(file("cli/tests/it/a.rs", "fn a() {}")), [true]);
    assert_eq!(tests(file("cli/src/lib.rs", "#[cfg(test)]\nmod tests;\nfn a() {}")), [false; 3]);
}
