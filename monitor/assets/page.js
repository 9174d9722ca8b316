// SPDX-License-Identifier: GPL-2.0-or-later

// Loads the page again and again, and puts what has changed into this one. All facts are in the page itself.
"use strict";

(() => {
    const refresh = Math.max(1000, Number(document.body.dataset.refresh) || 5000);
    // The time after which a question to the monitor counts as lost.
    const patience = Math.max(5000, 2 * refresh);
    const parts = ["summary", "table", "pairs", "events", "engines"];
    const element = (id) => document.getElementById(id);
    const pause = element("pause");
    const name = element("name");
    const urgent = element("urgent");
    let paused = false;
    let timer;

    // Shows the rows that are asked for.
    function filter() {
        const words = name.value.trim().toLowerCase();
        const rows = document.querySelectorAll(".nodes tbody tr");
        let shown = 0;
        for (const row of rows) {
            const fits = words === "" || row.textContent.toLowerCase().includes(words);
            row.hidden = !fits || (urgent.checked && row.classList.contains("c-up"));
            shown += row.hidden ? 0 : 1;
        }
        element("found").textContent = shown === rows.length ? "" : `${shown} of ${rows.length}`;
    }

    // Replaces a part, unless it is as it was. What had the focus and how far it was scrolled stay.
    function replace(id, fresh) {
        const old = element(id);
        const next = fresh.getElementById(id);
        if (!old || !next || old.innerHTML === next.innerHTML) {
            return;
        }
        const scrolled = [...old.querySelectorAll(".scroll")].map((box) => [box.scrollLeft, box.scrollTop]);
        const focused = [...old.querySelectorAll("[tabindex]")].indexOf(document.activeElement);
        old.replaceChildren(...document.adoptNode(next).childNodes);
        [...old.querySelectorAll(".scroll")].forEach((box, at) => {
            [box.scrollLeft, box.scrollTop] = scrolled[at] || [0, 0];
        });
        if (focused >= 0) {
            old.querySelectorAll("[tabindex]")[focused]?.focus({ preventScroll: true });
        }
    }

    function say(id, text) {
        if (element(id).textContent !== text) {
            element(id).textContent = text;
        }
    }

    async function look() {
        const answer = await fetch(location.pathname, {
            cache: "no-store",
            signal: AbortSignal.timeout(patience),
        });
        if (!answer.ok) {
            throw new Error(`it answers ${answer.status}`);
        }
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (!fresh.getElementById("said")) {
            throw new Error("it answers something else");
        }
        for (const id of parts) {
            replace(id, fresh);
        }
        say("said", fresh.getElementById("said").textContent);
        say("updated", fresh.getElementById("updated").textContent);
        document.title = fresh.title;
        say("stale", "");
        filter();
    }

    async function tick() {
        if (!document.hidden) {
            try {
                await look();
            } catch {
                say("stale", "The monitor doesn't answer: this is what it said last");
            }
        }
        schedule();
    }

    function schedule() {
        clearTimeout(timer);
        if (!paused) {
            timer = setTimeout(tick, refresh);
        }
    }

    pause.addEventListener("click", () => {
        paused = !paused;
        pause.setAttribute("aria-pressed", String(paused));
        pause.textContent = paused ? "Paused" : "Pause";
        schedule();
    });
    document.addEventListener("visibilitychange", () => {
        if (!document.hidden && !paused) {
            clearTimeout(timer);
            tick();
        }
    });
    element("filter").addEventListener("submit", (event) => event.preventDefault());
    element("filter").addEventListener("input", filter);
    pause.hidden = false;
    element("filter").hidden = false;
    schedule();
})();
