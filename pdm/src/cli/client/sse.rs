//! The parser of event streams (WHATWG HTML, section 9.2.6), fed with bytes as they arrive.

/// The longest line or event that is kept; no object of the API comes near it.
const MAX_EVENT: usize = 4 << 20;

/// One event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The stream's last id so far: what to resume after.
    pub id: Option<String>,
    /// The kind of event, `message` when the stream does not say.
    pub kind: String,
    /// What it carries.
    pub data: String,
}

/// The stream sent more for one event than is kept.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is too large")]
pub struct TooLarge;

/// Turns bytes into events.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed that follows belongs to the same line end.
    after_cr: bool,
    /// The first line has been seen, before which a byte order mark may stand.
    begun: bool,
    id: Option<String>,
    kind: String,
    data: Option<String>,
}

impl Parser {
    /// Takes the next bytes and gives the events that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLarge> {
        let mut events = Vec::new();
        for &byte in bytes {
            let second_half = std::mem::replace(&mut self.after_cr, byte == b'\r') && byte == b'\n';
            match byte {
                b'\n' if second_half => {}
                b'\r' | b'\n' => events.extend(self.end_line()),
                _ => self.line.push(byte),
            }
            if self.line.len() + self.data.as_ref().map_or(0, String::len) > MAX_EVENT {
                return Err(TooLarge);
            }
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Option<Event> {
        let bytes = std::mem::take(&mut self.line);
        let decoded = String::from_utf8_lossy(&bytes);
        let first = !std::mem::replace(&mut self.begun, true);
        let line = if first {
            decoded.strip_prefix('\u{feff}').unwrap_or(&decoded)
        } else {
            &decoded
        };
        if line.is_empty() {
            return self.end_event();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                none => *none = Some(value.into()),
            },
            "event" => self.kind = value.into(),
            "id" if !value.contains('\0') => {
                self.id = (!value.is_empty()).then(|| value.into());
            }
            // A comment, which keeps the stream alive, or a field that this client has no use for.
            _ => {}
        }
        None
    }

    fn end_event(&mut self) -> Option<Event> {
        let kind = std::mem::take(&mut self.kind);
        let data = self.data.take()?;
        Some(Event {
            id: self.id.clone(),
            kind: if kind.is_empty() { "message".into() } else { kind },
            data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: Option<&str>, kind: &str, data: &str) -> Event {
        Event {
            id: id.map(Into::into),
            kind: kind.into(),
            data: data.into(),
        }
    }

    /// All ways to cut a stream into two, and byte by byte, must give the same events.
    fn parse(stream: &str) -> Vec<Event> {
        let whole = Parser::default().push(stream.as_bytes()).unwrap();
        for cut in 0..stream.len() {
            let (head, tail) = stream.as_bytes().split_at(cut);
            let mut parser = Parser::default();
            let mut events = parser.push(head).unwrap();
            events.extend(parser.push(tail).unwrap());
            assert_eq!(events, whole, "cut at {cut}");
        }
        let mut parser = Parser::default();
        let single: Vec<_> = stream
            .bytes()
            .flat_map(|byte| parser.push(&[byte]).unwrap())
            .collect();
        assert_eq!(single, whole);
        whole
    }

    #[test]
    fn events_come_with_their_id_kind_and_data() {
        let stream = "id: 7\nevent: step.done\ndata: {\"a\":1}\n\n:alive\n\nid:8\nevent:operation.succeeded\ndata:x\n\n";
        assert_eq!(
            parse(stream),
            [
                event(Some("7"), "step.done", "{\"a\":1}"),
                event(Some("8"), "operation.succeeded", "x")
            ]
        );
    }

    #[test]
    fn every_line_end_and_a_byte_order_mark_are_understood() {
        for end in ["\n", "\r\n", "\r"] {
            let stream = format!("\u{feff}data: é{end}data: two{end}{end}data{end}{end}");
            assert_eq!(
                parse(&stream),
                [event(None, "message", "é\ntwo"), event(None, "message", "")],
                "{end:?}"
            );
        }
    }

    #[test]
    fn what_is_not_finished_or_carries_no_data_is_no_event() {
        assert_eq!(parse("event: step.done\n\ndata: cut off\n"), []);
        // The kind of an event without data does not pass to the next one; its id does.
        assert_eq!(
            parse("id: 3\nevent: a\n\ndata: x\n\n"),
            [event(Some("3"), "message", "x")]
        );
    }

    #[test]
    fn an_id_with_a_null_is_ignored_and_an_empty_one_forgets() {
        assert_eq!(
            parse("id: 3\nid: a\0b\ndata: x\n\nid\ndata: y\n\n"),
            [event(Some("3"), "message", "x"), event(None, "message", "y")]
        );
    }

    #[test]
    fn a_stream_without_end_of_line_does_not_fill_the_memory() {
        let mut parser = Parser::default();
        let chunk = vec![b'a'; 1 << 20];
        let outcome: Result<Vec<_>, _> = (0..8).map(|_| parser.push(&chunk)).collect();
        assert_eq!(outcome.unwrap_err(), TooLarge);
    }
}
