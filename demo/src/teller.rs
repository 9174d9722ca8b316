// SPDX-License-Identifier: GPL-2.0-or-later

//! Tells what happens, a line a step, and compares each with what should happen.

use std::io::{self, Write};

/// Prints the steps and counts them.
pub struct Teller<'a> {
    out: &'a mut dyn Write,
    steps: usize,
    wrong: usize,
}

impl<'a> Teller<'a> {
    /// Nothing told yet.
    pub fn new(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            steps: 0,
            wrong: 0,
        }
    }

    /// A line of its own.
    pub fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// A command at a node's console, and what it prints.
    pub fn console(&mut self, node: &str, command: &str, printed: &str) -> io::Result<()> {
        writeln!(self.out, "{node}> {command}\n{printed}")
    }

    /// A step: a command at a node's console, what it prints and what it should print.
    pub fn answer(
        &mut self,
        node: &str,
        command: &str,
        came: &str,
        expected: &str,
    ) -> io::Result<()> {
        self.console(node, command, came)?;
        self.compare(came, expected)
    }

    /// What begins at a node, before the steps that follow from it.
    pub fn note(&mut self, node: &str, what: &str, text: &str) -> io::Result<()> {
        writeln!(self.out, "  {node:<5}  {what:<14} {text}")
    }

    /// A step: what came at a node, and what should have come.
    pub fn see(&mut self, node: &str, what: &str, came: &str, expected: &str) -> io::Result<()> {
        self.note(node, what, came)?;
        self.compare(came, expected)
    }

    fn compare(&mut self, came: &str, expected: &str) -> io::Result<()> {
        self.steps += 1;
        if came != expected {
            self.wrong += 1;
            writeln!(self.out, "  WRONG, this was expected:")?;
            for line in expected.lines() {
                writeln!(self.out, "  {:22}{line}", "")?;
            }
        }
        Ok(())
    }

    /// The last line; whether all was right.
    pub fn end(self) -> io::Result<bool> {
        let Self { out, steps, wrong } = self;
        if wrong == 0 {
            writeln!(out, "\ndemo: {steps} steps, all went where they should")?;
        } else {
            writeln!(out, "\ndemo: {steps} steps, {wrong} went wrong")?;
        }
        Ok(wrong == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_what_was_expected() {
        let mut out = Vec::new();
        let mut teller = Teller::new(&mut out);
        teller.see("node1", "callto", "conf/7", "conf/7").unwrap();
        teller.see("node2", "callto", "conf/8", "conf/7").unwrap();
        assert!(!teller.end().unwrap());
        let expected = "  node1  callto         conf/7\n  \
                        node2  callto         conf/8\n  \
                        WRONG, this was expected:\n                        \
                        conf/7\n\ndemo: 2 steps, 1 went wrong\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
