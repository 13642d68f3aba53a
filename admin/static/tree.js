// Trees whose items are moved: dragged by their handles with any pointer, or by keyboard, told as they move.
import { announce, element, icon } from "./core.js";

const STEP = 28, SLACK = 5, EDGE = 80; // pixels: of a level, before a press is a drag, from where the page scrolls along
const ARROWS = { ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right" };

/** A nested list: `li` below `ol`, each with a `[data-row]`, which is given what moves it and what folds it. */
export class Tree {
  /**
   * @param {HTMLElement} root the outermost `ol`; what stands still is marked `data-fixed`
   * @param {{levels: number, name: (item: Element) => string, moved: (item: Element, back: () => void) => void}} options
   *   `levels`: how deep it may become; `moved` is told of each move, and `back` puts the item where it was
   */
  constructor(root, { levels, name, moved }) {
    Object.assign(this, { root, levels, name: (item) => short(name(item)), moved, held: null });
    root.addEventListener("pointerdown", (event) => { if (event.button === 0 && handleOf(event)) this.press(event); });
    root.addEventListener("click", (event) => this.click(event));
    root.addEventListener("keydown", (event) => this.key(event));
    root.addEventListener("focusout", () => { if (this.held && !this.held.isMoving) this.cancel(); });
    root.querySelectorAll("li").forEach((item) => this.equip(item));
  }

  /** Give an item's row a handle, and a button that folds what is below it. */
  equip(item) {
    item.querySelector("[data-row]").prepend(
      "fixed" in item.dataset ? "" : element("button", { type: "button", class: "tree-handle", "data-handle": true, "aria-describedby": "tree-help" }, icon("grip-vertical", "small")),
      element("button", { type: "button", class: "tree-toggle", "data-toggle": true, "aria-expanded": "true" }, icon("chevron-down", "small")),
    );
    this.rename(item);
  }

  /** Have these say what an item is called now. */
  rename(item) {
    const row = item.querySelector("[data-row]"), name = this.name(item);
    row.querySelector("[data-handle]")?.setAttribute("aria-label", `Move “${name}”`);
    row.querySelector("[data-toggle]").setAttribute("aria-label", `What is below “${name}”`);
  }

  /** The items, in the order in which they are seen. */
  get items() { return [...this.root.querySelectorAll("li")].filter((item) => !item.parentElement.closest("li.is-closed")); }

  parent(item) { return item.parentElement === this.root ? null : item.parentElement.closest("li"); }

  depth(item) { return item === null ? -1 : this.depth(this.parent(item)) + 1; }

  height(item) { return 1 + Math.max(0, ...children(item).map((below) => this.height(below))); }

  /** Where an item stands: below which other, if any, and right after which, if any. */
  place(item) { return { parent: this.parent(item), after: item.previousElementSibling }; }

  /** Put an item somewhere, with all below it. */
  put(item, { parent, after }) {
    if (after) after.after(item);
    else this.list(parent).prepend(item);
    if (parent) this.open(parent, true);
  }

  list(parent) {
    if (!parent) return this.root;
    const found = parent.querySelector(":scope > ol");
    return found ?? parent.appendChild(element("ol"));
  }

  open(item, isOpen) {
    item.classList.toggle("is-closed", !isOpen);
    item.querySelector("[data-toggle]")?.setAttribute("aria-expanded", String(isOpen));
  }

  /** Where an item is, for who can't see it. */
  where(item) {
    const parent = this.parent(item), all = [...item.parentElement.children];
    return `${all.indexOf(item) + 1} of ${all.length}${parent ? `, below “${this.name(parent)}”` : ", at the top"}`;
  }

  /** What moves an item by a step; none where there is no way. */
  step(item, way) {
    const parent = this.parent(item), before = item.previousElementSibling;
    if (way === "left") return parent && { parent: this.parent(parent), after: parent };
    if (way === "right") return before && this.depth(before) + 1 + this.height(item) <= this.levels ? { parent: before, after: children(before).at(-1) ?? null } : null;
    const others = this.others(item), depth = this.depth(item), by = way === "up" ? -1 : 1;
    const at = others.filter((other) => isBefore(other, item)).length;
    const gaps = [];
    for (let gap = at + by; gap >= 0 && gap <= others.length; gap += by) gaps.push(gap);
    const fits = (gap) => { const span = this.span(item, others, gap); return span && span.least <= depth && depth <= span.most; };
    const gap = gaps.find(fits) ?? gaps.find((near) => this.span(item, others, near));
    return gap === undefined ? null : this.spot(item, others, gap, depth);
  }

  /** All that stays where it is while an item moves. */
  others(item) { return this.items.filter((other) => !item.contains(other)); }

  /** How deep an item may stand between two of the others; null where it does not fit at all. */
  span(item, others, gap) {
    const before = others[gap - 1] ?? null, next = others[gap];
    const most = Math.min(this.depth(before) + 1, this.levels - this.height(item));
    const least = next ? this.depth(next) : 0;
    return least <= most ? { least, most } : null;
  }

  /** A place between two of the others, as deep as is wanted, if that can be. */
  spot(item, others, gap, wanted) {
    const span = this.span(item, others, gap);
    if (!span) return null;
    const depth = Math.min(span.most, Math.max(span.least, wanted));
    let after = others[gap - 1] ?? null;
    if (after === null || depth > this.depth(after)) return { parent: after, after: null, depth };
    while (this.depth(after) > depth) after = this.parent(after);
    return { parent: this.parent(after), after, depth };
  }

  // By keyboard: Enter takes an item up, arrows move it, Enter puts it down, Escape puts it back. Alt with an arrow is all of it in one.

  click(event) {
    const toggle = event.target.closest("[data-toggle]");
    if (toggle) { const item = toggle.closest("li"); this.open(item, item.classList.contains("is-closed")); }
    const handle = handleOf(event);
    if (!handle || event.detail !== 0) return; // of a pointer, which drags instead
    if (this.held) this.drop();
    else this.take(handle.closest("li"));
  }

  key(event) {
    const handle = handleOf(event), way = ARROWS[event.key];
    if (!handle) return;
    if (event.key === "Escape" && this.held) { event.preventDefault(); event.stopPropagation(); this.cancel(); return; }
    if (!way || !(this.held || event.altKey)) return;
    event.preventDefault();
    const item = handle.closest("li"), place = this.step(item, way);
    if (!place) { announce(`“${this.name(item)}” can't go further ${way === "left" ? "out" : way === "right" ? "in" : way}.`); return; }
    const isHeld = Boolean(this.held), back = this.way(item);
    this.shift(item, place, handle);
    if (isHeld) announce(this.where(item));
    else this.moved(item, back);
  }

  take(item) {
    this.held = { item, back: this.way(item), from: this.place(item), isMoving: false };
    item.classList.add("is-held");
    announce(`“${this.name(item)}” is taken up, ${this.where(item)}. Arrows move it, Enter puts it down, Escape puts it back.`);
  }

  drop() {
    const { item, back, from } = this.letGo();
    if (isSame(from, this.place(item))) announce(`“${this.name(item)}” stays where it was.`);
    else this.moved(item, back);
  }

  cancel() {
    const { item, back } = this.letGo();
    back();
    item.querySelector("[data-handle]").focus();
    announce(`“${this.name(item)}” is back where it was, ${this.where(item)}.`);
  }

  letGo() {
    const held = this.held;
    this.held = null;
    held.item.classList.remove("is-held");
    return held;
  }

  shift(item, place, handle) {
    if (this.held) this.held.isMoving = true; // an element that is moved loses the focus
    this.put(item, place);
    handle.focus();
    item.querySelector("[data-row]").scrollIntoView({ block: "nearest" });
    if (this.held) this.held.isMoving = false;
  }

  /** What puts an item back where it stands now. */
  way(item) {
    const { parentElement: list, nextElementSibling: next } = item;
    return () => { list.insertBefore(item, next?.parentElement === list ? next : null); };
  }

  // By pointer: up and down chooses the place, left and right the level.

  press(down) {
    const handle = handleOf(down), item = handle.closest("li");
    let drag = null;
    const leave = new AbortController(), listen = (kind, run) => handle.addEventListener(kind, run, { signal: leave.signal });
    const end = () => { leave.abort(); drag?.end(); };
    handle.setPointerCapture(down.pointerId);
    listen("pointermove", (event) => {
      if (!drag && Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > SLACK) drag = new Drag(this, item, down);
      drag?.follow(event);
    });
    listen("pointerup", () => { end(); if (drag?.spot) this.let(item, drag.spot); });
    listen("lostpointercapture", end);
    addEventListener("keydown", (event) => { if (event.key === "Escape" && drag) { event.stopPropagation(); end(); } }, { capture: true, signal: leave.signal });
  }

  let(item, spot) {
    const back = this.way(item), from = this.place(item);
    if (isSame(from, spot)) return;
    this.put(item, spot);
    this.moved(item, back);
  }
}

/** One item on its way with a pointer: a line shows where it would go, a label goes with the pointer. */
class Drag {
  constructor(tree, item, { clientX, clientY }) {
    Object.assign(this, { tree, item, startX: clientX, x: clientX, y: clientY, spot: null, depth: tree.depth(item), others: tree.others(item) });
    this.line = element("div", { class: "tree-line", "aria-hidden": "true" });
    this.label = element("div", { class: "tree-label", "aria-hidden": "true" }, tree.name(item));
    document.body.append(this.line, this.label);
    item.classList.add("is-dragged");
    this.frame = requestAnimationFrame(() => this.tick());
  }

  follow({ clientX, clientY }) { Object.assign(this, { x: clientX, y: clientY }); this.draw(); }

  tick() {
    const beyond = Math.min(0, this.y - EDGE) + Math.max(0, this.y - innerHeight + EDGE);
    if (beyond) { scrollBy(0, Math.max(-EDGE, Math.min(EDGE, beyond)) / 2); this.draw(); } // the nearer to the edge, the faster
    this.frame = requestAnimationFrame(() => this.tick());
  }

  draw() {
    const rows = this.others.map((other) => other.querySelector("[data-row]").getBoundingClientRect());
    const gap = rows.filter((row) => row.top + row.height / 2 < this.y).length;
    this.spot = this.tree.spot(this.item, this.others, gap, this.depth + Math.round((this.x - this.startX) / STEP)) ?? this.spot;
    move(this.label, this.x + 14, this.y + 10);
    if (!this.spot) return;
    const edge = this.tree.root.getBoundingClientRect(), left = edge.left + this.spot.depth * STEP;
    const above = rows[gap - 1], below = rows[gap];
    move(this.line, left, above ? above.bottom - 1 : (below?.top ?? edge.top) - 1);
    this.line.style.width = `${edge.right - left}px`;
  }

  end() {
    cancelAnimationFrame(this.frame);
    this.item.classList.remove("is-dragged");
    this.line.remove();
    this.label.remove();
  }
}

const short = (name) => (name.length > 80 ? `${name.slice(0, 79)}…` : name);
const handleOf = (event) => event.target.closest("[data-handle]");
const children = (item) => [...(item.querySelector(":scope > ol")?.children ?? [])];
const isBefore = (one, other) => Boolean(one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);
const isSame = (one, other) => one.parent === other.parent && one.after === other.after;
const move = (box, x, y) => { box.style.translate = `${Math.round(x)}px ${Math.round(y)}px`; };
