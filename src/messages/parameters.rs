// SPDX-License-Identifier: GPL-2.0-or-later

//! The core's view of a message: its parameters, read only.

use super::names::{CLUSTER_HEADERS, Name, NameSet};

/// A message's parameters. `'m` is the life of the message's texts: a verdict may borrow from them.
pub trait Parameters<'m> {
    /// The value of the first parameter of this name; `None` when there is no such parameter, empty
    /// when it has no value.
    fn get(&self, name: Name) -> Option<&'m [u8]>;

    /// Whether there are several parameters of this name.
    fn is_repeated(&self, name: Name) -> bool;

    /// As [`get`](Self::get), for a name that the core doesn't know.
    fn other(&self, name: &[u8]) -> Option<&'m [u8]>;

    /// All parameters in order, names and values; none where the message isn't complete.
    fn all(&self) -> impl Iterator<Item = (&'m [u8], &'m [u8])>;

    /// Whether there is any parameter of these names.
    fn has_any(&self, names: NameSet) -> bool {
        let mut all = Name::ALL.iter();
        all.any(|&name| names.contains(name) && self.get(name).is_some())
    }

    /// Whether there are several parameters of any of these names.
    fn has_repeated(&self, names: NameSet) -> bool {
        let mut all = Name::ALL.iter();
        all.any(|&name| names.contains(name) && self.is_repeated(name))
    }

    /// The value, if the parameter is there and has one.
    fn filled(&self, name: Name) -> Option<&'m [u8]> {
        self.get(name).filter(|value| !value.is_empty())
    }
}

impl<'m> Parameters<'m> for &'m [(Vec<u8>, Vec<u8>)] {
    fn get(&self, name: Name) -> Option<&'m [u8]> {
        self.iter()
            .find(|(text, _)| name.matches(text))
            .map(|(_, value)| value.as_slice())
    }

    fn is_repeated(&self, name: Name) -> bool {
        self.iter()
            .filter(|(text, _)| name.matches(text))
            .nth(1)
            .is_some()
    }

    fn other(&self, name: &[u8]) -> Option<&'m [u8]> {
        self.iter()
            .find(|(text, _)| text == name)
            .map(|(_, value)| value.as_slice())
    }

    fn all(&self) -> impl Iterator<Item = (&'m [u8], &'m [u8])> {
        self.iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
    }
}

/// Whether a message has any header by which nodes talk to each other.
pub(super) fn has_cluster_headers<'m>(message: &impl Parameters<'m>) -> bool {
    message.has_any(NameSet::of(&CLUSTER_HEADERS))
}
