//! Files with private keys.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use uuid::Uuid;

/// The file `name` in `directory`; the first call makes it, of what `make` answers.
///
/// Two processes may start at the same time: each writes a whole key of its own under a name of
/// its own, and the one that links it to the real name first has made the key of both.
pub(super) fn read_or_create(
    directory: &Path,
    name: &str,
    make: fn() -> io::Result<Vec<u8>>,
) -> io::Result<Vec<u8>> {
    let path = directory.join(name);
    match read_private(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    fs::create_dir_all(directory)?;
    let document = make()?;
    let draft = directory.join(format!("{name}.{}", Uuid::new_v4()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let linked = file
        .write_all(&document)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&draft, &path));
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => read_private(&path),
    }
}

fn read_private(path: &Path) -> io::Result<Vec<u8>> {
    let document = fs::read(path)?;
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other("others may read it, its mode must be 0600"));
    }
    Ok(document)
}
