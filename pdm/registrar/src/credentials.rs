//! What a customer enters to open an account.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::descriptor::Descriptor;
use crate::error::{Error, ErrorKind};
use crate::secret::{Redactor, Secret};

/// Longest value of a field, in bytes. The longest known token has some 400.
const LONGEST: usize = 4096;

/// Values by field name, as the [`Descriptor`] of an adapter names them.
///
/// All of them are treated as secrets, also a user name: without `Debug`, `Display`, `Serialize` and `Clone`.
pub struct Credentials(BTreeMap<String, Secret>);

impl Credentials {
    /// Takes values as they were entered and holds them against what `descriptor` asks for.
    ///
    /// Empty values count as not given. The error says which field is meant and what is wrong with it, never its value.
    pub fn new(
        descriptor: &Descriptor,
        values: impl IntoIterator<Item = (String, SecretString)>,
    ) -> Result<Self, Error> {
        let mut fields = BTreeMap::new();
        for (name, value) in values {
            let value = Secret::from(value);
            let Some(field) = descriptor.fields.iter().find(|field| field.name == name) else {
                return Err(wrong(format!(
                    "{} does not know this field; it has {}",
                    descriptor.display_name,
                    descriptor
                        .fields
                        .iter()
                        .map(|field| field.name)
                        .collect::<Vec<_>>()
                        .join(", ")
                )));
            };
            if value.is_empty() {
                continue;
            }
            if !value.expose(|text| text.len() <= LONGEST && field.accepts(text)) {
                return Err(wrong(format!(
                    "`{name}` does not look as it should: {}",
                    field.help
                )));
            }
            fields.insert(name, value);
        }
        let complete = |needed: &&[&str]| needed.iter().all(|name| fields.contains_key(*name));
        if !descriptor.needs.iter().any(complete) {
            let ways: Vec<_> = descriptor
                .needs
                .iter()
                .map(|needed| needed.join(" and "))
                .collect();
            return Err(wrong(format!(
                "{} needs {}",
                descriptor.display_name,
                ways.join(", or ")
            )));
        }
        Ok(Self(fields))
    }

    /// Reads one JSON object of strings.
    pub fn from_json(descriptor: &Descriptor, json: &[u8]) -> Result<Self, Error> {
        // The parser's own message may quote the text, which is secret.
        let values: BTreeMap<String, SecretString> = serde_json::from_slice(json)
            .map_err(|_| wrong("the credentials are not one JSON object of texts".to_owned()))?;
        Self::new(descriptor, values)
    }

    /// The value of a field, if it was given.
    pub fn get(&self, field: &str) -> Option<&Secret> {
        self.0.get(field)
    }

    /// The value of a field that the descriptor's `needs` guarantee.
    pub fn required(&self, field: &str) -> Result<&Secret, Error> {
        self.get(field)
            .ok_or_else(|| wrong(format!("`{field}` is missing")))
    }

    /// What takes these values out of texts.
    pub fn redactor(&self) -> Redactor {
        Redactor::new(self.0.values())
    }
}

fn wrong(detail: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, detail)
}
