/*
 * Renews the parts of a page by themselves:
 *
 *   <div data-live><p data-live-state ...></p><button data-live-pause></button><div data-live-part="5" hx-trigger="renew">
 *
 * A part is renewed every two seconds times its number. Nothing is asked for while the tab is hidden, while the reader has
 * paused it, or while a table of figures is open, which would close under their eyes.
 */
(() => {
  "use strict";
  const TICK = 2000;
  const page = document.querySelector("[data-live]");
  if (!page || typeof htmx === "undefined") return;
  const state = page.querySelector("[data-live-state]");
  const button = page.querySelector("[data-live-pause]");
  const parts = [...page.querySelectorAll("[data-live-part]")];
  let paused = false;
  let lost = false;
  let ticks = 0;

  const isRead = () => page.querySelector("[data-live-part] details[open]") !== null;
  const say = () => {
    const word = paused ? "paused" : isRead() ? "reading" : lost ? "lost" : "live";
    const text = state.getAttribute(`data-says-${word}`);
    if (state.textContent !== text) state.textContent = text;
  };
  const tick = () => {
    say();
    if (document.hidden || paused || isRead()) return;
    for (const part of parts) if (ticks % Number(part.dataset.livePart) === 0) htmx.trigger(part, "renew");
    ticks += 1;
  };

  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = button.getAttribute(paused ? "data-says-resume" : "data-says-pause");
    tick();
  });
  page.addEventListener("htmx:beforeSwap", (event) => {
    const answer = event.detail.xhr;
    // Whoever was signed out is led to the sign-in, which is no part of this page.
    if (answer.responseURL && new URL(answer.responseURL).pathname !== event.target.getAttribute("hx-get")) {
      event.detail.shouldSwap = false;
      location.reload();
    }
    // It was asked for before the reader opened the figures.
    if (event.target.querySelector("details[open]")) event.detail.shouldSwap = false;
  });
  page.addEventListener("htmx:afterRequest", (event) => { lost = !event.detail.successful; say(); });
  document.addEventListener("visibilitychange", tick);
  setInterval(tick, TICK);
  ticks = 1;
  say();
})();
