// Live updates and copy buttons. Every page is complete without this file.
//
// An event states only that the page has changed. The script then fetches the page itself, so that one handler of the
// server decides what a reader may see.
"use strict";

(() => {
  for (const button of document.querySelectorAll("button[data-copy]")) prepareCopy(button);

  const main = document.querySelector("main[data-events]");
  if (!main || !window.EventSource) return;

  const live = document.getElementById("live");
  const connection = document.getElementById("connection");
  const announcement = document.getElementById("announcement");
  const RETRY_MS = 20000;
  let source = null;
  let fetching = false;
  let changedMeanwhile = false;
  let offlineSince = null;
  let final = false;
  let announced = live.firstElementChild?.dataset.announcement;

  connect();
  // A page in the browser's back/forward cache keeps no connection.
  addEventListener("pagehide", () => source && source.close());
  addEventListener("pageshow", (event) => event.persisted && !final && connect());

  function connect() {
    if (source) source.close();
    source = new EventSource(main.dataset.events);
    source.addEventListener("open", () => {
      const missed = offlineSince !== null;
      offlineSince = null;
      showConnection("live", "Live");
      if (missed) refresh();
    });
    source.addEventListener("error", () => {
      if (final) return;
      offlineSince = offlineSince || new Date();
      showConnection("offline", "Offline since " + utcTime(offlineSince));
      // The browser connects again by itself, unless the answer was an error.
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_MS);
    });
    for (const name of ["board", "submission", "reload"]) source.addEventListener(name, refresh);
  }

  // One fetch at a time. If the page changes meanwhile, it is fetched once more.
  async function refresh() {
    if (fetching) {
      changedMeanwhile = true;
      return;
    }
    fetching = true;
    do {
      changedMeanwhile = false;
      try {
        const answer = await fetch(location.pathname + "?fragment=1", { cache: "no-store" });
        if (answer.ok) replace(await answer.text());
      } catch {
        // The stream opens again when the server is back, and then the page is fetched.
      }
    } while (changedMeanwhile);
    fetching = false;
  }

  function replace(html) {
    const next = document.createElement("template");
    next.innerHTML = html;
    const before = new Map(keyed(live).map((e) => [e.dataset.key, e]));
    const focus = document.activeElement && live.contains(document.activeElement) && document.activeElement.id;
    const scrolled = [...live.querySelectorAll(".scroll, pre")].map((e) => [e.scrollLeft, e.scrollTop]);
    const [x, y] = [scrollX, scrollY];

    for (const element of keyed(next.content)) {
      const old = before.get(element.dataset.key);
      if (element.tagName === "DETAILS") element.open = old ? old.open : element.open;
      else if (!old || old.textContent !== element.textContent) element.classList.add("changed");
    }
    live.replaceChildren(next.content);

    for (const button of live.querySelectorAll("button[data-copy]")) prepareCopy(button);
    [...live.querySelectorAll(".scroll, pre")].forEach((e, i) => {
      if (scrolled[i]) [e.scrollLeft, e.scrollTop] = scrolled[i];
    });
    if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
    scrollTo(x, y);

    const root = live.firstElementChild;
    if (root && root.dataset.announcement !== announced) {
      announcement.textContent = announced = root.dataset.announcement;
    }
    if (root && "final" in root.dataset) {
      final = true;
      source.close();
      showConnection("final", "Final");
    }
  }

  function keyed(within) {
    return [...within.querySelectorAll("[data-key]")];
  }

  function showConnection(state, text) {
    connection.className = "connection " + state;
    connection.textContent = text;
    connection.hidden = false;
  }

  function utcTime(date) {
    return date.toISOString().slice(11, 16) + " UTC";
  }

  function prepareCopy(button) {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
  }
})();
