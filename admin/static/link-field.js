// Where a link leads: an address, typed, or content of the site, found by searching.
import { debounce, element, icon, send } from "./core.js";

const ADDRESS = /^(https?:|mailto:|\/)/i;
const DOMAIN = /^(www\.)?[\w-]+(\.[\w-]+)*\.[a-z]{2,}(\/\S*)?$/i;
let made = 0;

/**
 * Have an input for an address find content as well.
 * @param {HTMLInputElement} input
 * @param {(found: {title: string, url: string}) => void} chosen told what was found, once its address stands in the input
 * @returns {HTMLElement} what takes the place of the input
 */
export function linkField(input, chosen) {
  const id = `link-${made += 1}`;
  const list = element("ul", { class: "picker-list", id: `${id}-list`, role: "listbox", "aria-label": "Found", hidden: true });
  let options = [], sought = "", at = -1, hasMoved = false, asked = null;
  for (const [name, value] of Object.entries({ role: "combobox", autocomplete: "off", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id })) input.setAttribute(name, value);

  const close = () => {
    search.cancel();
    asked?.abort();
    sought = input.value.trim(); // nothing is looked for any more
    list.hidden = true;
    mark(-1);
    input.setAttribute("aria-expanded", "false");
  };
  const mark = (index) => {
    at = index;
    [...list.querySelectorAll("[role=option]")].forEach((item, place) => item.setAttribute("aria-selected", String(place === at)));
    if (at < 0) { input.removeAttribute("aria-activedescendant"); return; }
    input.setAttribute("aria-activedescendant", list.children[at].id);
    list.children[at].scrollIntoView({ block: "nearest" });
  };
  const take = (option) => {
    if (!option.url) return;
    input.value = option.url;
    close();
    input.dispatchEvent(new Event("input", { bubbles: true }));
    chosen(option);
  };
  const draw = (said) => {
    list.replaceChildren(...options.map((option, place) => {
      const item = element("li", { role: "option", id: `${id}-${place}`, "aria-selected": "false", "aria-disabled": option.url ? null : "true", class: option.url ? null : "faint" },
        icon(option.icon, "small"), element("span", {}, option.title), element("span", { class: "faint" }, option.url ? option.label : `${option.label}, not public yet`));
      item.addEventListener("mousedown", (event) => { event.preventDefault(); take(option); });
      return item;
    }));
    if (!options.length) list.append(element("li", { class: "faint" }, said));
    list.hidden = hasMoved = false;
    input.setAttribute("aria-expanded", "true");
    mark(options.length ? 0 : -1);
  };
  const search = debounce(async () => {
    const term = input.value.trim();
    asked?.abort();
    const mine = asked = new AbortController();
    try {
      const { results } = await send(`/admin/search?q=${encodeURIComponent(term.slice(0, 200))}`, { method: "GET", signal: mine.signal });
      const content = results.filter((found) => found.public_url || found.status).map((found) => ({ ...found, url: found.public_url }));
      sought = term;
      options = DOMAIN.test(term) ? [{ title: `https://${term}`, url: `https://${term}`, label: "Address", icon: "link" }, ...content] : content;
      if (document.activeElement === input) draw(`Nothing is called “${term}”. An address begins with https:// or /.`);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      options = [];
      sought = term;
      draw(problem.detail);
    }
  }, 160);

  const isAddress = (text) => ADDRESS.test(text.trim());
  const takeMarked = async () => {
    const typed = input.value.trim();
    if (sought !== typed && !hasMoved) await search.flush(); // what is offered was found for something else
    if ((hasMoved || (sought === typed && input.value.trim() === typed)) && at >= 0) take(options[at]);
  };

  input.addEventListener("input", (event) => {
    if (!event.isTrusted) return;
    hasMoved = false;
    if (input.value.trim() && !isAddress(input.value)) search();
    else close();
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const isWanted = !list.hidden || (input.value.trim() !== sought && input.value.trim() && !isAddress(input.value));
    if (!isWanted) return;
    if (way && options.length) { event.preventDefault(); hasMoved = true; mark((at + way + options.length) % options.length); }
    else if (event.key === "Enter") { event.preventDefault(); takeMarked(); }
    else if (event.key === "Escape") { event.preventDefault(); close(); }
  });
  const box = element("div", { class: "picker" }, list);
  box.prepend(input);
  return box;
}
