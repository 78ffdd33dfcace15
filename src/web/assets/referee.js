// Live updates and copy buttons. Every page says everything without this file.
//
// The stream only says that something changed; what changed is fetched from the page itself, so
// that the server decides in one place what a viewer may see.
"use strict";

(() => {
  for (const button of document.querySelectorAll("button[data-copy]")) prepareCopy(button);

  const main = document.querySelector("main[data-events]");
  if (!main || !window.EventSource) return;

  const live = document.getElementById("live");
  const link = document.getElementById("link");
  const news = document.getElementById("news");
  const RETRY_MS = 20000;
  let source = null;
  let fetching = false;
  let again = false;
  let offlineSince = null;
  let final = false;
  let said = live.firstElementChild?.dataset.says;

  connect();
  // A page that sleeps in the browser's cache holds no connection.
  addEventListener("pagehide", () => source && source.close());
  addEventListener("pageshow", (event) => event.persisted && !final && connect());

  function connect() {
    if (source) source.close();
    source = new EventSource(main.dataset.events);
    source.addEventListener("open", () => {
      const missed = offlineSince !== null;
      offlineSince = null;
      tell("live", "Live");
      if (missed) refresh();
    });
    source.addEventListener("error", () => {
      if (final) return;
      offlineSince = offlineSince || new Date();
      tell("offline", "Offline since " + clock(offlineSince));
      // The browser connects again by itself, except after an answer that was an error.
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_MS);
    });
    for (const name of ["board", "submission", "reload"]) source.addEventListener(name, refresh);
  }

  // One fetch at a time; changes in the meantime ask for one more.
  async function refresh() {
    if (fetching) {
      again = true;
      return;
    }
    fetching = true;
    do {
      again = false;
      try {
        const answer = await fetch(location.pathname + "?fragment=1", { cache: "no-store" });
        if (answer.ok) replace(await answer.text());
      } catch {
        // The stream says when the server is there again, and that asks for another fetch.
      }
    } while (again);
    fetching = false;
  }

  function replace(html) {
    const next = document.createElement("template");
    next.innerHTML = html;
    const before = new Map(keyed(live).map((e) => [e.dataset.key, e]));
    const focus = document.activeElement && live.contains(document.activeElement) && document.activeElement.id;
    const sideways = [...live.querySelectorAll(".scroll, pre")].map((e) => [e.scrollLeft, e.scrollTop]);
    const [x, y] = [scrollX, scrollY];

    for (const element of keyed(next.content)) {
      const old = before.get(element.dataset.key);
      if (element.tagName === "DETAILS") element.open = old ? old.open : element.open;
      else if (!old || old.textContent !== element.textContent) element.classList.add("changed");
    }
    live.replaceChildren(next.content);

    for (const button of live.querySelectorAll("button[data-copy]")) prepareCopy(button);
    [...live.querySelectorAll(".scroll, pre")].forEach((e, i) => {
      if (sideways[i]) [e.scrollLeft, e.scrollTop] = sideways[i];
    });
    if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
    scrollTo(x, y);

    const root = live.firstElementChild;
    if (root && root.dataset.says !== said) news.textContent = said = root.dataset.says;
    if (root && "final" in root.dataset) {
      final = true;
      source.close();
      tell("final", "Final");
    }
  }

  function keyed(within) {
    return [...within.querySelectorAll("[data-key]")];
  }

  function tell(state, text) {
    link.className = "link " + state;
    link.textContent = text;
    link.hidden = false;
  }

  // As all times of the page, in UTC.
  function clock(moment) {
    return moment.toISOString().slice(11, 16) + " UTC";
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
