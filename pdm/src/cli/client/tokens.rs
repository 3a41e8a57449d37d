//! Reservation tokens, remembered in a file that only the user may read.
//!
//! Whoever has a token may commit or renew the claim it belongs to (together with a key of its tenant). So the file
//! is made with mode 0600, one that others may read is refused, and a change is a new file that takes the old one's
//! place: a reader sees the one or the other. A lock beside it makes changes of several `pdm` follow each other.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};

/// Why a token cannot be remembered or found. No variant carries what is in the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no place for the file.
    #[error(
        "there is no place to remember reservation tokens: none of PDM_TOKENS, XDG_STATE_HOME and HOME is set"
    )]
    NoPlace,
    /// Reading or writing failed.
    #[error("reservation tokens in {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Others may read it.
    #[error("reservation tokens in {} may be read by others (mode {mode:04o})", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is not a file of tokens, or one of a newer version.
    #[error("{} is not a file of reservation tokens that this version of pdm can read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
}

impl Error {
    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NoPlace => "set PDM_TOKENS to a file of yours",
            Self::Io { .. } => "make the file writable for you, or name another one in PDM_TOKENS",
            Self::Exposed { .. } => "if nobody else has read it, close it: chmod 600 FILE",
            Self::Unreadable { .. } => "move the file away, or name another one in PDM_TOKENS",
        }
    }
}

/// The file of remembered tokens.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
}

/// What is in the file.
#[derive(Serialize, Deserialize)]
struct Contents {
    version: u32,
    /// By claim id.
    tokens: BTreeMap<String, Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    /// For people who look into the file.
    name: String,
    #[serde(serialize_with = "expose")]
    token: SecretString,
}

const VERSION: u32 = 1;

fn expose<S: Serializer>(token: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.expose_secret())
}

/// Held while the file is read and replaced; dropping it lets the next one in.
struct Turn(#[expect(dead_code, reason = "held for its lock")] File);

impl TokenFile {
    /// The file that `PDM_TOKENS` names, else `pdm/tokens.json` in the user's state directory
    /// (XDG Base Directory Specification 0.8: `XDG_STATE_HOME`, by default `~/.local/state`); none without any of them.
    pub fn locate(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let set = |name| {
            variable(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        // The specification has relative paths in XDG variables ignored.
        let state = || {
            let named = set("XDG_STATE_HOME").filter(|path| path.is_absolute());
            named.or_else(|| set("HOME").map(|home| home.join(".local/state")))
        };
        let path = set("PDM_TOKENS").or_else(|| state().map(|dir| dir.join("pdm/tokens.json")));
        path.map(|path| Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a token can be remembered: asked before one is made, so that none is lost.
    pub fn check(&self) -> Result<(), Error> {
        let _turn = self.turn()?;
        let contents = self.read()?;
        self.replace(&contents)
    }

    /// Remembers the token of a claim.
    pub fn remember(&self, claim_id: &str, name: &str, token: SecretString) -> Result<(), Error> {
        let _turn = self.turn()?;
        let mut contents = self.read()?;
        contents.tokens.insert(
            claim_id.into(),
            Entry {
                name: name.into(),
                token,
            },
        );
        self.replace(&contents)
    }

    /// The token of a claim, if it is remembered.
    pub fn find(&self, claim_id: &str) -> Result<Option<SecretString>, Error> {
        Ok(self.read()?.tokens.remove(claim_id).map(|entry| entry.token))
    }

    /// Forgets the token of a claim that has ended.
    pub fn forget(&self, claim_id: &str) -> Result<(), Error> {
        if !self.path.exists() {
            return Ok(());
        }
        let _turn = self.turn()?;
        let mut contents = self.read()?;
        if contents.tokens.remove(claim_id).is_none() {
            return Ok(());
        }
        self.replace(&contents)
    }

    fn turn(&self) -> Result<Turn, Error> {
        let directory = self.directory();
        if !directory.exists() {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
            made.map_err(|error| self.io(error))?;
        }
        // The lock is a file of its own, because the file itself is replaced.
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(self.beside("lock"));
        let lock = lock.map_err(|error| self.io(error))?;
        lock.lock().map_err(|error| self.io(error))?;
        Ok(Turn(lock))
    }

    fn read(&self) -> Result<Contents, Error> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Contents {
                    version: VERSION,
                    tokens: BTreeMap::new(),
                });
            }
            Err(error) => return Err(self.io(error)),
        };
        // Of the opened file, not of the path: what is checked is what is read.
        let mode = file
            .metadata()
            .map_err(|error| self.io(error))?
            .permissions()
            .mode()
            & 0o7777;
        if mode & 0o077 != 0 {
            return Err(Error::Exposed {
                path: self.path.clone(),
                mode,
            });
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(|error| self.io(error))?;
        // The parser's message may repeat a token.
        serde_json::from_slice(&text)
            .ok()
            .filter(|contents: &Contents| contents.version == VERSION)
            .ok_or_else(|| Error::Unreadable {
                path: self.path.clone(),
            })
    }

    /// Puts new contents in the old ones' place. Only with a turn: the name of the new file is always the same.
    fn replace(&self, contents: &Contents) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(contents).expect("strings in a map are JSON");
        let new = self.beside("new");
        let written = || -> io::Result<()> {
            // Left behind by a process that was ended; its mode may be anything.
            match fs::remove_file(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&new)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&new, &self.path)?;
            File::open(self.directory())?.sync_all()
        };
        written().map_err(|error| self.io(error))
    }

    fn directory(&self) -> &Path {
        self.path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."))
    }

    fn beside(&self, extension: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(".");
        path.push(extension);
        path.into()
    }

    fn io(&self, error: io::Error) -> Error {
        Error::Io {
            path: self.path.clone(),
            error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    fn in_directory(directory: &Path) -> TokenFile {
        TokenFile {
            path: directory.join("state/pdm/tokens.json"),
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn found(file: &TokenFile, claim: &str) -> Option<String> {
        file.find(claim)
            .unwrap()
            .map(|token| token.expose_secret().into())
    }

    #[test]
    fn a_token_is_remembered_found_and_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let file = in_directory(directory.path());
        assert_eq!(found(&file, "clm_1"), None);
        file.check().unwrap();
        file.remember("clm_1", "acme.omani.works", "test-token-1".into())
            .unwrap();
        file.remember("clm_2", "beta.omani.works", "test-token-2".into())
            .unwrap();
        file.remember("clm_1", "acme.omani.works", "test-token-3".into())
            .unwrap();
        assert_eq!(found(&file, "clm_1").as_deref(), Some("test-token-3"));
        file.forget("clm_1").unwrap();
        file.forget("clm_1").unwrap();
        assert_eq!(found(&file, "clm_1"), None);
        assert_eq!(found(&file, "clm_2").as_deref(), Some("test-token-2"));
    }

    #[test]
    fn only_the_user_may_read_it_and_its_directory() {
        let directory = tempfile::tempdir().unwrap();
        let file = in_directory(directory.path());
        // What an ended process left behind must not lend its mode to the new file.
        fs::create_dir_all(file.directory()).unwrap();
        fs::write(file.beside("new"), "left behind").unwrap();
        fs::set_permissions(file.beside("new"), fs::Permissions::from_mode(0o644)).unwrap();
        file.remember("clm_1", "acme.omani.works", "test-token".into())
            .unwrap();
        assert_eq!(mode(file.path()), 0o600);
        assert_eq!(mode(&file.beside("lock")), 0o600);
        assert!(!file.beside("new").exists());

        let made = TokenFile {
            path: directory.path().join("made/tokens.json"),
        };
        made.check().unwrap();
        assert_eq!(mode(made.directory()), 0o700);
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = in_directory(directory.path());
        file.remember("clm_1", "acme.omani.works", "test-token".into())
            .unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(
            file.find("clm_1"),
            Err(Error::Exposed { mode: 0o640, .. })
        ));
        assert!(matches!(file.check(), Err(Error::Exposed { .. })));
    }

    #[test]
    fn what_cannot_be_read_is_left_as_it_is_and_not_repeated() {
        let directory = tempfile::tempdir().unwrap();
        let file = in_directory(directory.path());
        file.check().unwrap();
        for text in [
            r#"{"version":1,"tokens":"test-token"}"#,
            r#"{"version":2,"tokens":{}}"#,
            "test-token",
            "",
        ] {
            fs::write(file.path(), text).unwrap();
            let error = file
                .remember("clm_1", "acme.omani.works", "other".into())
                .unwrap_err();
            assert!(matches!(error, Error::Unreadable { .. }), "{error}");
            assert!(!error.to_string().contains("test-token"));
            assert_eq!(fs::read_to_string(file.path()).unwrap(), text);
        }
    }

    #[test]
    fn many_at_once_lose_no_token() {
        const WRITERS: usize = 8;
        const EACH: usize = 12;
        let directory = tempfile::tempdir().unwrap();
        let start = Barrier::new(WRITERS);
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (file, start) = (in_directory(directory.path()), &start);
                scope.spawn(move || {
                    start.wait();
                    for n in 0..EACH {
                        let id = format!("clm_{writer}x{n}");
                        file.remember(&id, "acme.omani.works", id.clone().into()).unwrap();
                        // A reader beside the writers always sees a whole file.
                        assert_eq!(found(&file, &id), Some(id));
                    }
                });
            }
        });
        assert_eq!(
            in_directory(directory.path()).read().unwrap().tokens.len(),
            WRITERS * EACH
        );
    }

    #[test]
    fn its_place_follows_the_environment() {
        let place = |variables: &[(&str, &str)]| {
            let lookup = |name: &str| {
                variables
                    .iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, value)| value.into())
            };
            TokenFile::locate(lookup).map(|file| file.path.to_str().unwrap().to_owned())
        };
        let home = ("HOME", "/home/u");
        assert_eq!(
            place(&[home, ("XDG_STATE_HOME", "/s"), ("PDM_TOKENS", "/t.json")]).as_deref(),
            Some("/t.json")
        );
        assert_eq!(
            place(&[home, ("XDG_STATE_HOME", "/s")]).as_deref(),
            Some("/s/pdm/tokens.json")
        );
        for state in ["", "relative"] {
            let default = place(&[home, ("XDG_STATE_HOME", state)]);
            assert_eq!(default.as_deref(), Some("/home/u/.local/state/pdm/tokens.json"));
        }
        assert_eq!(place(&[]), None);
    }
}
