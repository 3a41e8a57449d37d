//! How ends of trials are shown: lines on a terminal, and a JUnit file for programs.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::run::{Ended, Verdict};

/// One line, without a line break at its end.
pub fn line(ended: &Ended) -> String {
    let Ended {
        target,
        check,
        verdict,
        ..
    } = ended;
    let verdict = match verdict {
        Verdict::Kept => "ok".to_owned(),
        Verdict::Broken(seen) => format!("FAILED\n    {}", seen.replace('\n', "\n    ")),
        Verdict::Skipped(because) => format!("skipped ({because})"),
        Verdict::Inapplicable(because) => format!("does not apply ({because})"),
    };
    format!("{target:<23} {check:<62} {verdict}")
}

/// Counts of trials.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Promises that were kept.
    pub kept: usize,
    /// Promises that were not.
    pub broken: usize,
    /// Checks that could not be run there.
    pub skipped: usize,
    /// Checks that say nothing about the vendor.
    pub inapplicable: usize,
}

/// Counts by target.
pub fn counts(ends: &[Ended]) -> BTreeMap<&str, Counts> {
    let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
    for ended in ends {
        let counts = counts.entry(&ended.target).or_default();
        match ended.verdict {
            Verdict::Kept => counts.kept += 1,
            Verdict::Broken(_) => counts.broken += 1,
            Verdict::Skipped(_) => counts.skipped += 1,
            Verdict::Inapplicable(_) => counts.inapplicable += 1,
        }
    }
    counts
}

/// The last lines: counts by target, and reasons of skips with how often.
pub fn summary(ends: &[Ended]) -> String {
    let mut text = String::new();
    for (
        target,
        Counts {
            kept,
            broken,
            skipped,
            inapplicable,
        },
    ) in counts(ends)
    {
        let trials = kept + broken;
        let _written = writeln!(
            text,
            "{target:<23} {trials} trials: {kept} ok, {broken} failed; {skipped} skipped, {inapplicable} do not apply"
        );
    }
    let mut reasons: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for ended in ends {
        if let Verdict::Skipped(because) = &ended.verdict {
            *reasons.entry((&ended.target, because)).or_default() += 1;
        }
    }
    for ((target, because), count) in reasons {
        let _written = writeln!(text, "{target:<23} {count} skipped: {because}");
    }
    text
}

/// All of it as a JUnit document: one suite for each target, one case for each check that applies.
pub fn junit(ends: &[Ended]) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    for (
        target,
        Counts {
            kept,
            broken,
            skipped,
            ..
        },
    ) in counts(ends)
    {
        let tests = kept + broken + skipped;
        let name = escaped(target);
        let _written = writeln!(
            text,
            "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{broken}\" skipped=\"{skipped}\">"
        );
        for ended in ends.iter().filter(|ended| ended.target == target) {
            let inside = match &ended.verdict {
                Verdict::Kept => String::new(),
                Verdict::Broken(seen) => format!("<failure message=\"{}\"/>", escaped(seen)),
                Verdict::Skipped(because) => format!("<skipped message=\"{}\"/>", escaped(because)),
                Verdict::Inapplicable(_) => continue,
            };
            let (check, seconds) = (escaped(ended.check), ended.took.as_secs_f64());
            let _written = writeln!(
                text,
                "    <testcase classname=\"{name}\" name=\"{check}\" time=\"{seconds:.3}\">{inside}</testcase>"
            );
        }
        text += "  </testsuite>\n";
    }
    text + "</testsuites>\n"
}

/// Text for an attribute in XML, which has no control characters at all.
fn escaped(text: &str) -> String {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    text.replace('\n', "&#10;")
        .chars()
        .filter(|character| !character.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ends() -> Vec<Ended> {
        let verdicts = [
            Verdict::Kept,
            Verdict::Broken("saw <this> & \"that\"\nnot it\u{1}".to_owned()),
            Verdict::Skipped("production is read-only".to_owned()),
            Verdict::Inapplicable("the vendor cannot".to_owned()),
        ];
        verdicts
            .into_iter()
            .map(|verdict| Ended {
                target: "ovh@simulator".to_owned(),
                check: "ds::write_is_done",
                verdict,
                took: Duration::from_millis(5),
            })
            .collect()
    }

    #[test]
    fn skips_are_counted_with_their_reason_and_are_no_successes() {
        let summary = summary(&ends());
        assert!(
            summary.contains("2 trials: 1 ok, 1 failed; 1 skipped, 1 do not apply"),
            "{summary}"
        );
        assert!(
            summary.contains("1 skipped: production is read-only"),
            "{summary}"
        );
    }

    #[test]
    fn junit_is_escaped_and_complete() {
        let text = junit(&ends());
        assert!(
            text.contains("tests=\"3\" failures=\"1\" skipped=\"1\""),
            "{text}"
        );
        assert!(
            text.contains("message=\"saw &lt;this&gt; &amp; &quot;that&quot;&#10;not it\""),
            "{text}"
        );
        assert_eq!(text.matches("<testcase").count(), 3);
    }

    #[test]
    fn a_line_names_target_check_and_verdict() {
        let words = |ended| {
            line(ended)
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&ends()[0]), ["ovh@simulator", "ds::write_is_done", "ok"]);
        assert!(line(&ends()[2]).ends_with("skipped (production is read-only)"));
    }
}
