//! How long files and functions may get.

use super::{
    assert_clean, at,
    files::{File, with_extension},
};

/// About 300 is usual; past this a file has a second subject that wants a file of its own.
const FILE_LINES_MAX: usize = 500;
/// About 70 is the habit; past this a function has steps that want names.
const FUNCTION_LINES_MAX: usize = 80;

/// The functions that are too long. One begins where a line says `fn` and ends at the brace that
/// stands as far to the right, which formatting guarantees.
fn long_functions(file: &File) -> Vec<String> {
    let mut findings = Vec::new();
    let mut open: Option<(usize, usize, &str)> = None;
    for (index, line) in file.text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        if let Some(name) = function_name(line) {
            open = Some((index, indent, name));
        }
        if let Some((start, _, name)) =
            open.filter(|(_, at, _)| line.trim() == "}" && indent == *at)
        {
            open = None;
            let lines = index - start;
            if lines > FUNCTION_LINES_MAX {
                let problem = format!("{name} is {} lines long", lines + 1);
                findings.push(at(&file.path, start + 1, &problem));
            }
        }
    }
    findings
}

/// The function that begins on this line.
fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    loop {
        let (word, after) = rest.split_once(' ')?;
        match word {
            "fn" => return after.split(['(', '<']).next(),
            "pub" | "const" | "async" => rest = after,
            _ if word.starts_with("pub(") => rest = after,
            _ => return None,
        }
    }
}

#[test]
fn no_file_is_too_long() {
    let too_long = |file: File| {
        let lines = file.text.lines().count();
        (lines > FILE_LINES_MAX)
            .then(|| at(&file.path, FILE_LINES_MAX + 1, &format!("{lines} lines in one file")))
    };
    assert_clean(&with_extension("rs").into_iter().filter_map(too_long).collect::<Vec<_>>());
}

#[test]
fn no_function_is_too_long() {
    let files = with_extension("rs");
    let findings = files.iter().filter(|file| !file.is_test()).flat_map(long_functions);
    assert_clean(&findings.collect::<Vec<_>>());
}

#[test]
fn a_long_function_is_found() {
    let of_length = |lines: usize| {
        let body = "        step();\n".repeat(lines - 2);
        let text = format!("impl A {{\n    pub(crate) async fn run<T>() {{\n{body}    }}\n}}\n");
        long_functions(&File { path: "a.rs".to_owned(), text })
    };
    assert_eq!(of_length(FUNCTION_LINES_MAX + 1), Vec::<String>::new());
    assert_eq!(of_length(FUNCTION_LINES_MAX + 2), ["a.rs:2: run is 82 lines long"]);
}
