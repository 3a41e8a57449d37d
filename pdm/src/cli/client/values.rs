//! What single arguments mean: a claim by id or name, a duration, an owner of records.

use std::str::FromStr;
use std::time::Duration;

/// A claim as the user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimRef {
    /// `clm_…`
    Id(String),
    /// The name it is about; there an underscore cannot stand, so that the two are never confused.
    Name(String),
}

impl FromStr for ClaimRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("clm_") {
            return id("clm_", text).map(Self::Id);
        }
        name(text).map(Self::Name)
    }
}

/// The owner of a record set as the user names it, relative to the claim's name or in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner(String);

impl FromStr for Owner {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "@" {
            Ok(Self("@".into()))
        } else {
            name(text).map(Self)
        }
    }
}

impl Owner {
    /// The owner as the API takes it: `@` or a full name without its ending dot.
    ///
    /// As in a zone file, what does not end with a dot stands below `zone`; a full name of the zone is taken as
    /// such without its dot too.
    pub fn below(&self, zone: &str) -> String {
        let owner = self.0.as_str();
        if owner == "@" {
            return owner.into();
        }
        if let Some(full) = owner.strip_suffix('.') {
            return full.into();
        }
        let lower = owner.to_ascii_lowercase();
        if lower == zone || lower.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.')) {
            return owner.into();
        }
        format!("{owner}.{zone}")
    }
}

/// A parser of ids with one prefix.
pub fn id_parser(
    prefix: &'static str,
) -> impl Fn(&str) -> Result<String, String> + Clone + Send + Sync + 'static {
    move |text| id(prefix, text)
}

/// An id ends up as one segment of a path, so that nothing but its own characters may be in it.
fn id(prefix: &str, text: &str) -> Result<String, String> {
    let rest = text.strip_prefix(prefix).unwrap_or("");
    if !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(text.into());
    }
    Err(format!("an id that begins with {prefix} is needed"))
}

/// Only what would mislead the client itself is refused: whether a name is allowed is the server's to say.
fn name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.split('.').rev().skip(1).any(str::is_empty) || text == "." {
        return Err("a domain name is needed, for example acme.omani.works".into());
    }
    if text
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || "/\\?#%".contains(c))
    {
        return Err("this cannot stand in a domain name".into());
    }
    Ok(text.into())
}

/// A record type: letters and digits, in capitals.
pub fn record_type(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(text.to_ascii_uppercase());
    }
    Err("a record type is needed, for example TXT".into())
}

/// A duration of whole seconds: `90s`, `10m`, `1h30m`, `7d`; a bare number is refused, because nobody sees its unit.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a duration is needed, for example 90s, 10m, 1h30m or 7d".to_string();
    let (mut seconds, mut number) = (0_u64, None::<u64>);
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            let so_far = number
                .unwrap_or(0)
                .checked_mul(10)
                .and_then(|n| n.checked_add(digit.into()));
            number = Some(so_far.ok_or_else(wrong)?);
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let part = number
            .take()
            .and_then(|n| n.checked_mul(unit))
            .ok_or_else(wrong)?;
        seconds = seconds.checked_add(part).ok_or_else(wrong)?;
    }
    // Ten years are more than anybody waits or holds, and far from where clocks overflow.
    if number.is_some() || seconds == 0 || seconds > 10 * 366 * 86_400 {
        return Err(wrong());
    }
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_an_id_or_a_name() {
        assert_eq!("clm_0190ab".parse(), Ok(ClaimRef::Id("clm_0190ab".into())));
        assert_eq!(
            "acme.omani.works".parse(),
            Ok(ClaimRef::Name("acme.omani.works".into()))
        );
        assert_eq!(
            "Acme.Omani.Works.".parse(),
            Ok(ClaimRef::Name("Acme.Omani.Works.".into()))
        );
        for refused in [
            "",
            ".",
            "..",
            "a..b",
            "clm_",
            "clm_../keys",
            "a/b",
            "a b",
            "a?b",
            "a\u{1b}[2J",
        ] {
            assert!(refused.parse::<ClaimRef>().is_err(), "{refused:?}");
        }
    }

    #[test]
    fn durations_carry_their_unit() {
        let seconds = |text| duration(text).map(|d| d.as_secs());
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("1h30m"), Ok(5_400));
        assert_eq!(seconds("7d"), Ok(604_800));
        for refused in [
            "",
            "90",
            "s",
            "0s",
            "1h30",
            "-1s",
            "1.5h",
            "1w",
            "99999999999999999999d",
            "9999d",
        ] {
            assert!(duration(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn an_owner_without_its_ending_dot_stands_below_the_name() {
        let below = |owner: &str| owner.parse::<Owner>().unwrap().below("acme.omani.works");
        assert_eq!(below("@"), "@");
        assert_eq!(below("www"), "www.acme.omani.works");
        assert_eq!(below("_dmarc"), "_dmarc.acme.omani.works");
        assert_eq!(below("*.apps"), "*.apps.acme.omani.works");
        assert_eq!(below("www.acme.omani.works"), "www.acme.omani.works");
        assert_eq!(below("acme.omani.works"), "acme.omani.works");
        assert_eq!(
            below("notacme.omani.works"),
            "notacme.omani.works.acme.omani.works"
        );
        assert_eq!(below("other.example."), "other.example");
    }

    #[test]
    fn ids_stay_one_segment_of_a_path() {
        let parse = id_parser("op_");
        assert!(parse("op_0190ab").is_ok());
        for refused in ["op_", "op_a/b", "op_..", "clm_0190ab", "0190ab", "op_a?x=1"] {
            assert!(parse(refused).is_err(), "{refused:?}");
        }
    }
}
