//! Secret values, and the removal of them from text.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use secrecy::{ExposeSecret, SecretString};

/// A secret text: zeroed when dropped, without `Debug`, `Display`, `Serialize` and `Clone`.
///
/// The only way out is [`expose`](Self::expose), which belongs into the code that builds a request and nowhere else.
pub struct Secret(SecretString);

impl Secret {
    /// Takes a secret; white space around it is what came along when it was copied, and is dropped.
    pub fn new(text: &str) -> Self {
        Self(SecretString::from(text.trim().to_owned()))
    }

    /// Lends the text to `use_it`, which must not keep a copy longer than the request it builds.
    pub fn expose<T>(&self, use_it: impl FnOnce(&str) -> T) -> T {
        use_it(self.0.expose_secret())
    }

    /// Whether there is no text in it.
    pub fn is_empty(&self) -> bool {
        self.0.expose_secret().is_empty()
    }
}

impl From<SecretString> for Secret {
    fn from(text: SecretString) -> Self {
        Self::new(text.expose_secret())
    }
}

/// Secrets shorter than this are not looked for in texts: they would be found in ordinary words.
const SHORTEST: usize = 6;

/// Takes known secrets out of text that somebody else wrote, in every encoding in which a vendor may echo them: as they are,
/// percent-encoded, base64, hexadecimal, and escaped for JSON or XML.
#[derive(Default)]
pub struct Redactor(Vec<SecretString>);

impl Redactor {
    /// A redactor that knows `secrets`.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut redactor = Self::default();
        for secret in secrets {
            redactor.add(secret);
        }
        redactor
    }

    /// Makes one more secret known.
    pub fn add(&mut self, secret: &Secret) {
        secret.expose(|text| {
            if text.len() >= SHORTEST {
                self.0.extend(forms(text).into_iter().map(SecretString::from));
            }
        });
        // The longest first: a form may contain another.
        self.0
            .sort_by_key(|form| std::cmp::Reverse(form.expose_secret().len()));
    }

    /// `text` with `[redacted]` in place of every secret.
    pub fn clean(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for form in &self.0 {
            clean = replace_ignoring_case(&clean, form.expose_secret());
        }
        clean
    }
}

/// Replaces every occurrence of `form`, whatever its case: vendors change the case of hexadecimal digits and of keys.
fn replace_ignoring_case(text: &str, form: &str) -> String {
    // ASCII lowering keeps byte positions.
    let (low, form) = (text.to_ascii_lowercase(), form.to_ascii_lowercase());
    let mut clean = String::with_capacity(text.len());
    let mut rest = 0;
    while let Some(found) = low[rest..].find(&form) {
        clean.push_str(&text[rest..rest + found]);
        clean.push_str("[redacted]");
        rest += found + form.len();
    }
    clean.push_str(&text[rest..]);
    clean
}

fn forms(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let mut forms = vec![
        secret.to_owned(),
        percent_encoded(secret),
        percent_encoded(secret).replace("%20", "+"),
        BASE64.encode(bytes),
        BASE64_NOPAD.encode(bytes),
        BASE64URL.encode(bytes),
        BASE64URL_NOPAD.encode(bytes),
        HEXLOWER.encode(bytes),
        HEXUPPER.encode(bytes),
        secret
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('/', "\\/"),
        secret.replace('\\', "\\\\").replace('"', "\\\""),
        secret
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;"),
    ];
    forms.sort();
    forms.dedup();
    forms
}

/// Everything but unreserved characters (RFC 3986 section 2.3) as `%XX`.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&HEXUPPER.encode(&[byte]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_out_in_every_encoding() {
        let secret = Secret::new("canary /+\"&value");
        let redactor = Redactor::new([&secret]);
        for form in forms("canary /+\"&value") {
            let text = format!("before {form} after {}", form.to_ascii_uppercase());
            assert_eq!(
                redactor.clean(&text),
                "before [redacted] after [redacted]",
                "{form}"
            );
        }
    }

    #[test]
    fn other_text_stays_as_it_is() {
        let redactor = Redactor::new([&Secret::new("test-key-value"), &Secret::new("ab")]);
        assert_eq!(redactor.clean("Größe about keys: abba"), "Größe about keys: abba");
    }
}
