// The frame of every page: the menu on small screens, popups, theme, toasts, search over everything, the page of keys.
import { debounce, element, forgetSaid, icon, isMac, knownShortcuts, leaveAfter, send, shortcut } from "./core.js";

// The menu on small screens.
const side = document.querySelector(".side");
const opener = document.querySelector("[data-menu]");
const openMenu = (isOpen) => {
  side.classList.toggle("is-open", isOpen);
  opener.setAttribute("aria-expanded", String(isOpen));
  (isOpen ? side.querySelector(".nav-link") : opener).focus();
};
opener?.addEventListener("click", () => openMenu(!side.classList.contains("is-open")));
document.addEventListener("click", (event) => {
  if (side?.classList.contains("is-open") && !side.contains(event.target) && !opener.contains(event.target)) openMenu(false);
});

// A tab of a strip that is wider than its window comes into view with the focus.
document.addEventListener("focusin", ({ target }) => { if (target.matches(".tab")) target.scrollIntoView({ block: "nearest", inline: "nearest" }); });

// Popups are <details class="menu">: one open at a time, closed by Escape or a click elsewhere, walked through with arrows.
const popups = () => document.querySelectorAll("details.menu[open]");
// The path, since what was chosen inside may be gone from there by now.
document.addEventListener("click", (event) => popups().forEach((menu) => { if (!event.composedPath().includes(menu)) menu.open = false; }));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && side?.classList.contains("is-open")) openMenu(false);
  const menu = event.target instanceof Element && event.target.closest("details.menu");
  if (!menu) return;
  if (event.key === "Escape" && menu.open) {
    menu.open = false;
    menu.querySelector("summary").focus();
    event.stopPropagation();
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !(event.target.matches("summary, .menu-item"))) return;
  event.preventDefault();
  menu.open = true;
  const items = [...menu.querySelectorAll(".menu-item")].filter((item) => item.offsetParent);
  const at = items.indexOf(event.target);
  items[(at + step + items.length) % items.length]?.focus();
});

// Where a field has a button of its own, or a form one for each verdict, Enter means the one beside it, or none: never the
// form's first.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.defaultPrevented || !(event.target instanceof Element) || !event.target.matches("[data-list] input, [data-queue] input, .menu-form input")) return;
  event.preventDefault();
  event.target.closest(".relate, .menu-form")?.querySelector("button[type=submit], button.primary").click();
});

// Theme: kept in a cookie, so that the server draws the next page in it at once.
document.querySelectorAll("[data-set-theme]").forEach((button) => button.addEventListener("click", () => {
  const theme = button.dataset.setTheme;
  document.cookie = `masthead-theme=${theme}; path=/admin; max-age=31536000; samesite=strict${location.protocol === "https:" ? "; secure" : ""}`;
  if (theme === "system") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = theme;
  document.querySelectorAll("[data-set-theme]").forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
}));

// Toasts that came with the page.
document.querySelectorAll(".toast").forEach((box) => {
  box.querySelector(".toast-close")?.addEventListener("click", () => box.remove());
  leaveAfter(box, box.querySelector("form") ? 20 : 8); // there is time to take it back
});

// Search over everything, and every place of the menu by name.
const palette = document.getElementById("palette");
if (palette) {
  const input = palette.querySelector("input"), list = palette.querySelector("[role=listbox]");
  const places = [...document.querySelectorAll(".nav-link, [data-place]")].map((link) => ({
    title: link.dataset.place || link.querySelector(".nav-label")?.textContent || link.textContent.trim(), url: link.href, label: link.dataset.place ? "Do" : "Go to",
  }));
  let results = [], sought = "", chosen = 0, hasMoved = false, asked = null;
  const move = (to) => {
    const items = list.querySelectorAll("[role=option]");
    if (!items.length) return;
    chosen = (to + items.length) % items.length;
    items.forEach((item, at) => item.setAttribute("aria-selected", String(at === chosen)));
    input.setAttribute("aria-activedescendant", items[chosen].id);
    items[chosen].scrollIntoView({ block: "nearest" });
  };
  const draw = () => {
    const term = input.value.trim().toLowerCase();
    const near = places.filter((place) => !term || place.title.toLowerCase().includes(term)).slice(0, term ? 4 : 12);
    const all = [...results, ...near];
    hasMoved = false;
    list.replaceChildren(...all.map((found, at) => element("a", { role: "option", id: `found-${at}`, class: "palette-item", href: found.url, tabindex: "-1", "aria-selected": "false" },
      icon(found.icon || (found.label === "Do" ? "plus" : found.type ? "file-text" : "arrow-right"), "small"),
      element("span", { class: "palette-title" }, found.title || "Untitled"),
      element("span", { class: "faint" }, found.label), found.status ? element("span", { class: `badge badge-${found.status}` }, found.status.replace("_", " ")) : null)));
    if (!all.length) list.replaceChildren(element("p", { class: "palette-none" }, asked ? "Searching…" : `Nothing matches “${input.value.trim()}”.`));
    move(0);
  };
  const ask = debounce(async () => {
    asked?.abort();
    const term = input.value.trim();
    if (!term) { results = []; sought = ""; asked = null; draw(); return; }
    const mine = asked = new AbortController();
    try {
      results = (await send(`/admin/search?q=${encodeURIComponent(term)}`, { method: "GET", signal: mine.signal })).results;
    } catch (error) {
      if (error.name === "AbortError") return;
      results = [];
      sought = term;
      list.replaceChildren(element("p", { class: "palette-none" }, error.detail));
      return;
    }
    if (asked === mine) asked = null;
    sought = term;
    draw();
  }, 120);
  // What was found for something else is not gone to, unless somebody means it: the answer is waited for.
  const go = async () => {
    const typed = input.value.trim(), isMeant = hasMoved || chosen >= results.length; // places are found at once
    if (!isMeant && sought !== typed) await ask.flush();
    if (isMeant || (palette.open && sought === typed && input.value.trim() === typed)) list.querySelectorAll("[role=option]")[chosen]?.click();
  };
  const open = () => { if (!palette.open) { results = []; sought = ""; input.value = ""; palette.showModal(); draw(); input.focus(); } };
  document.querySelectorAll("[data-search]").forEach((button) => button.addEventListener("click", (event) => { event.preventDefault(); open(); }));
  input.addEventListener("input", () => { draw(); ask(); });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); move(chosen + step); hasMoved = true; }
    if (event.key === "Enter") { event.preventDefault(); go(); }
  });
  list.addEventListener("pointermove", (event) => { const item = event.target.closest("[role=option]"); if (item) { move([...list.children].indexOf(item)); hasMoved = true; } });
  palette.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });
  shortcut("mod+k", open, "Search anything");
}

// The page of keys.
const keys = document.getElementById("keys");
const spelled = (combination) => combination.split("+").map((key) => element("kbd", {}, { mod: isMac ? "⌘" : "Ctrl", shift: "Shift", up: "↑", down: "↓", left: "←", right: "→", " ": "Space" }[key] ?? (key.length === 1 ? key.toUpperCase() : key[0].toUpperCase() + key.slice(1))));
if (keys) {
  shortcut("?", () => {
    keys.querySelector("dl").replaceChildren(...knownShortcuts().map(([combination, help]) => element("div", {}, element("dt", {}, ...spelled(combination)), element("dd", {}, help))));
    keys.showModal();
  }, "Show these keys");
  document.querySelectorAll("[data-keys]").forEach((button) => button.addEventListener("click", () => dispatchEvent(new KeyboardEvent("keydown", { key: "?" }))));
}
document.querySelectorAll("dialog [data-close]").forEach((button) => button.addEventListener("click", () => button.closest("dialog").close()));
document.querySelectorAll("[data-mod]").forEach((key) => { key.textContent = isMac ? "⌘" : "Ctrl"; });

// Who has signed out takes along what this browser kept for them: once the page that says so is there, and not before.
const out = sessionStorage.getItem("signing out");
sessionStorage.removeItem("signing out");
if (out && document.querySelector("[data-arrived]")) forgetSaid(out);
document.querySelectorAll('form[action="/admin/logout"]').forEach((form) => form.addEventListener("submit", () => { sessionStorage.setItem("signing out", document.querySelector("meta[name=user]").content); }));
