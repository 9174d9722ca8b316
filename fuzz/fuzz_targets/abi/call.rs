// SPDX-License-Identifier: GPL-2.0-or-later

//! The calls, as the fuzzer thinks them up.

use std::ptr;

use arbitrary::Arbitrary;
use clustering::ffi::clustering_verdict;
use clustering_fuzz::host::{Answer, Empty, Message, times};
use clustering_fuzz::operate::Operation;
use clustering_fuzz::{File, Params, Text};

use super::VERDICTS;

/// A place, or NULL.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Place(pub u8);

impl Place {
    /// One of `count` places.
    pub fn of(self, count: usize) -> Option<usize> {
        let number = usize::from(self.0) % (count + 1);
        (number < count).then_some(number)
    }
}

#[derive(Arbitrary, Debug)]
pub enum Call {
    New {
        core: Place,
        node: Text,
        empty: Empty,
    },
    Free {
        core: Place,
    },
    Load {
        core: Place,
        file: File,
        with_errors: bool,
        empty: Empty,
    },
    Ask {
        core: Place,
        number: u32,
    },
    Concerns {
        core: Place,
        kind: u8,
        message: Option<Params>,
        empty: Empty,
    },
    Decide {
        core: Place,
        kind: u8,
        message: Option<Params>,
        asked: Asked,
    },
    Resume {
        pending: Place,
        /// Used where nothing was pending; else it's the node that began.
        core: Place,
        /// None for that of the call that was pending.
        message: Option<Params>,
        answer: Option<Answer>,
        asked: Asked,
    },
    Look {
        verdict: Place,
    },
    /// The texts of the message go, as when the edits are written.
    Write {
        verdict: Place,
    },
    Release {
        verdict: Place,
    },
    Operate {
        core: Place,
        operation: Operation,
    },
}

/// The arguments of a question.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Asked {
    /// The place where the verdict is held.
    pub verdict: Place,
    pub complete: bool,
    /// The time.
    pub seconds: u16,
    pub empty: Empty,
    /// The seconds since the message was made.
    pub age: u8,
}

impl Asked {
    pub fn message(self, params: Option<&Params>) -> Message {
        let none = Params::default();
        Message::new(
            params.unwrap_or(&none),
            self.complete,
            times(self.seconds, self.age),
            self.empty,
        )
    }

    pub fn place(self, verdict: &mut clustering_verdict) -> *mut clustering_verdict {
        let place = self.verdict.of(VERDICTS);
        place.map_or(ptr::null_mut(), |_| ptr::from_mut(verdict))
    }
}
