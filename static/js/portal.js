/* Small comforts; every page works without them. */
(() => {
  "use strict";
  // Choosing a customer goes there at once; without JavaScript there is a button.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-submit-on-change]");
    if (form) form.requestSubmit();
  });
  const prepare = () => {
    for (const spare of document.querySelectorAll("form[data-submit-on-change] [data-without-script]")) spare.hidden = true;
  };
  document.addEventListener("DOMContentLoaded", prepare);
  document.addEventListener("htmx:afterSettle", prepare);
  // A menu closes when one clicks elsewhere or presses Escape.
  const close = (except) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
  };
  document.addEventListener("click", (event) => close(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(null); });
})();
