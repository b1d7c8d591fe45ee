//! What is made of files, and made again when they change.

use std::{
    fmt, fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

type Make<T> = dyn Fn(&[Vec<u8>]) -> Result<T, FilesError> + Send + Sync;

/// Why files cannot be used, as one sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilesError(String);

impl FilesError {
    /// An error that says `sentence`.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

/// Something that is made of files. The files are compared by what is in them, so it does not
/// matter how they are replaced: written over, renamed, or behind a link that leads elsewhere. A
/// key that has come before its certificate is a pair that does not fit: what was there before
/// stays until both have.
pub struct Files<T> {
    paths: Vec<PathBuf>,
    make: Box<Make<T>>,
    state: Mutex<State<T>>,
}

struct State<T> {
    current: Arc<T>,
    /// What was last tried, and how it failed, if it did.
    tried: Vec<Vec<u8>>,
    failure: Option<FilesError>,
}

impl<T> Files<T> {
    /// What `make` makes of the contents of the files, which it is given in this order.
    ///
    /// # Errors
    /// A file cannot be read, or nothing can be made of them.
    pub fn load(
        paths: Vec<PathBuf>,
        make: impl Fn(&[Vec<u8>]) -> Result<T, FilesError> + Send + Sync + 'static,
    ) -> Result<Self, FilesError> {
        let tried = read(&paths)?;
        let current = Arc::new(make(&tried)?);
        let state = Mutex::new(State { current, tried, failure: None });
        Ok(Self { paths, make: Box::new(make), state })
    }

    /// Looks whether the files have changed; true where there is something new since.
    ///
    /// # Errors
    /// What is in them now cannot be used. What was there before stays.
    pub fn reload(&self) -> Result<bool, FilesError> {
        let read = read(&self.paths);
        let mut state = self.lock();
        let read = match read {
            Ok(read) => read,
            Err(error) => {
                state.failure = Some(error.clone());
                // So that the same contents are tried again when they are back.
                state.tried.clear();
                return Err(error);
            }
        };
        if read == state.tried {
            return state.failure.clone().map_or(Ok(false), Err);
        }
        let made = (self.make)(&read);
        state.tried = read;
        match made {
            Ok(made) => {
                state.current = Arc::new(made);
                state.failure = None;
                Ok(true)
            }
            Err(error) => {
                state.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    /// The newest that could be made.
    #[must_use]
    pub fn current(&self) -> Arc<T> {
        Arc::clone(&self.lock().current)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Files<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").field("paths", &self.paths).finish_non_exhaustive()
    }
}

fn read(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, FilesError> {
    let one = |path: &PathBuf| {
        fs::read(path)
            .map_err(|error| FilesError::new(format!("cannot read {}: {error}", path.display())))
    };
    paths.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files in a folder that a link leads to, as Kubernetes mounts a secret.
    struct Mounted(tempfile::TempDir);

    impl Mounted {
        fn new() -> Self {
            let mounted = Self(tempfile::tempdir().unwrap());
            mounted.swap("one", "1");
            mounted
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("data/number")
        }

        fn swap(&self, folder: &str, text: &str) {
            let folder = self.0.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("number"), text).unwrap();
            let link = self.0.path().join("new");
            std::os::unix::fs::symlink(&folder, &link).unwrap();
            fs::rename(link, self.0.path().join("data")).unwrap();
        }
    }

    fn number(read: &[Vec<u8>]) -> Result<u8, FilesError> {
        let text = String::from_utf8_lossy(&read[0]).into_owned();
        text.parse().map_err(|_| FilesError::new(format!("{text:?} is no number")))
    }

    #[test]
    fn what_a_link_leads_to_is_read_again() {
        let mounted = Mounted::new();
        let files = Files::load(vec![mounted.path()], number).unwrap();
        assert_eq!((files.reload(), *files.current()), (Ok(false), 1));
        mounted.swap("two", "2");
        assert_eq!((files.reload(), *files.current()), (Ok(true), 2));
        assert_eq!(files.reload(), Ok(false));
    }

    #[test]
    fn what_cannot_be_used_changes_nothing_and_is_told_until_it_is_mended() {
        let mounted = Mounted::new();
        let files = Files::load(vec![mounted.path()], number).unwrap();
        mounted.swap("broken", "none");
        for _ in 0..2 {
            assert_eq!(files.reload(), Err(FilesError::new("\"none\" is no number")));
        }
        fs::remove_file(mounted.path()).unwrap();
        assert!(files.reload().unwrap_err().to_string().starts_with("cannot read "));
        assert_eq!(*files.current(), 1);
        mounted.swap("three", "1");
        assert_eq!((files.reload(), files.reload()), (Ok(true), Ok(false)));
    }

    #[test]
    fn nothing_is_made_of_what_cannot_be_read() {
        let nowhere = Files::load(vec![PathBuf::from("/nowhere/number")], number).unwrap_err();
        assert!(nowhere.to_string().starts_with("cannot read /nowhere/number: "), "{nowhere}");
    }
}
