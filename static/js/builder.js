/*
 * The form of a charge is given anew by the server when what is chosen asks for other fields. What somebody typed or chose
 * between the question and the answer is put into the new form, so that nothing is lost on a slow line.
 */
(() => {
  "use strict";
  const FORM = "charge-form";
  const OF_A_ROW = /^(p\d+|overage)-/;
  let sent = new Map();
  let typed = new Map();

  const standing = (form) => {
    const found = new Map();
    for (const field of form.elements) {
      if (!field.name || field.type === "hidden" || field.tagName === "BUTTON") continue;
      const isBox = field.type === "checkbox";
      found.set(isBox ? `${field.name}=${field.value}` : field.name, isBox ? field.checked : field.value);
    }
    return found;
  };
  const put = (form) => {
    let asks = null;
    for (const field of form.elements) {
      const isBox = field.type === "checkbox";
      const name = isBox ? `${field.name}=${field.value}` : field.name;
      if (!typed.has(name)) continue;
      if (isBox) field.checked = typed.get(name); else field.value = typed.get(name);
      if (field.closest(".asks")) asks = field;
    }
    typed = new Map();
    if (asks) asks.dispatchEvent(new Event("change", { bubbles: true }));
  };

  document.addEventListener("htmx:beforeRequest", (event) => {
    const form = event.detail.target;
    if (form?.id === FORM) sent = standing(form);
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const form = event.detail.target;
    if (form?.id !== FORM) return;
    const rowsStay = event.detail.requestConfig.parameters.do === "show";
    typed = new Map(
      [...standing(form)].filter(([name, value]) => sent.has(name) && sent.get(name) !== value && (rowsStay || !OF_A_ROW.test(name))),
    );
  });
  document.addEventListener("htmx:afterSettle", () => {
    const form = document.getElementById(FORM);
    if (form && typed.size) put(form);
  });
})();
