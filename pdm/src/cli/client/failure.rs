//! How a client command ends, and what is said when it ends badly.

use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use super::problem::Problem;
use super::text::{plain, without_secrets};
use super::tokens;

/// The exit status of a client command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Done = 0,
    /// Failed, or the answer to a question is no.
    Failed = 1,
    /// The command line or the environment is wrong.
    Usage = 2,
    /// Not ended yet: it waits for somebody, or whoever waited left before the end.
    Waiting = 3,
    /// The server cannot be reached, or says that it cannot serve now.
    Unreachable = 4,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// Why a client command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The environment, a file or an argument is wrong.
    #[error("{0}")]
    Usage(String),
    /// The server refused, or the client knows that it would.
    #[error("{}", .0.title)]
    Problem(Box<Problem>),
    /// No answer.
    #[error("{reason}")]
    Unreachable {
        /// What was seen.
        reason: String,
        /// Whether the request may have arrived and taken effect.
        may_have_taken_effect: bool,
    },
    /// The server did what was asked and answered something that this version does not understand.
    #[error("the answer is not what this version of pdm expects (line {line}, column {column})")]
    Unexpected {
        /// Where in the answer. The text itself may hold a secret.
        line: usize,
        /// The same.
        column: usize,
    },
    /// A failure after which only one exact command repeats the request and does not make a second one.
    #[error("{failure}")]
    Repeat {
        /// What went wrong.
        failure: Box<Failure>,
        /// The command.
        command: String,
    },
    /// The file of remembered tokens.
    #[error(transparent)]
    Tokens(#[from] tokens::Error),
    /// Nothing can be printed.
    #[error("nothing can be printed: {0}")]
    Output(#[from] io::Error),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl Failure {
    /// The exit status it leads to.
    pub fn status(&self) -> Status {
        match self {
            Self::Usage(_) => Status::Usage,
            Self::Problem(problem) if problem.is_outage() => Status::Unreachable,
            Self::Problem(_) | Self::Unexpected { .. } | Self::Tokens(_) | Self::Output(_) => Status::Failed,
            Self::Unreachable { .. } => Status::Unreachable,
            Self::Repeat { failure, .. } => failure.status(),
        }
    }

    /// Whether the same request may well succeed in a moment.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Problem(problem) => problem.is_outage() || problem.status == Some(429),
            Self::Repeat { failure, .. } => failure.may_pass(),
            Self::Usage(_) | Self::Unexpected { .. } | Self::Tokens(_) | Self::Output(_) => false,
        }
    }

    /// What the user reads: what happened, what is safe, what to do next. Empty when nobody reads any more.
    pub fn report(&self) -> String {
        let mut lines = String::new();
        let mut line = |name: &str, text: &str| {
            for (i, part) in text.lines().enumerate() {
                let head = if i == 0 { name } else { "" };
                // Writing to a string cannot fail.
                let _ = writeln!(lines, "{head:9}{}", plain(&without_secrets(part)));
            }
        };
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Self::Usage(text) => line("error:", text),
            Self::Problem(problem) => {
                let advice = problem.advice();
                match &problem.code {
                    Some(code) => line("error:", &format!("{} ({code})", problem.title)),
                    None => line("error:", &problem.title),
                }
                line("", &problem.detail);
                for error in &problem.errors {
                    line("", &format!("{}: {}", error.pointer, error.detail));
                }
                line("safe:", advice.safe);
                line("next:", &advice.next);
                if let Some(operation) = &problem.operation_id {
                    line("see:", &format!("pdm operation show {operation}"));
                }
                // What the client foresaw was never sent.
                if problem.status.is_some() {
                    line(
                        "request:",
                        problem.request_id.as_deref().unwrap_or("(the answer names none)"),
                    );
                }
            }
            Self::Unreachable {
                reason,
                may_have_taken_effect,
            } => {
                line("error:", reason);
                let safe = if *may_have_taken_effect {
                    "the request may have arrived and taken effect; look before you repeat it"
                } else {
                    "nothing was changed by this command; work that was accepted before goes on"
                };
                line("safe:", safe);
                line(
                    "next:",
                    "check the address in PDM_URL and that the server runs, then try again",
                );
            }
            Self::Unexpected { .. } => {
                line("error:", &self.to_string());
                line(
                    "safe:",
                    "the server did what was asked; only its answer cannot be shown",
                );
                line(
                    "next:",
                    "use a pdm of the server's version (pdm --version), or look with --output json",
                );
            }
            Self::Repeat { failure, command } => {
                line("repeat:", command);
                return failure.report() + &lines;
            }
            Self::Tokens(error) => {
                line("error:", &error.to_string());
                line("next:", error.advice());
            }
            Self::Output(_) => line("error:", &self.to_string()),
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(status: u16, body: &str) -> Failure {
        Problem::read(status, Some("req-1"), body).into()
    }

    #[test]
    fn each_kind_of_failure_has_its_exit_status() {
        let unreachable = Failure::Unreachable {
            reason: String::new(),
            may_have_taken_effect: false,
        };
        assert_eq!(unreachable.status(), Status::Unreachable);
        assert_eq!(Failure::Usage(String::new()).status(), Status::Usage);
        assert_eq!(
            problem(409, r#"{"title":"t","code":"name.held"}"#).status(),
            Status::Failed
        );
        assert_eq!(
            problem(401, r#"{"title":"t","code":"auth.invalid"}"#).status(),
            Status::Failed
        );
        assert_eq!(
            problem(503, r#"{"title":"t","code":"store.unavailable"}"#).status(),
            Status::Unreachable
        );
        assert_eq!(
            problem(502, r#"{"title":"t","code":"registrar.unavailable"}"#).status(),
            Status::Failed
        );
        assert_eq!(
            problem(502, "<html>Bad Gateway</html>").status(),
            Status::Unreachable
        );
        assert_eq!(problem(500, "").status(), Status::Failed);
    }

    #[test]
    fn a_refusal_is_told_with_what_is_safe_what_is_next_and_the_request() {
        let report = problem(
            409,
            r#"{"title":"Name is held","code":"name.held","detail":"acme.omani.works is held","retry_after_seconds":58,
                "request_id":"01ABC"}"#,
        )
        .report();
        assert_eq!(
            report,
            "error:   Name is held (name.held)\n         acme.omani.works is held\n\
             safe:    nothing was changed\n\
             next:    try again in 58s, or take another name: pdm check NAME shows which are free\n\
             request: 01ABC\n"
        );
    }

    #[test]
    fn fields_that_are_wrong_are_named() {
        let report = problem(
            422,
            r#"{"title":"Invalid","code":"request.invalid","errors":[{"pointer":"/hold_seconds","code":"x","detail":"too long"}]}"#,
        )
        .report();
        assert!(
            report.contains("\n         /hold_seconds: too long\n"),
            "{report}"
        );
    }

    #[test]
    fn no_report_repeats_a_secret_or_steers_the_terminal() {
        let key = "pdm_0190abcdef_00112233445566778899aabbccddeeff";
        let report = problem(
            401,
            &format!(r#"{{"title":"Bad","code":"auth.invalid","detail":"key {key} \u001b[2J"}}"#),
        )
        .report();
        assert!(!report.contains(key) && report.contains("[hidden]"), "{report}");
        assert!(!report.contains('\u{1b}'), "{report:?}");
    }

    #[test]
    fn a_reader_who_left_is_told_nothing() {
        assert_eq!(
            Failure::Output(io::Error::from(io::ErrorKind::BrokenPipe)).report(),
            ""
        );
    }
}
