// Dialogs that ask for something and give an answer.
import { element, icon } from "./core.js";

let count = 0;

/**
 * Ask in a dialog.
 * @param {string} title
 * @param {HTMLElement[]} body
 * @param {{confirm?: string, read: () => any, first?: HTMLElement}} options `read` makes the answer of what was entered, perhaps later; undefined keeps the dialog open
 * @returns {Promise<any>} the answer, or null where there is none
 */
export function ask(title, body, { confirm = "Insert", read, first }) {
  const id = `ask-${count += 1}`;
  const close = element("button", { type: "button", class: "button quiet icon-only small", "aria-label": "Close" }, icon("x"));
  const cancel = element("button", { type: "button", class: "button" }, "Cancel");
  const form = element("form", { method: "dialog", novalidate: true },
    element("div", { class: "dialog-head" }, element("h2", { id }, title), close),
    element("div", { class: "dialog-body" }, ...body),
    element("div", { class: "dialog-foot" }, cancel, element("button", { type: "submit", class: "button primary" }, confirm)));
  const dialog = element("dialog", { class: "dialog", "aria-labelledby": id }, form);
  document.body.append(dialog);
  return new Promise((resolve) => {
    let answer = null;
    for (const button of [close, cancel]) button.addEventListener("click", () => dialog.close());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const given = await read();
      if (given === undefined || !dialog.open) return;
      answer = given;
      dialog.close();
    });
    dialog.addEventListener("close", () => { dialog.remove(); resolve(answer); });
    dialog.showModal();
    (first ?? form.querySelector("input"))?.focus();
  });
}
