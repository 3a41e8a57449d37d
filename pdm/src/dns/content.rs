//! Record data in one spelling.
//!
//! Servers and people write the same data differently (`2001:DB8::0010`, capitals in host names, spaces). What is
//! compared goes through here first.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The data in the spelling used for comparing. Data that cannot be read stays as it is, with single spaces.
pub fn comparable(rtype: &str, content: &str) -> String {
    match rtype {
        "A" => content
            .trim()
            .parse::<Ipv4Addr>()
            .map_or_else(|_| content.to_owned(), |a| a.to_string()),
        "AAAA" => content
            .trim()
            .parse::<Ipv6Addr>()
            .map_or_else(|_| content.to_owned(), |a| a.to_string()),
        "NS" | "CNAME" | "MX" | "SRV" | "DS" | "TLSA" | "SSHFP" | "SOA" => content
            .split_ascii_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .to_ascii_lowercase(),
        // Text is case sensitive.
        _ => content.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::comparable;

    #[test]
    fn spellings_of_the_same_data_become_one() {
        assert_eq!(
            comparable("AAAA", "2001:DB8:0::10"),
            comparable("AAAA", "2001:db8::10")
        );
        assert_eq!(comparable("NS", "NS1.Example.NET."), "ns1.example.net.");
        assert_eq!(comparable("DS", "1  13 2 ABCD"), "1 13 2 abcd");
        assert_ne!(comparable("TXT", "\"A\""), comparable("TXT", "\"a\""));
    }
}
