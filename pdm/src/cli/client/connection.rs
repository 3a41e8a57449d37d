//! Which server is asked, and with which key.

use std::path::Path;

use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use super::failure::Failure;
use crate::cli::args::Global;

/// The address of a server and the key for it.
pub struct Connection {
    /// Scheme, host, port and perhaps a path; nothing secret.
    pub base: Url,
    /// The value of the header `Authorization`, marked as sensitive.
    pub authorization: HeaderValue,
}

impl Connection {
    /// Reads the address and the key from the options and the environment.
    pub fn read(global: &Global, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let address = global
            .url
            .as_deref()
            .filter(|url| !url.is_empty())
            .ok_or_else(|| {
                Failure::Usage(
                    "no server is named: set PDM_URL, or give --url https://pdm.example.net".into(),
                )
            })?;
        Ok(Self {
            base: base(address)?,
            authorization: authorization(global, variable)?,
        })
    }
}

/// The address is printed in errors and the key goes wherever it points, so that it must be a plain one.
fn base(address: &str) -> Result<Url, Failure> {
    let wrong = |why| Failure::Usage(format!("the server's address (PDM_URL) {why}"));
    let url =
        Url::parse(address).map_err(|_| wrong("is not a URL; one looks like https://pdm.example.net"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong("must begin with https:// or http:// and a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "must not carry a user or password; the key goes into PDM_API_KEY",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must not carry a query or fragment"));
    }
    Ok(url)
}

fn authorization(global: &Global, variable: impl Fn(&str) -> Option<String>) -> Result<HeaderValue, Failure> {
    let (key, place) = match &global.api_key_file {
        Some(file) => (read_key(file)?, file.display().to_string()),
        None => match variable("PDM_API_KEY").filter(|key| !key.trim().is_empty()) {
            Some(key) => (SecretString::from(key), "PDM_API_KEY".into()),
            None => {
                return Err(Failure::Usage(
                    "no API key: set PDM_API_KEY, or give --api-key-file FILE".into(),
                ));
            }
        },
    };
    let key = key.expose_secret().trim();
    // RFC 6750, section 2.1: one word of visible ASCII. The key itself is not repeated in the message.
    if key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Failure::Usage(format!(
            "{place} does not hold an API key: one word of visible ASCII is needed"
        )));
    }
    let mut value = HeaderValue::try_from(format!("Bearer {key}")).expect("visible ASCII is a header value");
    value.set_sensitive(true);
    Ok(value)
}

fn read_key(file: &Path) -> Result<SecretString, Failure> {
    std::fs::read_to_string(file)
        .map(SecretString::from)
        .map_err(|error| {
            Failure::Usage(format!(
                "the API key cannot be read from {}: {error}",
                file.display()
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Output;
    use crate::cli::client::failure::Status;

    fn global(url: Option<&str>, api_key_file: Option<&Path>) -> Global {
        Global {
            url: url.map(Into::into),
            api_key_file: api_key_file.map(Into::into),
            output: Output::Table,
        }
    }

    fn refusal(global: &Global, key: Option<&str>) -> String {
        match Connection::read(global, |_| key.map(Into::into)) {
            Err(failure) => {
                assert_eq!(failure.status(), Status::Usage);
                failure.report()
            }
            Ok(connection) => panic!("{} was accepted", connection.base),
        }
    }

    #[test]
    fn the_key_of_the_file_wins_over_the_variable() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "file-key\n").unwrap();
        let url = Some("https://pdm.example.net/below/");
        let read = |file| Connection::read(&global(url, file), |_| Some("test-key".into())).unwrap();
        assert_eq!(read(None).authorization, "Bearer test-key");
        let connection = read(Some(file.path()));
        assert_eq!(connection.authorization, "Bearer file-key");
        assert!(!format!("{:?}", connection.authorization).contains("file-key"));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(refusal(&global(None, None), Some("test-key")).contains("PDM_URL"));
        assert!(refusal(&global(Some("http://127.0.0.1:1"), None), None).contains("PDM_API_KEY"));
        assert!(refusal(&global(Some("http://127.0.0.1:1"), None), Some(" \n")).contains("PDM_API_KEY"));
    }

    #[test]
    fn neither_a_password_in_the_address_nor_a_bad_key_is_repeated() {
        for url in [
            "http://user:hunter2@127.0.0.1",
            "ftp://127.0.0.1/hunter2",
            "http://127.0.0.1/?key=hunter2",
            "hunter2",
        ] {
            assert!(
                !refusal(&global(Some(url), None), Some("test-key")).contains("hunter2"),
                "{url}"
            );
        }
        let report = refusal(&global(Some("http://127.0.0.1:1"), None), Some("hunter2 twice"));
        assert!(!report.contains("hunter2"));
    }
}
