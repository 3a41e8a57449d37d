//! Text for a terminal: nothing in it may steer the terminal, and spans of time are short.

use std::time::Duration;

use jiff::Timestamp;

/// `text` without characters that steer a terminal or reorder what is shown.
///
/// Values come from the outside (records, answers of foreign servers), so everything printed for people passes here.
pub fn plain(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| if steers(c) { '\u{fffd}' } else { c })
        .collect()
}

/// `text` with everything that looks like an API key, a reservation token or a signed token taken out.
///
/// The server does not repeat secrets; an answer that is not the server's (a proxy's) may.
pub fn without_secrets(text: &str) -> String {
    let in_word = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let secret = |word: &str| word.len() >= 16 && ["pdm_", "rsv_", "eyJ"].iter().any(|p| word.starts_with(p));
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(in_word) {
        let length = rest[start..].find(|c| !in_word(c)).unwrap_or(rest.len() - start);
        let word = &rest[start..start + length];
        out.push_str(&rest[..start]);
        out.push_str(if secret(word) { "[hidden]" } else { word });
        rest = &rest[start + length..];
    }
    out + rest
}

/// A span in at most two units: `0.4s`, `12s`, `3m 05s`, `2h 10m`, `5d 3h`.
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => format!("0.{}s", span.subsec_millis() / 100),
        1..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// The time from `from` to `to`; zero when `to` is earlier, since the two may come from clocks that differ.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// A time to the second, in UTC.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A time to come with its distance: `2026-01-02 03:04:05Z (in 59m 30s)`; one that has passed without.
pub fn upcoming(at: Timestamp, now: Timestamp) -> String {
    let left = between(now, at);
    if left.is_zero() {
        time(at)
    } else {
        format!("{} (in {})", time(at), span(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_as_a_mark() {
        assert_eq!(
            plain("a\u{1b}[2Jb\rc\u{202e}d"),
            "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d"
        );
        assert_eq!(plain("café 例"), "café 例");
    }

    #[test]
    fn secrets_are_hidden_and_other_words_stay() {
        assert_eq!(
            without_secrets("bad key \"pdm_0190abcdef_0123456789abcdef\", token=rsv_0123456789abcdef."),
            "bad key \"[hidden]\", token=[hidden]"
        );
        assert_eq!(
            without_secrets("clm_0190abcdef0123456789 of pdm_url, é"),
            "clm_0190abcdef0123456789 of pdm_url, é"
        );
    }

    #[test]
    fn spans_have_two_units_at_most() {
        let of = |ms| span(Duration::from_millis(ms));
        assert_eq!(of(440), "0.4s");
        assert_eq!(of(12_900), "12s");
        assert_eq!(of(185_000), "3m 05s");
        assert_eq!(of(7_800_000), "2h 10m");
        assert_eq!(of(442_800_000), "5d 3h");
    }

    #[test]
    fn a_time_that_passed_has_no_distance() {
        let now: Timestamp = "2026-01-02T03:00:00Z".parse().unwrap();
        let later = "2026-01-02T03:04:05.5Z".parse().unwrap();
        assert_eq!(upcoming(later, now), "2026-01-02 03:04:05Z (in 4m 05s)");
        assert_eq!(upcoming(now, later), "2026-01-02 03:00:00Z");
    }
}
