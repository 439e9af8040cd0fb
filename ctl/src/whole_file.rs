//! Files that are there whole or not at all: written beside, then put in place.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};

/// Writes a file with these permissions; readers see the old one or the new one. A link is followed, not replaced.
pub(crate) fn write(path: &Path, bytes: &[u8], permissions: u32) -> Result<()> {
    let work = || -> Result<()> {
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let directory = path.parent().context("it has no directory")?;
        std::fs::create_dir_all(directory)?;
        let mut file = tempfile::Builder::new().prefix(".fgmctl-").tempfile_in(directory)?;
        file.write_all(bytes)?;
        file.as_file().set_permissions(Permissions::from_mode(permissions))?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        Ok(())
    };
    work().with_context(|| format!("{} cannot be written", path.display()))
}
