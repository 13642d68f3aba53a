// A file described where it is used: its focal point and its texts, in a dialog, saved as in the library.
import { announce, debounce, element, icon, send, toast } from "./core.js";
import { focalPoint } from "./media-focus.js";
import { Texts } from "./media-texts.js";

/**
 * Open the dialog.
 * @param {string} id of the file
 * @returns {Promise<object>} the file as the server has it once the dialog is closed
 * @throws {Problem}
 */
export async function describeMedium(id) {
  const texts = new Texts(() => {});
  const medium = await send(`/admin/media-library/${id}`, { method: "GET" });
  texts.learn(medium);
  const savePoint = debounce((point) => texts.send(id, { focal_point: point })
    .then(() => announce("The focal point is saved."), (problem) => toast(problem.detail, { kind: "bad" })), 500);
  const close = () => dialog.close();
  const fields = medium.is_editable
    ? [...(medium.is_picture ? focalPoint(medium, savePoint) : []), texts.field(medium, "alt"), texts.field(medium, "caption")]
    : [medium.is_picture && element("img", { class: "panel-picture", src: medium.url, alt: medium.alt }), element("p", {}, medium.alt || "No alt text"), element("p", { class: "faint" }, "Who uploaded it, and editors, can change this.")];
  const dialog = element("dialog", { class: "dialog", "aria-label": `Describe ${medium.name}` },
    element("div", { class: "dialog-head" }, element("h2", {}, medium.name), element("button", { type: "button", class: "button quiet icon-only small", "aria-label": "Close", onclick: close }, icon("x", "small"))),
    element("div", { class: "dialog-body" }, ...fields.filter(Boolean)),
    element("div", { class: "dialog-foot" }, medium.is_editable && element("p", { class: "hint" }, "Saved at once, wherever the file is used."), element("button", { type: "button", class: "button primary", onclick: close }, "Done")));
  document.body.append(dialog);
  do {
    dialog.showModal();
    await new Promise((resolve) => { dialog.addEventListener("close", resolve, { once: true }); });
    await savePoint.flush();
    await texts.settled();
    await new Promise((resume) => { setTimeout(resume); }); // until the fields say what came of it
  } while (dialog.querySelector("[aria-invalid]")); // what was refused stays before one, with why
  dialog.remove();
  return texts.of(medium);
}
