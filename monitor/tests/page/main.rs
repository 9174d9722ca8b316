// SPDX-License-Identifier: GPL-2.0-or-later

//! The page in a real browser. `scripts/setup lint` installs Chromium. Each test keeps pictures of what it has seen in
//! `target/tmp/page-*.png`.

mod browser;
mod engines;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use yate_clustering_monitor::cluster::Condition;

use browser::{Browser, WINDOWS};
use engines::{Engine, Monitor};

const CONTRAST: &str = include_str!("contrast.js");

fn names(number: usize) -> Vec<String> {
    (1..=number).map(|at| format!("node{at:03}")).collect()
}

/// The answer of node1 in a cluster of these nodes.
fn answer(names: &[String]) -> Value {
    let nodes = names.iter().enumerate().map(|(at, name)| {
        json!({
            "name": name, "own": at == 0, "state": "up", "reason": "answered 200",
            "admin": "enabled", "weight": 100, "since": 4000, "latency": 0.0007,
            "forwards": at * 7, "failures": 0, "version": "1.1.0", "drift": [],
            "channels": at, "rooms": at / 2, "registrations": at * 10,
        })
    });
    json!({
        "schema": 1, "node": names[0], "version": "1.1.0", "time": 1_795_790_000, "enabled": true,
        "reload": 1, "file": "taken", "database": "up", "members": "up", "connections": 20,
        "signatures": "required", "counters": {"local": 1}, "nodes": nodes.collect::<Vec<_>>(),
    })
}

/// Waits until a monitor knows that a node is down.
fn knows_death_of(monitor: &Monitor, node: usize) {
    monitor.until(|cluster| cluster.nodes[node].condition == Condition::Down);
}

/// An engine whose other nodes are in all conditions that it can tell of.
fn engine_of_all_conditions() -> Engine {
    let engine = Engine::new(answer(&names(9)));
    engine.change(|answer| {
        let nodes = &mut answer["nodes"];
        nodes[1]["state"] = json!("down");
        nodes[1]["reason"] = json!("no answer to a probe");
        nodes[1]["failures"] = json!(3);
        nodes[2]["admin"] = json!("draining");
        nodes[3]["admin"] = json!("disabled");
        nodes[4]["state"] = json!("busy");
        nodes[5]["drift"] = json!(["prefix", "secret"]);
        nodes[6]["state"] = json!("down");
        nodes[6]["backup"] = json!("node001");
        nodes[7]["state"] = json!("unknown");
    });
    engine
}

/// The row of a node.
fn row(name: &str) -> String {
    format!(
        "[...document.querySelectorAll('.nodes tbody tr')]\
         .find((row) => row.querySelector('.name').textContent === '{name}')"
    )
}

#[test]
#[cfg_attr(not(chromium), ignore = "needs Chromium: apt-get install chromium")]
fn a_node_that_dies_turns_red_within_one_refresh() {
    let engine = Engine::new(answer(&names(3)));
    let monitor = Monitor::of(&[&engine]);
    let mut browser = Browser::open();
    browser.resize(WINDOWS[0]);
    browser.visit(&monitor.url);
    let row = row("node002");
    let ground = format!("getComputedStyle({row}).backgroundColor");
    assert_eq!(browser.eval(&format!("{row}.className")), "c-up");
    let before = browser.eval(&ground);
    engine.change(|answer| answer["nodes"][1]["state"] = json!("down"));
    knows_death_of(&monitor, 1);
    let looks = |browser: &mut Browser| {
        let requests = browser.requests();
        requests.iter().filter(|url| **url == monitor.url).count()
    };
    let begin = looks(&mut browser);
    browser.until(&format!("{row}.className === 'c-down'"));
    // One of them may have been under way when the monitor learned of it.
    let looked = looks(&mut browser) - begin;
    assert!(looked <= 2, "it took {looked} refreshes");
    assert_ne!(browser.eval(&ground), before);
    assert_eq!(
        browser.eval(&format!("{row}.querySelector('.pill').textContent.trim()")),
        "down"
    );
    let said = browser.eval("document.getElementById('said').textContent");
    assert_eq!(said, "2 up, 1 down: node002 is down.");
    assert_eq!(
        browser.eval("document.title"),
        "1 down of 3 nodes · Yate cluster"
    );
    browser.picture("death");
    assert_eq!(browser.complaints(), [json!(null); 0]);
}

#[test]
#[cfg_attr(not(chromium), ignore = "needs Chromium: apt-get install chromium")]
fn without_a_script_the_page_has_the_facts_and_loads_itself_again() {
    let engine = Engine::new(answer(&names(3)));
    let monitor = Monitor::of(&[&engine]);
    let mut browser = Browser::open();
    browser.call(
        "Emulation.setScriptExecutionDisabled",
        &json!({"value": true}),
    );
    browser.visit(&monitor.url);
    // Empty while the page is being loaded.
    let html = |browser: &mut Browser| {
        let root = browser.call("DOM.getDocument", &json!({}));
        let node = json!({"nodeId": root["root"]["nodeId"]});
        let html = browser.attempt("DOM.getOuterHTML", &node);
        html.map_or_else(
            |_| String::new(),
            |html| html["outerHTML"].as_str().unwrap().to_owned(),
        )
    };
    let before = html(&mut browser);
    assert!(before.contains("<bdi>node002</bdi>") && !before.contains("class=\"c-down\""));
    engine.change(|answer| answer["nodes"][1]["state"] = json!("down"));
    let begin = std::time::Instant::now();
    while !html(&mut browser).contains("class=\"c-down\"") {
        assert!(begin.elapsed() < engines::PATIENCE);
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

#[test]
#[cfg_attr(not(chromium), ignore = "needs Chromium: apt-get install chromium")]
fn names_of_others_are_only_text_and_no_other_host_is_asked() {
    let hostile = [
        "<script>document.title='x'</script>",
        "<img src=http://192.0.2.1/x onerror=document.title='x'>",
        "'\"><style>*{display:none}</style>",
        "</main></body>",
        "\u{202e}1edon",
    ];
    let mut all = names(1);
    all.extend(hostile.map(ToOwned::to_owned));
    let engine = Engine::new(answer(&all));
    engine.change(|answer| {
        for (at, name) in hostile.iter().enumerate() {
            let node = &mut answer["nodes"][at + 1];
            node["reason"] = json!(name);
            node["state"] = json!("down");
            node["version"] = json!(name);
            node["drift"] = json!([name]);
            node["backup"] = json!(name);
        }
    });
    let monitor = Monitor::of(&[&engine]);
    let mut browser = Browser::open();
    browser.resize(WINDOWS[0]);
    browser.visit(&monitor.url);
    // A refresh, too.
    browser.until(
        "performance.getEntriesByType('resource').some((entry) => entry.initiatorType === 'fetch')",
    );
    browser.until("document.getElementById('stale').textContent === ''");
    let shown = browser
        .eval("[...document.querySelectorAll('.nodes .name')].map((name) => name.textContent)");
    let shown: BTreeSet<String> = serde_json::from_value(shown).unwrap();
    assert_eq!(shown, all.into_iter().collect());
    assert_ne!(browser.eval("document.title"), "x");
    let requests = browser.requests();
    assert!(requests.len() >= 5, "{requests:?}");
    for url in requests {
        assert!(url.starts_with(&monitor.url), "{url}");
    }
    assert_eq!(browser.complaints(), [json!(null); 0]);
    browser.picture("hostile");
    // The policy forbids what would get in all the same.
    browser.eval(
        "document.body.insertAdjacentHTML('beforeend', \
         '<p id=mark style=\"display:none\">x<img src=\"http://192.0.2.1/x\" onerror=\"document.title=`x`\">')",
    );
    browser.until("getComputedStyle(document.getElementById('mark')).display === 'block'");
    let complaints = browser.complaints();
    let violations = complaints.iter().filter(|entry| {
        let text = entry["params"]["entry"]["text"].as_str();
        text.is_some_and(|text| text.contains("Content Security Policy"))
    });
    assert!(violations.count() >= 2, "{complaints:?}");
}

#[test]
#[cfg_attr(not(chromium), ignore = "needs Chromium: apt-get install chromium")]
fn conditions_are_told_apart_without_colour_and_every_text_can_be_read() {
    let engine = engine_of_all_conditions();
    let monitor = Monitor::of(&[&engine]);
    let mut browser = Browser::open();
    for window in WINDOWS {
        browser.resize(window);
        browser.visit(&monitor.url);
        let pills = browser.eval(
            "[...document.querySelectorAll('.nodes .pill')].map((pill) => \
             [pill.textContent.trim(), pill.querySelector('use').getAttribute('href'), \
              pill.querySelector('.icon').getBoundingClientRect().width > 9])",
        );
        let pills: Vec<(String, String, bool)> = serde_json::from_value(pills).unwrap();
        let words: BTreeSet<_> = pills.iter().map(|(word, ..)| word.as_str()).collect();
        let icons: BTreeSet<_> = pills.iter().map(|(_, icon, _)| icon.as_str()).collect();
        let expected = [
            "busy",
            "disabled",
            "down",
            "draining",
            "drifting",
            "taken over",
            "unknown",
            "up",
        ];
        assert_eq!(words, BTreeSet::from(expected));
        assert_eq!(icons.len(), expected.len());
        assert!(pills.iter().all(|(.., seen)| *seen), "{pills:?}");
        assert_eq!(browser.eval(CONTRAST), json!([]), "{}", window.name);
        browser.picture(&format!("conditions-{}", window.name));
    }
    assert_eq!(browser.complaints(), [json!(null); 0]);
}

#[test]
#[cfg_attr(not(chromium), ignore = "needs Chromium: apt-get install chromium")]
fn two_hundred_nodes_stay_readable() {
    let engine = Engine::new(answer(&names(200)));
    engine.change(|answer| answer["nodes"][120]["state"] = json!("down"));
    let monitor = Monitor::of(&[&engine]);
    let mut browser = Browser::open();
    for window in WINDOWS {
        browser.resize(window);
        browser.visit(&monitor.url);
        assert_eq!(
            browser.eval("document.querySelectorAll('.nodes tbody tr').length"),
            200
        );
        // The page itself doesn't scroll sideways, and no name or state is cut.
        let width = "document.documentElement.scrollWidth <= window.innerWidth";
        assert_eq!(browser.eval(width), true, "{}", window.name);
        let cut = "[...document.querySelectorAll('.nodes .name, .nodes .state')]\
                   .filter((cell) => cell.scrollWidth > cell.clientWidth + 1).length";
        assert_eq!(browser.eval(cut), 0, "{}", window.name);
        // Who is down is said at the top.
        let first = "document.querySelector('.attention a').getBoundingClientRect().bottom < innerHeight / 2";
        assert_eq!(browser.eval(first), true);
        browser.picture(&format!("200-{}", window.name));
        // A refresh between the click and the look makes all rows anew, and none is the target any more.
        let target = "document.querySelector('.attention a').click(), \
                      document.querySelector('tr:target .name')?.textContent === 'node121'";
        browser.until(target);
        assert_eq!(browser.eval(CONTRAST), json!([]), "{}", window.name);
    }
    // A refresh keeps where one is, and the filter.
    browser.resize(WINDOWS[0]);
    browser.visit(&monitor.url);
    browser.eval("document.getElementById('name').value = 'node12'; document.getElementById('filter').requestSubmit; \
                  document.getElementById('name').dispatchEvent(new Event('input', {bubbles: true}))");
    let shown =
        "[...document.querySelectorAll('.nodes tbody tr')].filter((row) => !row.hidden).length";
    assert_eq!(browser.eval(shown), 10);
    engine.change(|answer| answer["nodes"][121]["state"] = json!("down"));
    browser.until(&format!("{}.className === 'c-down'", row("node122")));
    assert_eq!(browser.eval(shown), 10);
    assert_eq!(
        browser.eval("document.getElementById('found').textContent"),
        "10 of 200"
    );
}

#[test]
#[cfg_attr(not(chromium), ignore = "needs Chromium: apt-get install chromium")]
fn the_keyboard_reaches_everything() {
    let engine = engine_of_all_conditions();
    let monitor = Monitor::of(&[&engine]);
    let mut browser = Browser::open();
    browser.resize(WINDOWS[0]);
    browser.visit(&monitor.url);
    let focused = "document.activeElement.className || document.activeElement.id";
    browser.press("Tab", 9);
    assert_eq!(browser.eval(focused), "skip");
    browser.until("document.activeElement.getBoundingClientRect().top >= 0");
    browser.press("Enter", 13);
    browser.until("document.activeElement.id === 'nodes'");
    let mut reached = Vec::new();
    for _ in 0..8 {
        browser.press("Tab", 9);
        reached.push(browser.eval(&format!("String({focused})")));
    }
    for wanted in ["name", "urgent", "scroll"] {
        assert!(
            reached.iter().any(|at| at == wanted),
            "{wanted}: {reached:?}"
        );
    }
    browser.eval("document.getElementById('pause').focus()");
    browser.press("Enter", 13);
    assert_eq!(
        browser.eval("document.getElementById('pause').getAttribute('aria-pressed')"),
        "true"
    );
    // Nothing moves then.
    engine.change(|answer| answer["nodes"][8]["state"] = json!("down"));
    knows_death_of(&monitor, 8);
    let row = row("node009");
    assert_eq!(browser.eval(&format!("{row}.className")), "c-up");
    browser.press("Enter", 13);
    browser.until(&format!("{row}.className === 'c-down'"));
    // What has the focus keeps it.
    assert_eq!(browser.eval("document.activeElement.id"), "pause");
}

#[test]
#[cfg_attr(not(chromium), ignore = "needs Chromium: apt-get install chromium")]
fn a_screen_reader_has_tables_headings_and_pictures_in_words() {
    let engine = engine_of_all_conditions();
    let monitor = Monitor::of(&[&engine]);
    let mut browser = Browser::open();
    for window in WINDOWS {
        browser.resize(window);
        browser.visit(&monitor.url);
        let seen = browser.accessible();
        let has = |role: &str, name: &str| {
            let found = seen
                .iter()
                .any(|(other, text)| other == role && text.starts_with(name));
            assert!(found, "{}: no {role} '{name}' in {seen:?}", window.name);
        };
        has("table", "Nodes");
        has("heading", "Yate cluster");
        has("heading", "Forwards between nodes");
        has("heading", "Last events");
        has("columnheader", "State");
        has("rowheader", "node002");
        has("image", "Last hour: down");
        has("status", "");
        has("list", "Nodes by condition");
        let rows = seen.iter().filter(|(role, _)| role == "rowheader").count();
        assert!(rows >= 9, "{}: {rows}", window.name);
        let live = "document.getElementById('said').getAttribute('aria-live')";
        assert_eq!(browser.eval(live), "polite");
    }
}

#[test]
#[cfg_attr(not(chromium), ignore = "needs Chromium: apt-get install chromium")]
fn a_monitor_that_is_gone_is_said() {
    let engine = Engine::new(answer(&names(2)));
    let monitor = Monitor::of(&[&engine]);
    let mut browser = Browser::open();
    browser.visit(&monitor.url);
    drop(monitor);
    browser.until("document.getElementById('stale').textContent.startsWith('The monitor doesn')");
    assert_eq!(
        browser.eval("document.querySelectorAll('.nodes tbody tr').length"),
        2
    );
}
