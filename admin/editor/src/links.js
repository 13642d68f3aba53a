// Links: to what the site has, found by searching, or to any address.
import { debounce, element, send } from "./core.js";
import { ask } from "./dialogs.js";
import { asAddress, asLabel, insertBlock } from "./formatting.js";

const ADDRESS = /^(https?:\/\/|mailto:|tel:|\/|#)\S+$/i;
const DOMAIN = /^(www\.)?[\w-]+(\.[\w-]+)*\.[a-z]{2,}(\/\S*)?$/i;

const addressIn = (text) => (ADDRESS.test(text) ? text : DOMAIN.test(text) ? `https://${text}` : null);

/** Put a link around what is selected, or a new one at the cursor. */
export async function insertLink(view) {
  const { from, to } = view.state.selection.main;
  const selected = view.state.sliceDoc(from, to);
  const chosen = await choose("Link", selected && addressIn(selected.trim()) ? selected.trim() : "");
  view.focus();
  if (!chosen) return;
  const now = view.state.selection.main; // others may have changed the text meanwhile
  const text = view.state.sliceDoc(now.from, now.to);
  const label = text.trim() ? text : asLabel(chosen.title || chosen.url);
  const link = `[${label}](${asAddress(chosen.url)})`;
  view.dispatch({ changes: { from: now.from, to: now.to, insert: link }, selection: { anchor: now.from + link.length }, scrollIntoView: true, userEvent: "input.link" });
}

/** An address on a line of its own, which front ends may show as what it leads to. */
export async function insertEmbed(view) {
  const chosen = await choose("Embed link", "");
  view.focus();
  if (chosen) insertBlock(view, chosen.url.startsWith("/") ? `<${new URL(chosen.url, location.origin)}>`.slice(1, -1) : chosen.url);
}

async function choose(title, term) {
  const input = element("input", {
    type: "text", role: "combobox", id: "link-term", value: term, "aria-expanded": "true", "aria-controls": "link-found", "aria-autocomplete": "list",
    "aria-describedby": "link-hint", maxlength: 2000, autocomplete: "off", spellcheck: "false", placeholder: "Search content, or paste an address",
  });
  const list = element("div", { class: "md-found", id: "link-found", role: "listbox", "aria-label": "Found" });
  const hint = element("p", { class: "hint", id: "link-hint", "aria-live": "polite" });
  const picker = new Results(input, list, hint);
  const label = element("label", { for: "link-term", class: "hidden-text" }, "Search content, or paste an address");
  return ask(title, [label, input, list, hint], { confirm: "Insert link", first: input, read: () => picker.answer() });
}

class Results {
  constructor(input, list, hint) {
    Object.assign(this, { input, list, hint, found: [], sought: "", chosen: 0, hasMoved: false, asked: null });
    this.ask = debounce(() => this.search(), 150);
    input.addEventListener("input", () => { this.draw(); this.ask(); });
    input.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) { event.preventDefault(); this.move(this.chosen + step); this.hasMoved = true; }
    });
    list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (!option) return;
      this.move([...list.children].indexOf(option));
      this.hasMoved = true;
      input.form.requestSubmit();
    });
    this.draw();
  }

  get options() {
    const url = addressIn(this.input.value.trim());
    return url ? [{ title: "", url, label: "Address", isOpen: true }, ...this.found] : this.found;
  }

  async answer() {
    if (!this.hasMoved && this.sought !== this.input.value.trim()) await this.ask.flush(); // what is offered was found for something else
    const option = this.options[this.chosen];
    if (option?.isOpen) return { title: option.title, url: option.url };
    this.hint.textContent = option ? "This is not public yet, so it has no address to link to." : "Nothing is chosen. Search for a title, or paste an address such as https://example.com.";
    return undefined;
  }

  async search() {
    this.asked?.abort();
    const term = this.input.value.trim();
    const mine = this.asked = new AbortController();
    try {
      const { results } = term && !addressIn(term) ? await send(`/admin/search?q=${encodeURIComponent(term.slice(0, 200))}`, { method: "GET", signal: mine.signal }) : { results: [] };
      this.found = results.filter((result) => result.public_url || result.status).map((result) => ({ ...result, url: result.public_url, isOpen: Boolean(result.public_url) }));
      this.hint.textContent = term && !this.options.length ? `Nothing matches “${term}”.` : "";
    } catch (problem) {
      if (problem.name === "AbortError") return;
      this.found = [];
      this.hint.textContent = problem.detail;
    }
    this.sought = term;
    this.draw();
  }

  draw() {
    this.hasMoved = false;
    this.list.replaceChildren(...this.options.map((option, at) => element("div", { role: "option", id: `link-${at}`, class: "palette-item", "aria-selected": "false", "aria-disabled": option.isOpen ? null : "true" },
      element("span", { class: "palette-title" }, option.title || option.url), element("span", { class: "faint" }, option.label),
      option.status ? element("span", { class: `badge badge-${option.status}` }, option.status.replace("_", " ")) : null)));
    this.move(0);
  }

  move(to) {
    const items = [...this.list.children];
    if (!items.length) { this.input.removeAttribute("aria-activedescendant"); this.chosen = 0; return; }
    this.chosen = (to + items.length) % items.length;
    items.forEach((item, at) => item.setAttribute("aria-selected", String(at === this.chosen)));
    this.input.setAttribute("aria-activedescendant", items[this.chosen].id);
    items[this.chosen].scrollIntoView({ block: "nearest" });
  }
}
