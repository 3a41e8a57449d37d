//! Large JSON answers, read element by element while they arrive.

use serde::de::DeserializeOwned;

/// Where in the answer the elements are. Elements are objects.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// The answer is an array of them.
    TopLevel,
    /// The answer is an object, and the field of this name is an array of them.
    Field(&'static str),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    #[error("an element is larger than {0} bytes")]
    ElementTooLarge(usize),
    #[error("the answer is not JSON of the expected form")]
    Form,
    #[error("the answer ended too early")]
    Incomplete,
    #[error("an element cannot be read: {0}")]
    Element(#[from] serde_json::Error),
}

/// Cuts an answer that is fed in chunks into its elements.
///
/// Only an element that lies across chunks is copied, and at most one is held at a time. What is outside of the
/// elements is followed for its nesting and otherwise not checked.
#[derive(Debug)]
pub(crate) struct Splitter {
    place: Place,
    /// The largest element that is accepted, in bytes.
    limit: usize,
    /// How many objects and arrays are open.
    depth: usize,
    text: Text,
    /// The string read last directly inside the outer object, and no longer than a field's name can be.
    last_string: Vec<u8>,
    /// Whether the value at hand belongs to the wanted field.
    at_field: bool,
    elements: Elements,
    /// The beginning of an element whose end has not arrived.
    partial: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Text {
    Outside,
    Inside,
    AfterBackslash,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Elements {
    Ahead,
    Here,
    Behind,
}

impl Splitter {
    pub(crate) fn new(place: Place, limit: usize) -> Self {
        Self {
            place,
            limit,
            depth: 0,
            text: Text::Outside,
            last_string: Vec::new(),
            at_field: false,
            elements: Elements::Ahead,
            partial: Vec::new(),
        }
    }

    /// Takes the next piece of the answer and calls `f` with each element that is complete now.
    pub(crate) fn feed<T: DeserializeOwned>(
        &mut self,
        chunk: &[u8],
        f: &mut impl FnMut(T),
    ) -> Result<(), StreamError> {
        // The depth of the array that holds the elements.
        let array = match self.place {
            Place::TopLevel => 1,
            Place::Field(_) => 2,
        };
        let in_element = |this: &Self| this.elements == Elements::Here && this.depth > array;
        let mut start = in_element(self).then_some(0);
        for (at, &byte) in chunk.iter().enumerate() {
            match self.text {
                Text::Outside => {}
                Text::AfterBackslash => {
                    self.text = Text::Inside;
                    continue;
                }
                Text::Inside => {
                    match byte {
                        b'"' => self.text = Text::Outside,
                        b'\\' => self.text = Text::AfterBackslash,
                        _ if self.depth == 1 && self.last_string.len() < 32 => self.last_string.push(byte),
                        _ => {}
                    }
                    continue;
                }
            }
            match byte {
                b'"' => {
                    self.text = Text::Inside;
                    if self.depth == 1 {
                        self.last_string.clear();
                    }
                }
                b'{' | b'[' => {
                    if self.elements == Elements::Here && self.depth == array {
                        start = Some(at);
                    }
                    self.depth += 1;
                    if self.depth == array
                        && byte == b'['
                        && self.elements == Elements::Ahead
                        && self.wanted()
                    {
                        self.elements = Elements::Here;
                    }
                }
                b'}' | b']' => {
                    self.depth = self.depth.checked_sub(1).ok_or(StreamError::Form)?;
                    if self.elements == Elements::Here && self.depth == array {
                        let from = start.take().ok_or(StreamError::Form)?;
                        self.keep(&chunk[from..=at], f)?;
                    } else if self.elements == Elements::Here && self.depth < array {
                        self.elements = Elements::Behind;
                    }
                }
                b':' if self.depth == 1 => {
                    self.at_field =
                        matches!(self.place, Place::Field(field) if self.last_string == field.as_bytes());
                }
                b',' if self.depth == 1 => self.at_field = false,
                b',' | b' ' | b'\n' | b'\r' | b'\t' => {}
                _ if self.elements == Elements::Here && self.depth == array => return Err(StreamError::Form),
                _ => {}
            }
        }
        if let Some(from) = start {
            self.check_size(&chunk[from..])?;
            self.partial.extend_from_slice(&chunk[from..]);
        }
        Ok(())
    }

    /// To be called when the answer has ended.
    pub(crate) fn finish(&self) -> Result<(), StreamError> {
        match self.elements {
            Elements::Behind if self.depth == 0 => Ok(()),
            _ if self.depth > 0 => Err(StreamError::Incomplete),
            _ => Err(StreamError::Form),
        }
    }

    fn wanted(&self) -> bool {
        match self.place {
            Place::TopLevel => true,
            Place::Field(_) => self.at_field,
        }
    }

    /// Reads the element that ends with `tail`.
    fn keep<T: DeserializeOwned>(&mut self, tail: &[u8], f: &mut impl FnMut(T)) -> Result<(), StreamError> {
        self.check_size(tail)?;
        if self.partial.is_empty() {
            f(serde_json::from_slice(tail)?);
        } else {
            self.partial.extend_from_slice(tail);
            f(serde_json::from_slice(&self.partial)?);
            self.partial.clear();
        }
        Ok(())
    }

    fn check_size(&self, more: &[u8]) -> Result<(), StreamError> {
        if self.partial.len() + more.len() > self.limit {
            return Err(StreamError::ElementTooLarge(self.limit));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Item {
        n: u32,
        #[serde(default)]
        text: String,
    }

    /// Feeds `json` in chunks of these sizes, and the rest at once.
    fn split(place: Place, limit: usize, json: &[u8], chunks: &[usize]) -> Result<Vec<Item>, StreamError> {
        let mut splitter = Splitter::new(place, limit);
        let mut items = Vec::new();
        let mut rest = json;
        for &size in chunks {
            let (chunk, tail) = rest.split_at(size.min(rest.len()));
            splitter.feed(chunk, &mut |item| items.push(item))?;
            rest = tail;
        }
        splitter.feed(rest, &mut |item| items.push(item))?;
        splitter.finish()?;
        Ok(items)
    }

    fn whole(place: Place, json: &str) -> Result<Vec<Item>, StreamError> {
        split(place, 1 << 10, json.as_bytes(), &[])
    }

    fn numbers(items: Result<Vec<Item>, StreamError>) -> Vec<u32> {
        items.expect("a good answer").iter().map(|item| item.n).collect()
    }

    const RRSETS: Place = Place::Field("rrsets");

    #[test]
    fn elements_of_a_list() {
        assert_eq!(numbers(whole(Place::TopLevel, "[]")), [0; 0]);
        assert_eq!(
            numbers(whole(Place::TopLevel, " [ {\"n\": 1} ,\n{\"n\": 2} ] ")),
            [1, 2]
        );
    }

    #[test]
    fn elements_of_a_field_wherever_it_stands() {
        assert_eq!(numbers(whole(RRSETS, r#"{"rrsets":[]}"#)), [0; 0]);
        assert_eq!(
            numbers(whole(
                RRSETS,
                r#"{"a":"rrsets","b":[{"n":9}],"rrsets":[{"n":1}],"z":[{"n":9}]}"#
            )),
            [1]
        );
        assert_eq!(
            numbers(whole(RRSETS, r#"{"a":{"rrsets":[{"n":9}]},"rrsets":[{"n":1}]}"#)),
            [1]
        );
        assert_eq!(
            numbers(whole(
                RRSETS,
                r#"{"rrsets":[{"n":1,"rrsets":[{"n":9}]},{"n":2}]}"#
            )),
            [1, 2]
        );
    }

    #[test]
    fn an_answer_that_ends_early_is_never_a_short_list() {
        let (list, zone) = (
            r#"[{"n":1},{"n":2}]"#,
            r#"{"rrsets":[{"n":1},{"n":2}],"serial":3}"#,
        );
        for (place, json) in [(Place::TopLevel, list), (RRSETS, zone)] {
            for end in 0..json.len() {
                assert!(whole(place, &json[..end]).is_err(), "{}", &json[..end]);
            }
        }
    }

    #[test]
    fn another_form_is_an_error() {
        for json in [
            "",
            "null",
            "\"[\"",
            r#"{"error":"no"}"#,
            r#"{"rrsets":null}"#,
            r#"{"other":[{"n":1}]}"#,
        ] {
            assert!(whole(RRSETS, json).is_err(), "{json}");
        }
        for json in [
            "",
            "null",
            "[1]",
            "[null]",
            "[{\"n\":\"one\"}]",
            "[{\"n\":1}]]",
            "]",
        ] {
            assert!(whole(Place::TopLevel, json).is_err(), "{json}");
        }
    }

    #[test]
    fn an_element_above_the_limit_is_refused_before_it_is_held() {
        let long = format!(r#"[{{"n":1,"text":"{}"}}]"#, "x".repeat(5000));
        let chunks = vec![16; long.len() / 16];
        let error = split(Place::TopLevel, 1 << 10, long.as_bytes(), &chunks).expect_err("too large");
        assert!(matches!(error, StreamError::ElementTooLarge(1024)), "{error}");
    }

    #[test]
    fn what_is_held_does_not_grow_with_the_answer() {
        let mut splitter = Splitter::new(RRSETS, 1 << 10);
        let mut seen = 0_u32;
        let mut feed = |text: &str| {
            for chunk in text.as_bytes().chunks(7) {
                splitter
                    .feed(chunk, &mut |item: Item| seen = item.n)
                    .expect("a good answer");
            }
        };
        feed(r#"{"account":"","rrsets":[{"n":0,"text":"some text of the usual length"}"#);
        for n in 1..=50_000 {
            feed(&format!(
                r#", {{"n":{n},"text":"some text of the usual length"}}"#
            ));
        }
        feed("]}");
        splitter.finish().expect("a whole answer");
        assert_eq!(seen, 50_000);
        assert!(
            splitter.partial.capacity() <= 256,
            "{}",
            splitter.partial.capacity()
        );
    }

    proptest! {
        #[test]
        fn the_cuts_between_chunks_change_nothing(
            texts in prop::collection::vec("[ -~\"\\\\{}\\[\\],:é\n]{0,20}", 0..12),
            chunks in prop::collection::vec(1_usize..40, 0..60),
        ) {
            let items: Vec<_> =
                texts.iter().zip(0_u32..).map(|(text, n)| serde_json::json!({"n": n, "text": text})).collect();
            let zone = serde_json::json!({"account": "\"rrsets\":[", "rrsets": items, "serial": 1}).to_string();
            let list = serde_json::Value::from(items).to_string();
            for (place, json) in [(RRSETS, zone), (Place::TopLevel, list)] {
                let found = split(place, 1 << 10, json.as_bytes(), &chunks).expect("a good answer");
                prop_assert_eq!(found.iter().map(|item| &item.text).collect::<Vec<_>>(), texts.iter().collect::<Vec<_>>());
            }
        }
    }
}
