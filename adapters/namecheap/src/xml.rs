//! XML as a tree: what is left of it for a reader who knows names, attributes and text.

use std::collections::BTreeMap;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// Deepest nesting that is read. The vendor's documents have six levels.
const DEEPEST: usize = 32;

/// An element. Names are without their prefix; those of attributes are in lower case, because the vendor's spelling differs between
/// documents.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Element {
    /// Local name, as written.
    pub name: String,
    attributes: BTreeMap<String, String>,
    /// Elements in it.
    pub children: Vec<Element>,
    /// Text in it, without that of its children.
    pub text: String,
}

impl Element {
    /// Reads a document; `None` when it is no well-formed XML, or one that is too deep.
    pub fn parse(document: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(document).ok()?;
        let mut reader = Reader::from_str(text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']));
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => {
                    if open.len() >= DEEPEST || root.is_some() {
                        return None;
                    }
                    open.push(Self::begin(&start)?);
                }
                Event::Empty(start) => Self::close(&mut open, &mut root, Self::begin(&start)?)?,
                Event::End(_) => {
                    let done = open.pop()?;
                    Self::close(&mut open, &mut root, done)?;
                }
                Event::Text(text) => {
                    if let Some(element) = open.last_mut() {
                        element.text.push_str(&text.xml10_content());
                    }
                }
                Event::CData(text) => {
                    if let Some(element) = open.last_mut() {
                        element.text.push_str(&text.xml10_content());
                    }
                }
                Event::GeneralRef(reference) => {
                    let character = match reference.resolve_char_ref().ok()? {
                        Some(character) => character.to_string(),
                        None => quick_xml::escape::resolve_predefined_entity(&reference.xml10_content())?
                            .to_owned(),
                    };
                    if let Some(element) = open.last_mut() {
                        element.text.push_str(&character);
                    }
                }
                Event::Eof => return if open.is_empty() { root } else { None },
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
    }

    fn begin(start: &BytesStart<'_>) -> Option<Self> {
        let mut attributes = BTreeMap::new();
        for attribute in start.attributes() {
            let attribute = attribute.ok()?;
            let name = attribute.key.local_name();
            let value = attribute.normalized_value(XmlVersion::Explicit1_0).ok()?;
            attributes.insert(name.as_ref().to_ascii_lowercase(), value.into_owned());
        }
        Some(Self {
            name: start.local_name().as_ref().to_owned(),
            attributes,
            ..Self::default()
        })
    }

    fn close(open: &mut [Self], root: &mut Option<Self>, done: Self) -> Option<()> {
        match open.last_mut() {
            Some(parent) => parent.children.push(done),
            None if root.is_none() => *root = Some(done),
            None => return None,
        }
        Some(())
    }

    /// The value of an attribute, whatever the case of its name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .get(&name.to_ascii_lowercase())
            .map(String::as_str)
    }

    /// An attribute that says `true` or `false`, in any case.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.attribute(name)?.trim() {
            value if value.eq_ignore_ascii_case("true") => Some(true),
            value if value.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// The first child of this name, whatever its case.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children
            .iter()
            .find(|child| child.name.eq_ignore_ascii_case(name))
    }

    /// All children of this name, whatever its case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children
            .iter()
            .filter(move |child| child.name.eq_ignore_ascii_case(name))
    }
}
