// SPDX-License-Identifier: GPL-2.0-or-later
//! The 1,800 recorded cases through the loaded module: the results of the stock module in a real engine are
//! the results of this one, but for the differences that are named, and those come out exactly as foretold.
//!
//! With `CONFORMANCE_DIFFERENCES=none` no difference is allowed. So the harness itself is put to
//! the proof, with the stock module in a real engine: `CLUSTERING_MODULE` names it, `YATE_ROOT` the
//! engine.

mod case;
mod differences;

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use engine_bridge::{Call, Engine, Handler, Message, Outcome, Param, Setup, engine, real_engine};

use case::{Case, Expected, list, list_all};
use differences::{Difference, located};

type Locates = Arc<Mutex<Vec<Vec<Param>>>>;

#[test]
fn cases_come_out_as_recorded_or_as_foretold_when_no_sender_is_trusted() {
    conform("no sender is trusted", "", &Difference::ALL);
}

#[test]
fn cases_come_out_as_recorded_or_as_foretold_when_every_sender_is_trusted() {
    conform(
        "every sender is trusted",
        "[security]\ntrusted=*\n",
        &Difference::TRUSTED,
    );
}

/// Runs all cases with a text added to each configuration, and checks that every difference listed
/// occurs.
fn conform(title: &str, added: &str, differences: &[Difference]) {
    let strict = env::var("CONFORMANCE_DIFFERENCES").is_ok_and(|value| value == "none");
    let differences = if strict { &[] } else { differences };
    let engine = engine(&Setup::default());
    let _exclusive = engine.exclusive();
    let locates = Locates::default();
    let _handlers = ["cluster.locate", "lab.locate"].map(|name| answer(engine, name, &locates));

    let cases = Case::all();
    assert_eq!(cases.len(), 1800, "none is missing");
    let mut tally: BTreeMap<Vec<Difference>, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    let mut config = None;
    for case in &cases {
        if config != Some(&case.config) {
            settle(engine, &format!("{}{added}", case.config));
            config = Some(&case.config);
        }
        let (expected, applied) = foretell(case, differences);
        let outcome = dispatch(engine, case);
        let sent = take(&locates);
        if expected.admits(&outcome, &sent) {
            *tally.entry(applied).or_default() += 1;
        } else {
            failures.push(explain(case, &expected, &applied, &outcome, &sent));
        }
    }

    summarize(title, cases.len(), &tally, failures.len());
    assert!(
        failures.is_empty(),
        "{} of {} cases came out wrong, the first:\n{}",
        failures.len(),
        cases.len(),
        failures[..failures.len().min(5)].join("\n"),
    );
    for difference in differences {
        let occurs = tally.keys().any(|applied| applied == &[*difference]);
        assert!(occurs, "{difference:?} never occurs alone");
    }
}

/// Puts a configuration in force as if none had been before.
fn settle(engine: &Engine, config: &str) {
    for text in ["[general]\nenabled=no\n", config] {
        engine.configure("clustering", text);
        assert!(engine.reload(Some("clustering")), "the module is loaded");
    }
}

/// The result that a case must have, and the differences that had a part in it.
fn foretell(case: &Case, differences: &[Difference]) -> (Expected, Vec<Difference>) {
    let mut expected = case.recorded.clone();
    let mut applied = Vec::new();
    for difference in differences {
        if let Some(changed) = difference.foretell(case, &expected) {
            expected = changed;
            applied.push(*difference);
        }
    }
    (expected, applied)
}

fn dispatch(engine: &Engine, case: &Case) -> Outcome {
    engine.dispatch(&Message {
        params: case.params.clone(),
        ..Message::new(&case.message)
    })
}

/// Answers lookups as they were answered for the recording, and keeps their parameters.
fn answer(engine: &Engine, name: &str, locates: &Locates) -> Handler {
    let locates = Arc::clone(locates);
    engine.handle(name, 50, move |call: &mut Call| {
        let asked = call
            .params()
            .into_iter()
            .filter(|(name, _)| name != b"handlers");
        let mut kept = locates.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(asked.collect());
        let callto = call.get("callto").unwrap_or_default();
        if callto.starts_with(b"fail") {
            call.set("error", "nolocate");
            if callto.starts_with(b"fail-reason") {
                call.set("reason", "full");
            }
            return false;
        }
        let failure = if callto.starts_with(b"dash") {
            "-"
        } else {
            "error"
        };
        call.set_retval(located(&callto).unwrap_or(failure));
        true
    })
}

fn take(locates: &Locates) -> Vec<Vec<Param>> {
    std::mem::take(&mut *locates.lock().unwrap_or_else(PoisonError::into_inner))
}

fn explain(
    case: &Case,
    expected: &Expected,
    applied: &[Difference],
    outcome: &Outcome,
    sent: &[Vec<Param>],
) -> String {
    let mut text = format!(
        "line {} ({}), differences {applied:?}\n",
        case.line, case.message
    );
    let _ = writeln!(text, "  config   {:?}", case.config);
    let _ = writeln!(text, "  message  {}", list(&case.params));
    let _ = writeln!(text, "  expected {expected}");
    let (handled, retval) = (outcome.handled, outcome.retval.escape_ascii());
    let (params, locates) = (list(&outcome.untraced()), list_all(sent));
    let _ = writeln!(
        text,
        "  actual   {handled} '{retval}' {params} locates {locates}"
    );
    text
}

/// Prints the result, past the capture of the test's output: it is the figure that the project is held to.
fn summarize(title: &str, total: usize, tally: &BTreeMap<Vec<Difference>, usize>, failed: usize) {
    let engine = if real_engine() { "real" } else { "mock" };
    let mut table = format!("\nconformance, {engine} engine, {title}: {total} cases\n");
    for (applied, count) in tally {
        let names: Vec<_> = applied
            .iter()
            .map(|difference| format!("{difference:?}"))
            .collect();
        let name = if names.is_empty() {
            "as recorded".to_owned()
        } else {
            names.join(" and ")
        };
        let _ = writeln!(table, "  {name:<40} {count:>5}");
    }
    let _ = writeln!(table, "  {:<40} {failed:>5}", "wrong");
    let _ = std::io::stderr().write_all(table.as_bytes());
}
