//! How API3 writes its answers, in JSON and in XML.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::Settings;
use crate::sim::xml::escaped;

/// JSON or XML.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Xml,
}

/// A success: what stands beside its header.
pub(super) struct Content {
    pub(super) content: Map<String, Value>,
    /// Some answers lack the word "success".
    pub(super) with_status: bool,
}

impl Content {
    /// Nothing but the header.
    pub(super) fn empty() -> Self {
        Self {
            content: Map::new(),
            with_status: true,
        }
    }

    /// One thing beside the header.
    pub(super) fn of(name: &str, value: Value) -> Self {
        let mut content = Self::empty();
        content.content.insert(name.to_owned(), value);
        content
    }
}

/// An error, which comes with HTTP status 200.
pub(super) struct Refusal {
    code: i32,
    status: Option<&'static str>,
    error: Option<String>,
    /// Under `Response` rather than the command's own name.
    general: bool,
}

impl Refusal {
    /// An error of the command.
    pub(super) fn new(error: impl Into<String>) -> Self {
        Self {
            code: -1,
            status: Some("error"),
            error: Some(error.into()),
            general: false,
        }
    }

    /// An error before the command was looked at.
    pub(super) fn general(error: &str) -> Self {
        Self {
            code: -1,
            status: None,
            error: Some(error.to_owned()),
            general: true,
        }
    }

    /// "Busy": it may have been done or not.
    pub(super) fn busy() -> Self {
        Self {
            code: 5,
            status: Some("system_busy"),
            error: None,
            general: false,
        }
    }

    /// The domain is not in the account.
    pub(super) fn not_held() -> Self {
        Self::new("could not find domain in your account")
    }

    /// A parameter is not there.
    pub(super) fn missing(name: &str) -> Self {
        Self::new(format!("missing {name}"))
    }

    /// The text, for REST.
    pub(super) fn text(&self) -> &str {
        self.error.as_deref().unwrap_or("system_busy")
    }

    pub(super) fn render(self, command: &str, format: Format, settings: &Settings) -> Response {
        let name = if self.general {
            String::new()
        } else {
            response_name(command)
        };
        // Codes of errors were seen as texts.
        let header = Header {
            code: json!(self.code.to_string()),
            status: self.status,
            error: self.error,
        };
        render(&name, header, Map::new(), format, settings)
    }
}

impl Content {
    pub(super) fn render(self, command: &str, format: Format, settings: &Settings) -> Response {
        let code = if settings.codes_as_text {
            json!("0")
        } else {
            json!(0)
        };
        let header = Header {
            code,
            status: self.with_status.then_some("success"),
            error: None,
        };
        render(&response_name(command), header, self.content, format, settings)
    }
}

struct Header {
    code: Value,
    status: Option<&'static str>,
    error: Option<String>,
}

/// `set_ns` is answered as `SetNs…`; `set_dns2` as `SetDns…`.
fn response_name(command: &str) -> String {
    command
        .trim_end_matches('2')
        .split('_')
        .map(|word| match word.split_at_checked(1) {
            Some((first, rest)) => first.to_ascii_uppercase() + rest,
            None => String::new(),
        })
        .collect()
}

fn render(
    name: &str,
    header: Header,
    content: Map<String, Value>,
    format: Format,
    settings: &Settings,
) -> Response {
    let body = match format {
        Format::Json => {
            let mut inner = Map::new();
            inner.insert("ResponseCode".to_owned(), header.code);
            if let Some(status) = header.status {
                inner.insert("Status".to_owned(), json!(status));
            }
            if let Some(error) = header.error {
                inner.insert("Error".to_owned(), json!(error));
            }
            inner.extend(content);
            json!({format!("{name}Response"): inner}).to_string()
        }
        Format::Xml => xml_document(name, &header, &content),
    };
    ([(header::CONTENT_TYPE, settings.media_type)], body).into_response()
}

fn xml_document(name: &str, header: &Header, content: &Map<String, Value>) -> String {
    let (header_name, code_name) = if name.is_empty() {
        ("ResponseHeader".to_owned(), "ResponseCode")
    } else {
        (format!("{name}Header"), "SuccessCode")
    };
    let code = header
        .code
        .as_str()
        .map_or_else(|| header.code.to_string(), str::to_owned);
    let mut head = format!("<{code_name}>{code}</{code_name}>");
    if let Some(status) = header.status {
        head.extend(["<Status>", status, "</Status>"]);
    }
    if let Some(error) = &header.error {
        head.extend(["<Error>", &escaped(error), "</Error>"]);
    }
    let root = format!("{name}Response");
    let inner: String = content.iter().map(|(name, value)| element(name, value)).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><{root}><{header_name}>{head}</{header_name}>{inner}</{root}>"
    )
}

/// Objects nest, lists repeat their element, and `Host0`, `Host1` … of JSON are all `Host`.
fn element(name: &str, value: &Value) -> String {
    match value {
        Value::Object(inner) => {
            let inner: String = inner.iter().map(|(name, value)| element(name, value)).collect();
            format!("<{name}>{inner}</{name}>")
        }
        Value::Array(many) => many.iter().map(|one| element(name, one)).collect(),
        plain => {
            let name = if name.starts_with("Host") {
                name.trim_end_matches(|last: char| last.is_ascii_digit())
            } else {
                name
            };
            let text = plain.as_str().map_or_else(|| plain.to_string(), str::to_owned);
            format!("<{name}>{}</{name}>", escaped(&text))
        }
    }
}
