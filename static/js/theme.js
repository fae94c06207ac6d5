/* Sets the reader's chosen theme before the first paint; loaded in the head without defer. */
(() => {
  "use strict";
  const root = document.documentElement;
  const KEY = "meterbook-theme";
  const stored = () => { try { return localStorage.getItem(KEY); } catch { return null; } };
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  const chosen = stored();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;

  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.hidden = false;
      button.addEventListener("click", () => {
        root.dataset.theme = isDark() ? "light" : "dark";
        try { localStorage.setItem(KEY, root.dataset.theme); } catch { /* private windows forget */ }
        root.dispatchEvent(new CustomEvent("themechange"));
      });
    }
  });
})();
