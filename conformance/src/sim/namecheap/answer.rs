//! The envelope of answers, and those that have none.

use std::fmt::Write as _;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::sim::xml::escaped;

/// An error by its number.
pub(super) struct Refusal {
    number: u32,
    text: String,
}

impl Refusal {
    pub(super) fn new(number: u32, text: impl Into<String>) -> Self {
        Self {
            number,
            text: text.into(),
        }
    }

    /// The domain is not in the account, or the name was split wrongly.
    pub(super) fn not_found() -> Self {
        Self::new(2_019_166, "Domain not found")
    }

    /// The vendor does not serve the zone.
    pub(super) fn not_served() -> Self {
        Self::new(
            2_030_288,
            "Cannot complete this command as this domain is not using proper DNS servers",
        )
    }

    /// A record that cannot be.
    pub(super) fn record(text: impl Into<String>) -> Self {
        Self::new(2_050_900, text)
    }
}

/// One element with attributes, in the order given.
pub(super) fn element(name: &str, attributes: &[(&str, &str)], content: &str) -> String {
    let mut text = format!("<{name}");
    for (name, value) in attributes {
        // Writing to a String does not fail.
        let _ = write!(text, " {name}=\"{}\"", escaped(value));
    }
    if content.is_empty() {
        text + " />"
    } else {
        format!("{text}>{content}</{name}>")
    }
}

/// A success.
pub(super) fn success(command: &str, result: &str) -> Response {
    let response = element("CommandResponse", &[("Type", command)], result);
    envelope("OK", "<Errors />", command, &response)
}

/// One error or several, with status 200.
pub(super) fn refused(refusals: &[Refusal], command: &str) -> Response {
    let errors: String = refusals
        .iter()
        .map(|refusal| {
            format!(
                "<Error Number=\"{}\">{}</Error>",
                refusal.number,
                escaped(&refusal.text)
            )
        })
        .collect();
    envelope("ERROR", &format!("<Errors>{errors}</Errors>"), command, "")
}

fn envelope(status: &str, errors: &str, command: &str, response: &str) -> Response {
    // The vendor repeats the command in lower case.
    let command = escaped(&command.to_ascii_lowercase());
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n\
         <ApiResponse Status=\"{status}\" xmlns=\"http://api.namecheap.com/xml.response\">\r\n  \
         {errors}\r\n  <Warnings />\r\n  <RequestedCommand>{command}</RequestedCommand>\r\n  {response}\r\n  \
         <Server>SIMULATOR</Server>\r\n  <GMTTimeDifference>--5:00</GMTTimeDifference>\r\n  \
         <ExecutionTime>0.01</ExecutionTime>\r\n</ApiResponse>"
    );
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], body).into_response()
}

/// Too many calls.
pub(super) fn too_many() -> Response {
    page(StatusCode::METHOD_NOT_ALLOWED, "405 Not Allowed")
}

/// The vendor is away.
pub(super) fn away() -> Response {
    page(StatusCode::SERVICE_UNAVAILABLE, "We'll be back soon")
}

fn page(status: StatusCode, title: &str) -> Response {
    let body =
        format!("<html>\r\n<head><title>{title}</title></head>\r\n<body><h1>{title}</h1></body>\r\n</html>");
    (status, [(header::CONTENT_TYPE, "text/html")], body).into_response()
}
