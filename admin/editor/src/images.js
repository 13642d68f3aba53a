// Pictures and other files: described, uploaded, placed where they were dropped.
import { StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, WidgetType } from "@codemirror/view";
import { announce, element, icon, send, toast } from "./core.js";
import { ask } from "./dialogs.js";
import { asAddress, asLabel, insertBlock } from "./formatting.js";

const UPLOAD = "/admin/media/upload";
const begin = StateEffect.define({ map: (upload, changes) => ({ ...upload, at: changes.mapPos(upload.at, 1) }) });
const end = StateEffect.define();
let count = 0;

class Waiting extends WidgetType {
  constructor(name) { super(); this.name = name; }
  eq(other) { return other.name === this.name; }
  toDOM() { return element("span", { class: "md-uploading" }, icon("loader-2", "small"), `Uploading ${this.name} …`); }
}

/** Where files go that are on their way; none of it is in the text. */
export const uploads = StateField.define({
  create: () => Decoration.none,
  update(marks, transaction) {
    let mapped = marks.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (effect.is(begin)) mapped = mapped.update({ add: [Decoration.widget({ widget: new Waiting(effect.value.name), side: 1, id: effect.value.id }).range(effect.value.at)] });
      if (effect.is(end)) mapped = mapped.update({ filter: (_from, _to, { spec }) => spec.id !== effect.value });
    }
    return mapped;
  },
  provide: (field) => EditorView.decorations.from(field),
});

function placeOf(view, id) {
  for (const cursor = view.state.field(uploads).iter(); cursor.value; cursor.next()) if (cursor.value.spec.id === id) return cursor.from;
  return view.state.selection.main.head;
}

const isPicture = (file) => file.type.startsWith("image/");

/**
 * Ask what pictures show, then upload and place them and all other files.
 * @param {EditorView} view
 * @param {File[]} files
 * @param {number} at
 */
export async function takeFiles(view, files, at) {
  const place = count += 1;
  view.dispatch({ effects: begin.of({ id: place, name: files.map((file) => file.name).join(", "), at }) }); // moves with the text meanwhile
  const texts = await askForTexts(files.map((file) => ({ name: file.name, source: isPicture(file) ? URL.createObjectURL(file) : null })));
  const found = placeOf(view, place);
  view.dispatch({ effects: end.of(place) });
  view.focus();
  if (texts === null) return;
  await Promise.all(files.map((file, index) => upload(view, file, texts[index], found)));
}

async function upload(view, file, text, at) {
  const id = count += 1;
  view.dispatch({ effects: begin.of({ id, name: file.name, at }) });
  const form = new FormData();
  form.append("file", file);
  form.append("alt", isPicture(file) ? text : "");
  try {
    const medium = await send(UPLOAD, { form });
    place(view, id, medium, isPicture(file), text || medium.alt);
    announce(`${file.name} is uploaded.`);
  } catch (problem) {
    const again = placeOf(view, id);
    view.dispatch({ effects: end.of(id) });
    const box = toast(`${file.name} was not uploaded. ${problem.detail ?? ""}`, { kind: "bad" });
    const retry = element("button", { type: "button", class: "link" }, "Try again");
    retry.addEventListener("click", () => { box.remove(); upload(view, file, text, Math.min(again, view.state.doc.length)); });
    box.querySelector(".toast-close").before(retry);
  }
}

function place(view, id, medium, isImage, text) {
  const at = placeOf(view, id);
  view.dispatch({ effects: end.of(id) });
  const head = view.state.selection.main.head;
  const length = view.state.doc.length;
  const isHere = Math.abs(head - at) <= 1;
  insertBlock(view, markdownOf(medium, isImage, text), { at });
  if (!isHere && view.state.doc.length > length) view.dispatch({ selection: { anchor: head <= at ? head : head + view.state.doc.length - length } });
}

const markdownOf = (medium, isImage, text) => `${isImage ? "!" : ""}[${asLabel(text || (isImage ? "" : medium.name))}](${asAddress(`media:${medium.path}`)})`;

/**
 * Ask for the alt texts of pictures and the link texts of other files.
 * @param {{name: string, source: string | null, text?: string}[]} items
 * @returns {Promise<string[] | null>}
 */
async function askForTexts(items) {
  const rows = items.map((item, at) => rowOf(item, at));
  const read = () => {
    const missing = rows.filter((row) => row.complain());
    if (missing.length) { missing[0].input.focus(); return undefined; }
    return rows.map((row) => row.value());
  };
  const title = items.length > 1 ? `Describe ${items.length} files` : items[0].source ? "Describe the picture" : "Name the file";
  const texts = await ask(title, rows.map((row) => row.box), { confirm: "Insert", read });
  items.forEach(({ source }) => { if (source?.startsWith("blob:")) URL.revokeObjectURL(source); });
  return texts;
}

function rowOf({ name, source, text = "" }, at) {
  const id = `alt-${count}-${at}`;
  const input = element("input", { type: "text", id, maxlength: 500, value: source ? text : name, "aria-describedby": `${id}-hint` });
  const label = element("label", { for: id }, source ? "Alt text" : "Link text");
  const hint = element("p", { class: "hint", id: `${id}-hint` }, source ? "What somebody should know who can't see it." : name);
  if (!source) return { box: element("div", { class: "field" }, label, input, hint), input, value: () => input.value.trim() || name, complain: () => false };
  const isPlain = element("input", { type: "checkbox", id: `${id}-plain` });
  const error = element("p", { class: "field-errors", id: `${id}-errors`, hidden: true }, "Describe the picture, or tick that it is only decoration.");
  isPlain.addEventListener("change", () => { input.disabled = isPlain.checked; error.hidden = true; input.removeAttribute("aria-invalid"); });
  const box = element("div", { class: "md-describe" }, element("img", { src: source, alt: name }),
    element("div", {}, label, input, error, hint, element("p", { class: "flag" }, isPlain, element("label", { for: `${id}-plain` }, "Only decoration"))));
  return {
    box, input,
    value: () => (isPlain.checked ? "" : input.value.trim()),
    complain() {
      const isMissing = !isPlain.checked && !input.value.trim();
      error.hidden = !isMissing;
      input.toggleAttribute("aria-invalid", false);
      if (isMissing) { input.setAttribute("aria-invalid", "true"); input.setAttribute("aria-describedby", `${id}-errors ${id}-hint`); }
      return isMissing;
    },
  };
}

/** Choose files of this device. */
export function chooseFiles(view) {
  const input = element("input", { type: "file", multiple: true, accept: "image/*" });
  input.addEventListener("change", () => { if (input.files.length) takeFiles(view, [...input.files], view.state.selection.main.head); });
  input.click();
  return true;
}

/** Choose pictures of the media library. */
export async function chooseFromLibrary(view) {
  const at = view.state.selection.main.head;
  let picker;
  try {
    picker = await import("./media-picker.js");
  } catch {
    toast("The media library could not be opened. Try again, or upload the picture here.", { kind: "bad" });
    return;
  }
  const media = (await picker.openMediaPicker({ multiple: true })) ?? [];
  for (const medium of media) {
    const isImage = Boolean(medium.width);
    const texts = isImage && !medium.alt ? await askForTexts([{ name: medium.name, source: medium.thumbnail || medium.url }]) : [medium.alt];
    if (texts) insertBlock(view, markdownOf(medium, isImage, texts[0]), { at: Math.min(Math.max(at, view.state.selection.main.head), view.state.doc.length) });
  }
  view.focus();
}
