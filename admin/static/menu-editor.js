// The items of a menu as a tree that is filled in, in the place of the text that they are kept as.
import { announce, element, icon, toast } from "./core.js";
import { linkField } from "./link-field.js";
import { Tree } from "./tree.js";

const PARTS = ["label", "url"];

class MenuEditor {
  constructor(text) {
    this.text = text;
    this.sent = text.value; // stands until something is changed, so that opening a menu changes nothing
    this.first = JSON.parse(text.dataset.links);
    this.root = element("ol", { class: "tree menu-tree", "data-tree": true });
    this.none = element("p", { class: "faint menu-none" }, "This menu has no items yet.");
    const label = text.labels[0];
    label.id = `${text.id}-label`;
    const add = element("button", { type: "button", class: "button small", onclick: () => this.add(null) }, icon("plus", "small"), "Add an item");
    const help = element("p", { class: "hint", id: "tree-help" }, "Drag by the handle, to the right to go below what is above; or press Enter on a handle, then arrows, then Enter.");
    this.box = element("div", { class: "menu-editor", role: "group", "aria-labelledby": label.id }, this.none, this.root, add, help);
    this.tree = new Tree(this.root, { levels: Number(text.dataset.levels), name: (item) => input(item, "label").value.trim() || "unnamed", moved: (item) => this.moved(item) });
    text.hidden = true;
    text.after(this.box);
    document.getElementById(`${text.id}-hint`)?.toggleAttribute("hidden", true); // about what is typed
    this.root.addEventListener("input", (event) => this.typed(event.target));
    this.root.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target.matches("input") && !event.defaultPrevented) { event.preventDefault(); this.add(event.target.closest("li")); } });
    text.addEventListener("input", () => this.read());
    this.fill(this.first);
    this.items = JSON.stringify(this.said());
    this.complain(JSON.parse(text.dataset.faults));
  }

  /** Show items. */
  fill(items) {
    this.root.replaceChildren(...items.map((item) => this.made(item)));
    this.none.hidden = items.length > 0;
  }

  /** Take over a text that came back from elsewhere: what a browser kept, or what was there at first. */
  read() {
    try {
      this.fill(this.text.value === this.sent ? this.first : JSON.parse(this.text.value));
    } catch { // not a text of this editor's
      this.box.remove();
      this.text.hidden = false;
      document.getElementById(`${this.text.id}-hint`)?.toggleAttribute("hidden", false);
    }
  }

  made({ label = "", url = "", items = [] }) {
    const labelled = element("input", { type: "text", value: label, maxlength: 100, "aria-label": "Label", placeholder: "Label", "data-part": "label", autocomplete: "off" });
    const target = element("input", { type: "text", value: url ?? "", maxlength: 2000, "aria-label": "Leads to", placeholder: "Leads to: search, or an address", "data-part": "url", spellcheck: "false" });
    const find = linkField(target, ({ title }) => { if (!labelled.value.trim()) { labelled.value = title; this.typed(labelled); } });
    const act = (name, symbol, run) => element("button", { type: "button", class: "button quiet icon-only small", "data-act": name, onclick: ({ currentTarget }) => run(currentTarget.closest("li")) }, icon(symbol, "small"));
    const acts = element("span", { class: "menu-acts" },
      act("Move out", "indent-decrease", (item) => this.step(item, "left")), act("Move in", "indent-increase", (item) => this.step(item, "right")),
      act("Add after", "plus", (item) => this.add(item)), act("Remove", "trash", (item) => this.remove(item)));
    const item = element("li", {}, element("div", { class: "tree-row", "data-row": true }, element("div", { class: "menu-part" }, labelled), element("div", { class: "menu-part" }, find), acts));
    if (items.length) item.append(element("ol", {}, items.map((below) => this.made(below))));
    this.tree.equip(item);
    this.rename(item);
    return item;
  }

  /** What the tree says, as it is kept. */
  said(list = this.root) {
    return [...(list?.children ?? [])].map((item) => ({ label: input(item, "label").value.trim(), url: input(item, "url").value.trim() || null, items: this.said(item.querySelector(":scope > ol")) }));
  }

  changed() {
    const items = JSON.stringify(this.said());
    this.text.value = items === this.items ? this.sent : items;
    this.none.hidden = this.root.children.length > 0;
    this.text.dispatchEvent(new Event("change", { bubbles: true })); // or nothing would keep it
  }

  typed(part) {
    const item = part.closest("li");
    fault(part, "");
    if (part.dataset.part === "label") this.rename(item);
    this.changed();
  }

  rename(item) {
    this.tree.rename(item);
    item.querySelectorAll(":scope > [data-row] [data-act]").forEach((button) => {
      button.setAttribute("aria-label", `${button.dataset.act} “${this.tree.name(item)}”`);
      button.title = button.dataset.act;
    });
  }

  moved(item) {
    this.changed();
    announce(`“${this.tree.name(item)}” is ${this.tree.where(item)}.`);
  }

  step(item, way) {
    const place = this.tree.step(item, way);
    if (!place) { announce(`“${this.tree.name(item)}” can't go further ${way === "left" ? "out" : "in"}.`); return; }
    this.tree.put(item, place);
    item.querySelector(`[data-act="${way === "left" ? "Move out" : "Move in"}"]`).focus();
    this.moved(item);
  }

  add(after) {
    const item = this.made({});
    if (after) after.after(item);
    else this.root.append(item);
    this.changed();
    input(item, "label").focus();
  }

  remove(item) {
    const name = this.tree.name(item), back = this.tree.way(item), next = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    this.changed();
    (next?.querySelector('[data-act="Remove"]') ?? this.box.querySelector(":scope > .button")).focus();
    toast(`“${name}” is removed.`, { undo: () => { back(); this.changed(); input(item, "label").focus(); } });
  }

  /** Put what is wrong beside the part at fault. */
  complain(faults) {
    for (const { path, detail } of faults) {
      let list = this.root, item = null;
      for (const step of path) if (/^\d+$/.test(step) && list) { item = list.children[step] ?? null; list = item?.querySelector(":scope > ol"); }
      if (item) fault(input(item, PARTS.includes(path.at(-1)) ? path.at(-1) : "label"), detail);
    }
  }
}

const input = (item, part) => item.querySelector(`:scope > [data-row] [data-part="${part}"]`);

function fault(part, detail) {
  const place = part.closest(".menu-part");
  place.querySelector(".field-errors")?.remove();
  part.removeAttribute("aria-invalid");
  if (!detail) return;
  part.setAttribute("aria-invalid", "true");
  place.append(element("p", { class: "field-errors" }, detail));
}

document.querySelectorAll("textarea[data-links]").forEach((text) => { if (text.dataset.links !== "null") new MenuEditor(text); });
