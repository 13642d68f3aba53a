// The picker of files: a dialog with search and upload, for every field and editor that takes one. Its looks are media.css.
import { announce, debounce, element, icon, toast } from "./core.js";
import { readFiles, takeDropped, thumbnail, uploader } from "./media.js";

const MAX_BYTES = 25 * 1024 * 1024;
const TOO_LARGE = "The file is larger than 25 MB, the most that is accepted. Make it smaller.";

/**
 * Have somebody choose files.
 * @param {{multiple?: boolean, pictures?: boolean, title?: string}} options `pictures`: offer pictures only
 * @returns {Promise<object[]>} those chosen, as `{id, url, path, alt, width, height, name, thumbnail, …}`; none where it was closed
 */
export function openMediaPicker({ multiple = false, pictures = true, title = multiple ? "Choose pictures" : "Choose a picture" } = {}) {
  return new Promise((resolve) => new Picker(multiple, pictures, title, resolve).open());
}

class Picker {
  constructor(multiple, pictures, title, resolve) {
    Object.assign(this, { multiple, pictures, resolve, chosen: new Map(), items: [], next: null });
    this.search = element("input", { type: "search", "aria-label": "Search files", placeholder: "Search by name or text", maxlength: 200, autocomplete: "off" });
    this.grid = element("ul", { class: "media-grid small", role: "listbox", "aria-label": "Files", "aria-multiselectable": String(multiple), tabindex: "-1" });
    this.more = element("button", { type: "button", class: "button", hidden: true, onclick: () => this.load(true) }, "Show more");
    this.none = element("p", { class: "faint", hidden: true });
    this.lines = element("ul", { class: "uploads", "aria-label": "Uploads" });
    this.file = element("input", { type: "file", multiple: true, hidden: true, accept: pictures ? "image/*" : false, onchange: () => { this.upload([...this.file.files]); this.file.value = ""; } });
    this.use = element("button", { type: "button", class: "button primary", disabled: true, onclick: () => this.close(true) }, multiple ? "Use these" : "Use this");
    this.dialog = element("dialog", { class: "dialog wide media-picker", "aria-label": title },
      element("div", { class: "dialog-head" }, element("h2", {}, title), element("button", { type: "button", class: "button quiet icon-only small", "aria-label": "Close", onclick: () => this.close(false) }, icon("x"))),
      element("div", { class: "dialog-body" },
        element("div", { class: "picker-tools" }, this.search, element("button", { type: "button", class: "button", onclick: () => this.file.click() }, icon("upload", "small"), "Upload"), this.file),
        this.lines, this.grid, this.none, element("div", { class: "row picker-more" }, this.more)),
      element("div", { class: "dialog-foot" }, element("button", { type: "button", class: "button", onclick: () => this.close(false) }, "Cancel"), this.use));
    this.upload = uploader(this.lines, { maxBytes: MAX_BYTES, tooLarge: TOO_LARGE, done: (medium) => this.arrived(medium), settled: () => {} });
    this.search.addEventListener("input", debounce(() => this.load(false), 200));
    this.search.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); if (event.key === "ArrowDown") { event.preventDefault(); this.focus(0); } });
    this.grid.addEventListener("keydown", (event) => this.move(event));
    this.dialog.addEventListener("close", () => { this.dialog.remove(); this.before?.focus?.(); this.resolve(this.result ?? []); });
    this.dialog.addEventListener("click", (event) => { if (event.target === this.dialog) this.close(false); });
    takeDropped(this.upload, this.dialog);
    for (const kind of ["dragenter", "dragleave", "dragover", "drop", "paste"]) this.dialog.addEventListener(kind, (event) => event.stopPropagation());
  }

  open() {
    this.before = document.activeElement;
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.search.focus();
    this.load(false);
  }

  close(isChosen) {
    this.result = isChosen ? [...this.chosen.values()] : [];
    this.dialog.close();
  }

  async load(isMore) {
    this.asking?.abort();
    this.asking = new AbortController();
    const query = { q: this.search.value.trim(), cursor: isMore ? this.next : "", "mime_type__startswith": this.pictures ? "image/" : "", total: "none" };
    try {
      const page = await readFiles(query, this.asking.signal);
      this.items = isMore ? [...this.items, ...page.items] : page.items;
      this.next = page.next;
      this.draw();
    } catch (problem) {
      if (problem.name !== "AbortError") { this.none.hidden = false; this.none.textContent = problem.detail; }
    }
  }

  draw() {
    const from = this.grid.children.length && this.drawn?.[0] === this.items[0] ? this.grid.children.length : 0;
    if (!from) this.grid.replaceChildren();
    this.grid.append(...this.items.slice(from).map((medium) => this.option(medium)));
    this.drawn = this.items;
    this.more.hidden = !this.next;
    this.none.hidden = this.items.length > 0;
    this.none.textContent = this.search.value.trim() ? "Nothing is found. Try another word, or upload a file." : "There are no pictures yet. Upload one, or drop it here.";
    if (!this.grid.querySelector('[tabindex="0"]')) this.grid.firstElementChild?.setAttribute("tabindex", "0");
  }

  option(medium) {
    const name = medium.alt ? `${medium.alt} (${medium.name})` : medium.name;
    const option = element("li", { class: "media-option", role: "option", tabindex: "-1", "aria-selected": String(this.chosen.has(medium.id)), "aria-label": name, title: medium.path, "data-id": medium.id },
      element("span", { class: "media-frame" }, thumbnail(medium)), element("span", { class: "media-name" }, medium.name));
    option.addEventListener("click", () => this.toggle(option, medium));
    option.addEventListener("dblclick", () => { this.choose(option, medium, true); this.close(true); });
    return option;
  }

  toggle(option, medium) { this.choose(option, medium, !this.multiple || !this.chosen.has(medium.id)); }

  choose(option, medium, isChosen) {
    if (!this.multiple) {
      this.chosen.clear();
      for (const other of this.grid.querySelectorAll('[aria-selected="true"]')) other.setAttribute("aria-selected", "false");
    }
    if (isChosen) this.chosen.set(medium.id, medium);
    else this.chosen.delete(medium.id);
    option.setAttribute("aria-selected", String(isChosen));
    this.use.disabled = !this.chosen.size;
    this.focus([...this.grid.children].indexOf(option));
  }

  focus(index) {
    const options = [...this.grid.children];
    const option = options[Math.max(0, Math.min(index, options.length - 1))];
    if (!option) return;
    for (const other of options) other.setAttribute("tabindex", other === option ? "0" : "-1");
    option.focus();
  }

  move(event) {
    const options = [...this.grid.children], at = options.indexOf(document.activeElement);
    if (at < 0) return;
    const columns = options.filter((option) => option.offsetTop === options[0].offsetTop).length || 1;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -at, End: options.length - 1 - at }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      if (event.key === "ArrowUp" && at < columns) this.search.focus();
      else this.focus(at + step);
    } else if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      const medium = this.items.find((item) => item.id === options[at].dataset.id);
      if (event.key === " " || this.multiple) this.toggle(options[at], medium);
      if (event.key === "Enter") { this.choose(options[at], medium, true); this.close(true); }
    }
  }

  arrived(medium) {
    if (this.pictures && !medium.is_picture) { toast("That is no picture; it is in the media library now.", { kind: "bad" }); return; }
    this.items = [medium, ...this.items.filter((item) => item.id !== medium.id)];
    this.grid.querySelector(`[data-id="${medium.id}"]`)?.remove();
    const option = this.option(medium);
    this.grid.prepend(option);
    this.drawn = this.items;
    this.none.hidden = true;
    this.choose(option, medium, true);
    announce(`${medium.name} is uploaded and chosen.`);
  }
}
