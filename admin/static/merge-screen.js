// Two people changed the same: whoever came second chooses for each field, and for each passage of a long text.
import { announce, fill } from "./core.js";

const form = document.getElementById("edit");

for (const difference of document.querySelectorAll("[data-difference]")) {
  const passages = [...difference.querySelectorAll("[data-passage]")];
  if (passages.length) offerPassages(difference.dataset.difference, passages);
  else offerField(difference, JSON.parse(difference.dataset.typed));
}

/** The whole field is one side's or the other's. */
function offerField(difference, typed) {
  const buttons = [...difference.querySelectorAll("[data-take]")];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      take(difference.dataset.difference, typed[button.dataset.take]);
      press(buttons, button);
    });
  }
}

/** A long text is put together of what is settled and what is chosen, from top to bottom. */
function offerPassages(name, passages) {
  const boxes = passages.map((passage) => passage.querySelector("textarea"));
  const assemble = () => {
    const lines = passages.flatMap((passage, index) => {
      const text = boxes[index] ? boxes[index].value : passage.textContent;
      return boxes[index] && text === "" ? [] : text.split("\n"); // an emptied one takes its lines along
    });
    fill(form.elements[name], { value: lines.join("\n") });
  };
  passages.forEach((passage, index) => {
    const box = boxes[index];
    if (!box) return;
    const buttons = [...passage.querySelectorAll("[data-take]")], { theirs, mine } = box.dataset;
    const texts = { theirs, mine, both: [theirs, mine].filter(Boolean).join("\n\n") };
    const show = () => press(buttons, buttons.find((button) => texts[button.dataset.take] === box.value));
    for (const button of buttons) button.addEventListener("click", () => { box.value = texts[button.dataset.take]; show(); assemble(); });
    box.addEventListener("input", () => { show(); assemble(); });
  });
}

function press(buttons, pressed) {
  for (const button of buttons) button.setAttribute("aria-pressed", String(button === pressed));
  if (pressed) announce(`${pressed.parentElement.getAttribute("aria-label")}: ${pressed.textContent.trim()}`);
}

/** A field has one control, or one for each of its parts. */
function take(name, { value, choices }) {
  const control = form.elements[name];
  if (control) { fill(control, { value, choices }); return; }
  for (const part of form.elements) {
    if (part.name.startsWith(`${name}.`)) fill(part, { value: value?.[part.name.slice(name.length + 1)] });
  }
}
