//! Secrets that are looked for in what others read.

use anyhow::{Context, Result, ensure};
use data_encoding::{BASE64_NOPAD, BASE64URL, HEXLOWER};
use pdm_registrar::Error;

use crate::check::Outcome;
use crate::sim::fixtures::Case;
use crate::subject::Subject;

/// The secret values of some credentials, in every form in which they may be written, by field.
pub(super) struct Canaries(Vec<(String, String)>);

impl Canaries {
    pub(super) fn of(subject: &Subject, case: &Case) -> Result<Self> {
        let values = case
            .credentials
            .as_object()
            .context("credentials are an object")?;
        let secret = |name: &str| {
            subject
                .descriptor()
                .fields
                .iter()
                .any(|field| field.secret && field.name == name)
        };
        let mut forms = Vec::new();
        for (field, value) in values.iter().filter(|(field, _)| secret(field)) {
            let value = value.as_str().context("credentials are texts")?;
            ensure!(
                value.len() >= 8,
                "the fixture's `{field}` is too short to be found in a text"
            );
            forms.extend(written(value).into_iter().map(|form| (field.clone(), form)));
        }
        ensure!(!forms.is_empty(), "the fixture has no secret");
        Ok(Self(forms))
    }

    /// An error when `text` holds one. The message does not repeat it.
    pub(super) fn absent_from(&self, what: &str, text: &str) -> Outcome {
        let text = text.to_ascii_lowercase();
        for (field, form) in &self.0 {
            ensure!(!text.contains(form), "the secret `{field}` is in {what}");
        }
        Ok(())
    }

    pub(super) fn absent_from_error(&self, what: &str, error: &Error) -> Outcome {
        self.absent_from(
            what,
            &format!("{error}\n{error:?}\n{}", serde_json::to_string(error)?),
        )
    }
}

/// A value as it may be written, in lower case: plain, percent-encoded, escaped for JSON and XML, hexadecimal, reversed, and base64
/// wherever it stands in what was encoded.
fn written(value: &str) -> Vec<String> {
    let percent: String = value
        .bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let bytes: String = format!("{:?}", value.as_bytes())
        .trim_matches(['[', ']'])
        .to_owned();
    let mut forms = vec![
        value.to_owned(),
        percent,
        serde_json::Value::from(value)
            .to_string()
            .trim_matches('"')
            .to_owned(),
        value
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;"),
        HEXLOWER.encode(value.as_bytes()),
        value.chars().rev().collect(),
        // How `Debug` writes a buffer.
        bytes,
    ];
    for before in 0..3 {
        let shifted: Vec<u8> = std::iter::repeat_n(b' ', before).chain(value.bytes()).collect();
        // What the characters beside it have a part in is left out.
        let middle = |text: String| {
            text.get(before + 1..text.len().saturating_sub(3))
                .unwrap_or_default()
                .to_owned()
        };
        forms.push(middle(BASE64_NOPAD.encode(&shifted)));
        forms.push(middle(BASE64URL.encode(&shifted).replace('=', "")));
    }
    forms.retain(|form| form.len() >= 8);
    for form in &mut forms {
        form.make_ascii_lowercase();
    }
    forms.sort();
    forms.dedup();
    forms
}
