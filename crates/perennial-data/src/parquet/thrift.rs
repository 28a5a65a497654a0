//! As much of Thrift's compact protocol as tells the columns of a footer.

use super::pages::varint;

/// How deep structures are followed that are passed over. A footer's own are less than this.
const DEEPEST: usize = 16;

// The types of fields, by their numbers in the protocol.
const STOP: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// A column as a footer lists it, or the root, which comes first.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Element<'a> {
    pub(super) name: &'a [u8],
    /// How many of those that follow are in it.
    pub(super) children: i64,
    /// Whether a row has any number of them.
    pub(super) repeated: bool,
}

/// The columns that a footer lists. `None` if it does not keep to the protocol.
pub(super) fn elements(footer: &[u8]) -> Option<Vec<Element<'_>>> {
    /// The field of the footer.
    const SCHEMA: i64 = 2;
    let (mut rest, mut id, mut found) = (Rest(footer), 0, None);
    loop {
        match rest.field(&mut id)? {
            STOP => return found,
            LIST if id == SCHEMA && found.is_none() => found = Some(rest.elements()?),
            _ if id == SCHEMA => return None,
            kind => rest.pass(kind, 0)?,
        }
    }
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|byte| byte[0])
    }

    fn varint(&mut self) -> Option<u64> {
        varint(&mut self.0)
    }

    /// Signed: the lowest bit is the sign.
    fn zigzag(&mut self) -> Option<i64> {
        self.varint().map(|word| (word >> 1) as i64 ^ -((word & 1) as i64))
    }

    /// The type of the next field of a structure, whose number `id` becomes.
    fn field(&mut self, id: &mut i64) -> Option<u8> {
        let head = self.byte()?;
        let (step, kind) = (i64::from(head >> 4), head & 15);
        *id = match step {
            0 if kind != STOP => self.zigzag()?,
            step => id.checked_add(step)?,
        };
        Some(kind)
    }

    /// The type and the number of the values of a list that begins here.
    fn list(&mut self) -> Option<(u8, u64)> {
        /// What says that the number follows.
        const LONG: u8 = 15;
        let head = self.byte()?;
        let count = if head >> 4 == LONG { self.varint()? } else { u64::from(head >> 4) };
        Some((head & 15, count))
    }

    fn elements(&mut self) -> Option<Vec<Element<'a>>> {
        /// The fields of an element.
        const REPETITION: i64 = 3;
        const NAME: i64 = 4;
        const CHILDREN: i64 = 5;
        let (STRUCT, count) = self.list()? else { return None };
        let mut all = Vec::new();
        for _ in 0..count {
            let (mut element, mut id) = (Element::default(), 0);
            loop {
                match (self.field(&mut id)?, id) {
                    (STOP, _) => break,
                    (BINARY, NAME) => {
                        let length = self.varint()?;
                        element.name = self.take(length)?;
                    }
                    (I32, CHILDREN) => element.children = self.zigzag()?,
                    // 0 is one a row, 1 is one or none.
                    (I32, REPETITION) => element.repeated = self.zigzag()? > 1,
                    (_, NAME | CHILDREN | REPETITION) => return None,
                    (kind, _) => self.pass(kind, 0)?,
                }
            }
            all.push(element);
        }
        Some(all)
    }

    /// Passes over the value of a field.
    fn pass(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            // The type says it all.
            TRUE | FALSE => {}
            BYTE => _ = self.byte()?,
            I16 | I32 | I64 => _ = self.varint()?,
            DOUBLE => _ = self.take(8)?,
            BINARY => {
                let length = self.varint()?;
                self.take(length)?;
            }
            _ if depth == DEEPEST => return None,
            LIST | SET => {
                let (kind, count) = self.list()?;
                (0..count).try_for_each(|_| self.pass_value(kind, depth))?;
            }
            MAP => {
                let count = self.varint()?;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                for _ in 0..count {
                    self.pass_value(kinds >> 4, depth)?;
                    self.pass_value(kinds & 15, depth)?;
                }
            }
            STRUCT => {
                let mut id = 0;
                loop {
                    match self.field(&mut id)? {
                        STOP => break,
                        kind => self.pass(kind, depth + 1)?,
                    }
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Passes over a value of a list or map, where a truth takes a byte.
    fn pass_value(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            TRUE | FALSE => self.byte().map(|_| ()),
            kind => self.pass(kind, depth + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A version; a list of a root with a child, and a child of two names; another field.
    const FOOTER: [&[u8]; 5] = [
        b"\x15\x02\x19\x2c",
        b"\x48\x01m\x15\x02\0",
        b"\x15\x08\x25\x02",
        b"\x18\x02xy\0",
        b"\x16\x04\0",
    ];

    #[test]
    fn columns_by_hand() {
        let root = Element { name: b"m", children: 1, repeated: false };
        let child = Element { name: b"xy", ..Element::default() };
        let footer = FOOTER.concat();
        assert_eq!(elements(&footer), Some(vec![root, child]));
        for cut in 0..footer.len() {
            assert_eq!(elements(&footer[..cut]), None, "cut at {cut}");
        }
    }

    /// Catches: a count or a depth that is followed before what it counts is there.
    #[test]
    fn what_is_endless_ends() {
        let many = |bytes: &[u8]| elements(bytes).map(|all| all.len());
        assert_eq!(many(b"\x29\xfc\xff\xff\xff\xff\xff\xff\xff\xff\x01"), None);
        // Lists of one list each, in a field that is passed over.
        let deep = [&[0x19][..], &[0x19; 100_000]].concat();
        assert_eq!(many(&deep), None);
        // Twice the same field, of which the library would believe the second.
        let twice = [&FOOTER[..4], &[b"\x09\x04\x0c\0"]].concat().concat();
        assert_eq!(many(&twice), None);
        // Every sort of value is passed over: truths, numbers, texts, sets and maps.
        let all = b"\x11\x12\x13\x07\x14\x02\x15\x02\x16\x02\x17\0\0\0\0\0\0\0\0\x18\x01a\x1a\x21\x01\x02\
                    \x1b\x01\x58\x02\x01a\x1b\0\x1c\x11\0\0";
        assert_eq!(many(all), None, "the second field is no list");
        let after = [&FOOTER[..4], &[all]].concat().concat();
        assert_eq!(many(&after), Some(2));
    }
}
