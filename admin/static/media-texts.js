// What is said about a file, written in place: saved when one leaves the field, with the version that was seen.
import { announce, element, send } from "./core.js";

const LABELS = { alt: ["Alt text", "What it shows, for those who don't see it"], caption: ["Caption", "Shown beneath it"], path: ["Name", "How texts refer to it"] };
let made = 0;

export class Texts {
  /** @param {(medium: object) => void} changed is told what the server has now */
  constructor(changed) {
    this.changed = changed;
    this.current = new Map();
    this.waiting = new Map();
    this.states = new Set();
    addEventListener("beforeunload", (event) => { // a text is kept nowhere until one leaves its field
      if ([...this.states].some(({ area, base }) => area.isConnected && area.value.trim() !== base)) event.preventDefault();
    });
  }

  /** The file as it was last heard of. */
  of(medium) { return this.current.get(medium.id) ?? medium; }

  /** Know a file as the server has it now; fields that nobody is writing in show it. */
  learn(medium) {
    this.current.set(medium.id, medium);
    for (const state of this.states) {
      const { area, name, base } = state;
      if (state.id !== medium.id || !area.isConnected || area.value !== base) continue;
      area.value = state.base = medium[name];
    }
  }

  /** A field in which one text of a file is written. */
  field(medium, name) {
    this.learn(medium);
    const id = `media-text-${++made}`, [label, hint] = LABELS[name];
    const area = element(name === "path" ? "input" : "textarea", { id, rows: 2, maxlength: name === "path" ? 200 : 500, placeholder: hint, "data-text": name });
    area.value = medium[name];
    const saved = element("div", { class: "saved", role: "status" });
    const state = { area, saved, name, id: medium.id, base: medium[name] };
    this.states.add(state);
    area.addEventListener("change", () => this.save(state));
    area.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); this.save(state); }
      if (event.key === "Escape" && area.value !== state.base) { event.stopPropagation(); event.preventDefault(); area.value = state.base; area.removeAttribute("aria-invalid"); saved.textContent = ""; }
    });
    return element("div", { class: "field" }, element("label", { for: id }, label), area, saved);
  }

  async save(state) {
    const { area, saved, name, id } = state, value = area.value.trim();
    if (value === state.base) return;
    saved.className = "saved";
    saved.textContent = "Saving …";
    try {
      const medium = await this.send(id, { [name]: value });
      state.base = medium[name];
      saved.textContent = "Saved";
      area.removeAttribute("aria-invalid");
    } catch (problem) {
      area.setAttribute("aria-invalid", "true");
      saved.className = "saved is-bad";
      if (problem.status === 412) await this.offer(state);
      else saved.textContent = problem.errors[0]?.detail ?? problem.detail;
    }
  }

  /** Somebody else was faster: show theirs, and let the writer choose. Nothing that was typed is lost. */
  async offer(state) {
    const { area, saved, name, id } = state;
    const theirs = await send(`/admin/media-library/${id}`, { method: "GET" }).catch(() => null);
    if (!theirs) { saved.textContent = "Somebody else has changed this file. Yours is still here, and not saved."; return; }
    const settle = () => { area.removeAttribute("aria-invalid"); saved.replaceChildren(); };
    const isSame = theirs[name] === state.base;
    state.base = theirs[name];
    this.learn(theirs);
    saved.replaceChildren(
      isSame ? "Somebody else has changed this file, but not this text. Yours is not saved yet." : `Somebody else has written “${theirs[name]}” here meanwhile. Yours is not saved yet.`,
      element("div", { class: "row" },
        element("button", { type: "button", class: "button small", onclick: () => { area.value = theirs[name]; settle(); area.focus(); this.changed(theirs); } }, isSame ? "Drop mine" : "Take theirs"),
        element("button", { type: "button", class: "button small primary", onclick: () => { settle(); area.focus(); this.save(state); } }, "Save mine")));
    announce(saved.textContent);
  }

  /** Once every change that was sent has been answered. */
  settled() { return Promise.allSettled(this.waiting.values()); }

  /** Change a file, one change after the other, so that each is made from the version before it. */
  send(id, values) {
    const before = this.waiting.get(id) ?? Promise.resolve();
    const now = before.catch(() => {}).then(async () => {
      const medium = await send(`/admin/media-library/${id}`, { body: { version: this.current.get(id).version, ...values } });
      this.learn(medium);
      this.changed(medium);
      return medium;
    });
    this.waiting.set(id, now);
    return now;
  }
}
