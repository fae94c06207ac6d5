/*
 * Chooses many drafts at once:
 *
 *   <form data-choose><input type="checkbox" data-choose-all hidden> ... <input type="checkbox" name="invoice"> ... <button data-choose-submit>
 *
 * The button says how many are chosen, and rests while none is. Without this script each is chosen by itself.
 */
(() => {
  "use strict";
  const form = document.querySelector("[data-choose]");
  const all = form?.querySelector("[data-choose-all]");
  const button = form?.querySelector("[data-choose-submit]");
  if (!all || !button) return;
  const boxes = [...form.querySelectorAll("input[name='invoice']")];
  const words = button.textContent.trim();

  const say = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
    button.disabled = chosen === 0;
    button.textContent = chosen ? words.replace("the chosen ones", `the ${chosen} chosen`) : words;
  };

  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    say();
  });
  form.addEventListener("change", say);
  window.addEventListener("pageshow", say);
  say();
})();
