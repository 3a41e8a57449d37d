//! Where a server keeps its files: a folder of the caller's, or a temporary one that goes with the server.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

#[derive(Debug)]
pub(crate) enum Directory {
    Given(PathBuf),
    Temporary(TempDir),
}

impl Directory {
    /// Makes the folder that was asked for, or a temporary one.
    pub(crate) fn make(given: Option<PathBuf>) -> Result<Self> {
        match given {
            Some(path) => {
                std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
                // Servers get this path in their settings and have working directories of their own.
                Ok(Self::Given(path.canonicalize()?))
            }
            None => Ok(Self::Temporary(
                tempfile::Builder::new().prefix("conformance-").tempdir()?,
            )),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Given(path) => path,
            Self::Temporary(directory) => directory.path(),
        }
    }
}
