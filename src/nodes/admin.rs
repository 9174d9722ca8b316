// SPDX-License-Identifier: GPL-2.0-or-later

//! The admin state that an operator gives a node, and the file in which it outlives the engine.
//!
//! It is kept in a small file. Only a file that was written to its end is taken: one that was cut off or
//! changed says nothing for certain, and a node that nobody has drained must not be drained by chance.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::mem;

use crate::text::Escaped;

/// The admin state: an operator's decision about a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum AdminState {
    /// It takes part.
    #[default]
    Enabled = 0,
    /// Nothing new is placed there; its resources are still reached.
    Draining = 1,
    /// It isn't reached at all.
    Disabled = 2,
}

impl AdminState {
    /// All of them, each at the index `admin as usize`.
    pub const ALL: [Self; 3] = [Self::Enabled, Self::Draining, Self::Disabled];

    /// The word for it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Draining => "draining",
            Self::Disabled => "disabled",
        }
    }
}

impl Display for AdminState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// The file's first lines and its last one.
const HEAD: &[u8] = b"; Nodes that were drained or disabled by command\n[nodes]\n";
const TAIL: &[u8] = b"; end\n";

/// The word for a node that is taken over.
const TAKEN: &[u8] = b"=taken";

/// The admin states of all nodes that aren't enabled, and the nodes that are taken over; also of nodes that have no
/// section now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminStates {
    states: BTreeMap<Box<[u8]>, AdminState>,
    taken: BTreeSet<Box<[u8]>>,
}

/// The reason why a file is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminFileError {
    /// It lacks its first lines or its last one.
    #[error("its beginning or its end is missing")]
    Incomplete,
    /// A line of it is no admin state.
    #[error("'{0}' is not NODE=draining, NODE=disabled or NODE=taken")]
    Line(String),
}

impl AdminStates {
    /// The admin state of a node.
    #[must_use]
    pub fn of(&self, node: &[u8]) -> AdminState {
        self.states.get(node).copied().unwrap_or_default()
    }

    /// Sets the admin state of a node.
    pub fn set(&mut self, node: &[u8], admin: AdminState) {
        if admin == AdminState::Enabled {
            self.states.remove(node);
        } else {
            self.states.insert(node.into(), admin);
        }
    }

    /// Forgets the nodes for which `is_kept` doesn't hold, and gives them.
    pub fn forget(&mut self, is_kept: impl Fn(&[u8]) -> bool) -> BTreeMap<Box<[u8]>, AdminState> {
        let (kept, forgotten) = mem::take(&mut self.states)
            .into_iter()
            .partition(|(node, _)| is_kept(node));
        self.states = kept;
        forgotten
    }

    /// Whether a node is taken over.
    #[must_use]
    pub fn has_taken(&self, node: &[u8]) -> bool {
        self.taken.contains(node)
    }

    /// The nodes that are taken over.
    pub fn taken(&self) -> impl Iterator<Item = &[u8]> {
        self.taken.iter().map(|node| &**node)
    }

    /// Takes a node over; `false` where it is so already.
    pub fn take(&mut self, node: &[u8]) -> bool {
        self.taken.insert(node.into())
    }

    /// Releases a node; `false` where it isn't taken over.
    pub fn release(&mut self, node: &[u8]) -> bool {
        self.taken.remove(node)
    }

    /// Releases the nodes for which `is_kept` doesn't hold, and gives them.
    pub fn forget_taken(&mut self, is_kept: impl Fn(&[u8]) -> bool) -> BTreeSet<Box<[u8]>> {
        let (kept, released) = mem::take(&mut self.taken)
            .into_iter()
            .partition(|node| is_kept(node));
        self.taken = kept;
        released
    }

    /// The file's text. A node whose name has a line end is left out: no node can be called so, and what is behind it would be
    /// read as another node's line.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let is_line = |node: &[u8]| !node.contains(&b'\n');
        let mut text = HEAD.to_vec();
        for (node, admin) in self.states.iter().filter(|(node, _)| is_line(node)) {
            text.extend_from_slice(node);
            text.push(b'=');
            text.extend_from_slice(admin.text().as_bytes());
            text.push(b'\n');
        }
        for node in self.taken.iter().filter(|node| is_line(node)) {
            text.extend_from_slice(node);
            text.extend_from_slice(TAKEN);
            text.push(b'\n');
        }
        text.extend_from_slice(TAIL);
        text
    }

    /// Reads a file's text.
    ///
    /// # Errors
    ///
    /// Fails when it isn't one that was written whole.
    pub fn read(text: &[u8]) -> Result<Self, AdminFileError> {
        let lines = text
            .strip_prefix(HEAD)
            .and_then(|rest| rest.strip_suffix(TAIL))
            .ok_or(AdminFileError::Incomplete)?;
        let mut admin_states = Self::default();
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            let entry = line.strip_suffix(b"\n").ok_or(AdminFileError::Incomplete)?;
            if let Some(node) = entry.strip_suffix(TAKEN) {
                admin_states.take(node);
                continue;
            }
            let found = [AdminState::Draining, AdminState::Disabled]
                .into_iter()
                .find_map(|admin| {
                    let node = entry.strip_suffix(admin.text().as_bytes())?;
                    Some((node.strip_suffix(b"=")?, admin))
                });
            let (node, admin) =
                found.ok_or_else(|| AdminFileError::Line(Escaped(entry).to_string()))?;
            admin_states.set(node, admin);
        }
        Ok(admin_states)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> Vec<u8> {
        let mut admin_states = AdminStates::default();
        admin_states.set(b"node2", AdminState::Draining);
        admin_states.set(b"a=b", AdminState::Disabled);
        admin_states.set(b"node3", AdminState::Disabled);
        admin_states.set(b"node3", AdminState::Enabled);
        admin_states.write()
    }

    #[test]
    fn what_was_written_is_read() {
        let admin_states = AdminStates::read(&text()).unwrap();
        assert_eq!(admin_states.of(b"node2"), AdminState::Draining);
        assert_eq!(admin_states.of(b"a=b"), AdminState::Disabled);
        assert_eq!(admin_states.of(b"node3"), AdminState::Enabled);
    }

    #[test]
    fn a_file_that_was_cut_off_anywhere_is_not_taken() {
        let text = text();
        for length in 0..text.len() {
            assert!(AdminStates::read(&text[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_line_that_says_nothing_is_named() {
        let text = String::from_utf8(text())
            .unwrap()
            .replace("=draining", "=drained");
        let damage = AdminStates::read(text.as_bytes()).unwrap_err();
        assert_eq!(
            damage.to_string(),
            "'node2=drained' is not NODE=draining, NODE=disabled or NODE=taken"
        );
    }

    proptest! {
        #[test]
        fn whatever_nodes_are_called_they_are_read_again(
            nodes in prop::collection::btree_map("[^\n]{1,20}", 1..3_usize, 0..5),
            taken in prop::collection::vec("[^\n]{1,20}", 0..3),
            broken in prop::collection::vec("(node2(=taken|=draining)?)?\n[^\n]{0,5}(\n; end)?\n?", 0..3),
        ) {
            let mut admin_states = AdminStates::default();
            for (node, admin) in nodes {
                admin_states.set(node.as_bytes(), AdminState::ALL[admin]);
            }
            for node in taken {
                admin_states.take(node.as_bytes());
            }
            let expected = admin_states.clone();
            for node in broken {
                admin_states.set(node.as_bytes(), AdminState::Draining);
                admin_states.take(node.as_bytes());
            }
            prop_assert_eq!(AdminStates::read(&admin_states.write()), Ok(expected));
        }

        #[test]
        fn arbitrary_files_do_no_harm(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = AdminStates::read(&text);
            let _ = AdminStates::read(&[HEAD, &text, TAIL].concat());
        }
    }
}
