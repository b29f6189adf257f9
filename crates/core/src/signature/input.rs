//! `Signature-Input`: which of the signatures is ours, and what it says it covers (RFC 9421 §4.1).

use super::Unreadable;
use super::component::{Component, read_list};
use super::cursor::Cursor;
use super::foreign;
use super::head::Field;
use super::malformed::Malformed;
use super::parameters::Parameters;

/// What is looked for, and how much of it is read.
#[derive(Debug)]
pub(super) struct Profile {
    /// The `tag` that marks our signature. Selecting by tag and not by label lets intermediaries sign too.
    pub(super) tag: &'static [u8],
    /// The most components that are read.
    pub(super) components: usize,
    /// The most octets of `Signature-Input`, all lines together.
    pub(super) octets: usize,
}

impl Profile {
    /// Requests (protocol §4).
    pub(super) const REQUEST: Self = Self { tag: b"countersign-req-1", components: 32, octets: 2_048 };
    /// Answers (protocol §5). They cover their own fields and then everything that the request covered.
    pub(super) const ANSWER: Self = Self { tag: b"countersign-res-1", components: 128, octets: 8_192 };
}

/// One signature's member of `Signature-Input`.
#[derive(Debug)]
pub(super) struct Member<'a> {
    /// The label, by which `Signature` is found.
    pub(super) label: &'a [u8],
    /// List and parameters as received: these very octets close the base.
    pub(super) octets: &'a [u8],
    /// The components, in the signer's order, none twice.
    pub(super) components: Vec<Component<'a>>,
    /// The parameters.
    pub(super) parameters: Parameters<'a>,
}

/// What was found in `Signature-Input`.
#[derive(Debug)]
pub(super) enum Selected<'a> {
    /// One signature with our tag.
    Ours(Member<'a>),
    /// The only signature there is has another tag.
    Foreign(Member<'a>),
    /// Signatures of others alone.
    Nothing,
}

/// Finds our signature among those of a message that has the field.
///
/// # Errors
/// The field is no dictionary, has two signatures with our tag, or ours breaks the profile.
pub(super) fn select<'a>(fields: &'a [Field<'a>], profile: &Profile) -> Result<Selected<'a>, Unreadable> {
    let mut search = Search::default();
    let mut octets = 0;
    for line in fields.iter().filter(|field| field.name == "signature-input") {
        octets += line.value.len();
        if octets > profile.octets {
            return Err(Unreadable::TooLarge("Signature-Input"));
        }
        search.line(line.value, profile)?;
    }
    Ok(search.selected()?)
}

#[derive(Default)]
struct Search<'a> {
    ours: Option<Member<'a>>,
    others: Vec<(&'a [u8], Result<Member<'a>, Malformed>)>,
}

impl<'a> Search<'a> {
    fn line(&mut self, line: &'a [u8], profile: &Profile) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(line);
        loop {
            let label = cursor.key()?;
            cursor.expect(b"=", "a signature does not cover a list")?;
            self.member(label, &mut cursor, profile)?;
            if !cursor.next_member()? {
                return Ok(());
            }
        }
    }

    fn member(&mut self, label: &'a [u8], cursor: &mut Cursor<'a>, profile: &Profile) -> Result<(), Malformed> {
        let start = *cursor;
        match Member::read(label, cursor, profile) {
            Ok(member) if member.parameters.tag == profile.tag => match self.ours.replace(member) {
                None => Ok(()),
                Some(_) => Err(Malformed("two signatures have our tag")),
            },
            Ok(member) => {
                self.others.push((label, Ok(member)));
                Ok(())
            }
            Err(broken) => {
                *cursor = start;
                match foreign::read_past(cursor) {
                    Ok(tag) if tag != Some(profile.tag) => self.others.push((label, Err(broken))),
                    _ => return Err(broken),
                }
                Ok(())
            }
        }
    }

    fn selected(mut self) -> Result<Selected<'a>, Malformed> {
        match self.ours {
            Some(ours) if self.others.iter().any(|(label, _)| *label == ours.label) => {
                Err(Malformed("two signatures have one label"))
            }
            Some(ours) => Ok(Selected::Ours(ours)),
            None if self.others.len() > 1 => Ok(Selected::Nothing),
            None => match self.others.pop() {
                Some((_, only)) => only.map(Selected::Foreign),
                None => Ok(Selected::Nothing),
            },
        }
    }
}

impl<'a> Member<'a> {
    /// Reads a member that keeps to the profile. The grammar admits one spelling of each value, so that serialising
    /// what was read gives the octets received; a lenient reading would let a changed nonce pass under an unchanged MAC.
    fn read(label: &'a [u8], cursor: &mut Cursor<'a>, profile: &Profile) -> Result<Self, Malformed> {
        let start = *cursor;
        let components = read_list(cursor, profile.components)?;
        let parameters = Parameters::read(cursor, start)?;
        match cursor.rest().first() {
            None | Some(b',' | b' ' | b'\t') => {
                Ok(Self { label, octets: start.until(*cursor), components, parameters })
            }
            Some(_) => Err(Malformed("a parameter is malformed")),
        }
    }
}
