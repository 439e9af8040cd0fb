//! The file with the API's token, read at start and again when it changes.
//!
//! A mounted secret changes by a new link to a new file, so a change shows in the file's identity, not only in its
//! times. The surprise: a file that goes or makes no sense while the agent runs leaves the token before it in force; to
//! open the API because a file is missing, or to lock everybody out, would both be worse.

use std::fs::{File, Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use thiserror::Error;
use tracing::{info, warn};

use crate::token::{ADVISED_TOKEN_BYTES, MAX_TOKEN_BYTES, Token, TokenCell, TokenError};

/// White space around the token that is still read, in bytes.
const SLACK_BYTES: usize = 1024;

/// Why a token file cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    /// It cannot be opened or read.
    #[error("cannot read the token file {path}: {source}; name a file that holds a token with --token-file")]
    Unreadable {
        /// As given.
        path: PathBuf,
        /// The kernel's answer.
        source: std::io::Error,
    },
    /// It is a directory, a pipe or a device.
    #[error("the token file {path} is no regular file; name a file that holds a token with --token-file")]
    NoFile {
        /// As given.
        path: PathBuf,
    },
    /// Its text is no token.
    #[error("the token file {path} {source}; write one word into it, such as 32 random bytes in hexadecimal")]
    NoToken {
        /// As given.
        path: PathBuf,
        /// What its text is instead.
        source: TokenError,
    },
}

/// The file, and what was last read from it.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
    /// The file as it was last looked at; none where it could not be.
    seen: Option<Stamp>,
    cell: TokenCell,
}

/// What differs when a file was changed or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl TokenFile {
    /// Reads the token, which must be there at start.
    ///
    /// # Errors
    /// A sentence about the file, where it has no token.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let (token, metadata) = read(path)?;
        warn_of(path, &token, &metadata);
        Ok(Self { path: path.to_owned(), seen: Some(Stamp::of(&metadata)), cell: TokenCell::new(token) })
    }

    /// The token in force, now and after each change.
    #[must_use]
    pub fn cell(&self) -> TokenCell {
        self.cell.clone()
    }

    /// Looks whether the file has changed, and puts its new token in force; says so, or why not, once per change.
    pub fn refresh(&mut self) {
        let now = std::fs::metadata(&self.path).ok().map(|metadata| Stamp::of(&metadata));
        if now == self.seen {
            return;
        }
        self.seen = now;
        match read(&self.path) {
            Ok((token, metadata)) => {
                // What was read may be newer than what was looked at before.
                self.seen = Some(Stamp::of(&metadata));
                warn_of(&self.path, &token, &metadata);
                self.cell.replace(token);
                info!("the token file {} has changed: its new token is in force", self.path.display());
            }
            Err(error) => warn!("{error}; the token before stays in force"),
        }
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

fn read(path: &Path) -> Result<(Token, Metadata), Error> {
    let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
    // Opening a pipe would wait for somebody to write into it.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Error::NoFile { path: path.to_owned() });
    }
    let token = Token::parse(&text(file).map_err(unreadable)?);
    let token = token.map_err(|source| Error::NoToken { path: path.to_owned(), source })?;
    Ok((token, metadata))
}

fn text(file: File) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.take((MAX_TOKEN_BYTES + SLACK_BYTES) as u64).read_to_end(&mut text)?;
    Ok(text)
}

fn warn_of(path: &Path, token: &Token, metadata: &Metadata) {
    if metadata.mode() & 0o004 != 0 {
        warn!("every user of this machine may read the token file {}: take that right away", path.display());
    }
    if token.is_short() {
        warn!("the token in {} has less than {ADVISED_TOKEN_BYTES} characters and can be guessed", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, text).unwrap();
        (directory, path)
    }

    #[test]
    fn a_secret_that_is_swapped_by_its_link_is_read_again() {
        let (directory, first) = written(b"first-token\n");
        let (second, link) = (directory.path().join("second"), directory.path().join("link"));
        std::fs::write(&second, "other-token").unwrap();
        std::os::unix::fs::symlink(&first, &link).unwrap();
        let mut file = TokenFile::open(&link).unwrap();
        let token = file.cell();
        assert!(token.is(b"first-token"));
        let swapped = directory.path().join("swapped");
        std::os::unix::fs::symlink(&second, &swapped).unwrap();
        std::fs::rename(&swapped, &link).unwrap();
        file.refresh();
        assert!(token.is(b"other-token") && !token.is(b"first-token"));
    }

    #[test]
    fn a_file_that_goes_or_becomes_useless_leaves_its_last_token_in_force() {
        let (_directory, path) = written(b"token");
        let mut file = TokenFile::open(&path).unwrap();
        let token = file.cell();
        std::fs::write(&path, "").unwrap();
        file.refresh();
        std::fs::remove_file(&path).unwrap();
        file.refresh();
        assert!(token.is(b"token"));
        std::fs::write(&path, "after").unwrap();
        file.refresh();
        assert!(token.is(b"after") && !token.is(b"token"));
    }

    #[test]
    fn what_is_no_file_and_what_has_no_end_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(TokenFile::open(directory.path()), Err(Error::NoFile { .. })));
        assert!(matches!(TokenFile::open(Path::new("/dev/zero")), Err(Error::NoFile { .. })));
        let pipe = directory.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(matches!(TokenFile::open(&pipe), Err(Error::NoFile { .. })));
        let (_directory, path) = written(&vec![b'a'; 1 << 20]);
        assert!(matches!(TokenFile::open(&path), Err(Error::NoToken { source: TokenError::TooLong, .. })));
    }
}
