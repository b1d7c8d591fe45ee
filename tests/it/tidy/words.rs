//! What may not be written in Rust files, or only in some.

use super::{
    assert_clean, at,
    files::{File, Line, with_extension},
};

/// Words that may not stand in some places.
struct Rule {
    words: &'static [&'static str],
    why: &'static str,
    forbidden: fn(&File, &Line) -> bool,
    /// Files that have it nevertheless, each with its reason. This may only shrink.
    except: &'static [&'static str],
}

const RULES: [Rule; 8] = [
    Rule {
        words: &["[allow("],
        why: "say #[expect(.., reason = \"..\")], which tells when it is no longer needed",
        forbidden: everywhere,
        except: &[],
    },
    Rule {
        words: &["todo!(", "unimplemented!("],
        why: "finish it, or leave it out",
        forbidden: everywhere,
        except: &[],
    },
    Rule {
        words: &["#[ignore"],
        why: "a test that does not run proves nothing",
        forbidden: everywhere,
        except: &[],
    },
    Rule {
        words: &["sleep("],
        why: "wait for a condition with a deadline",
        forbidden: in_tests,
        // The two waits for conditions of other processes and tasks, which nothing announces; the
        // embedded Postgres cannot be tested by what stands on it.
        except: &["shared/embedded/tests/it/support.rs", "tests/world/wait.rs"],
    },
    Rule {
        words: &["Utc::now", "SystemTime::now", "Uuid::now_v7"],
        why: "time is an argument; only the clock reads the clock",
        forbidden: everywhere,
        except: &["shared/chassis/src/clock.rs"],
    },
    Rule {
        words: &["query!(", "query_as!(", "query_scalar!(", "query_file!(", "query_file_as!("],
        why: "all SQL is in shared/store",
        forbidden: outside_store,
        except: &[],
    },
    Rule {
        words: &["sqlx::"],
        why: "the database is spoken to by shared/store",
        forbidden: outside_store_and_tests,
        // What the queries of shared/store are checked against cannot come from shared/store.
        except: &["shared/embedded/examples/hold.rs"],
    },
    Rule {
        words: &["pub use pim_", "pub extern crate"],
        why: "nobody re-exports another crate: name it where it is needed",
        forbidden: everywhere,
        except: &[],
    },
];

fn everywhere(_: &File, _: &Line) -> bool {
    true
}

fn in_tests(_: &File, line: &Line) -> bool {
    line.test
}

fn outside_store(file: &File, _: &Line) -> bool {
    !file.path.starts_with("shared/store/")
}

fn outside_store_and_tests(file: &File, line: &Line) -> bool {
    outside_store(file, line) && !line.test
}

/// The lines of the file that the rule forbids.
fn forbidden_lines(rule: &Rule, file: &File) -> Vec<String> {
    let lines = file.lines();
    let lines = lines.iter().filter(|line| (rule.forbidden)(file, line));
    lines
        .filter_map(|line| {
            let word = rule.words.iter().find(|word| line.code.contains(**word))?;
            Some(at(&file.path, line.number, &format!("{word} is not for here: {}", rule.why)))
        })
        .collect()
}

#[test]
fn every_file_says_what_it_is() {
    let files = with_extension("rs").into_iter();
    let silent = files.filter(|file| !file.text.starts_with("//!"));
    let findings = silent.map(|file| at(&file.path, 1, "a module opens with `//!`"));
    assert_clean(&findings.collect::<Vec<_>>());
}

#[test]
fn forbidden_words_are_not_used() {
    let files = with_extension("rs");
    let mut findings = Vec::new();
    for rule in &RULES {
        for file in files.iter().filter(|file| !rule.except.contains(&&*file.path)) {
            findings.extend(forbidden_lines(rule, file));
        }
    }
    assert_clean(&findings);
}

#[test]
fn every_exception_is_still_needed() {
    let files = with_extension("rs");
    for rule in &RULES {
        for path in rule.except {
            let needed = files
                .iter()
                .any(|file| file.path == *path && !forbidden_lines(rule, file).is_empty());
            assert!(needed, "{path} needs no exception for {:?} any more", rule.words);
        }
    }
}

#[test]
fn every_forbidden_word_is_found() {
    for rule in &RULES {
        for word in rule.words {
            let text = format!("//! A file.\n\n#[cfg(test)]\nmod tests {{\n    {word}\n}}\n");
            let in_tests = File { path: "cli/src/a.rs".to_owned(), text };
            let text = format!("//! A file.\n\n{word}\n");
            let ordinary = File { path: "cli/src/a.rs".to_owned(), text };
            let found =
                forbidden_lines(rule, &in_tests).len() + forbidden_lines(rule, &ordinary).len();
            assert!(found > 0, "{word} was not found");
            let text = format!("//! A file.\n\n// {word}\nsay(\"{word}\");\n");
            let prose = File { path: "cli/src/a.rs".to_owned(), text };
            assert_eq!(forbidden_lines(rule, &prose), Vec::<String>::new());
        }
    }
}
