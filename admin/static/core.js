// What the scripts of all screens share: talking to the server, saying what happened, keys, small elements.

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";

/** The time zone of whoever is signed in; the browser's where they named none. */
export const zone = document.documentElement.dataset.timezone || Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** A moment on that clock, for people: `6 May 2031, 07:08 WEST`. */
export const shown = (moment) => new Date(moment).toLocaleString([], {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short", timeZone: zone,
});

/** A moment on that clock, for a control of date and time. */
export const controlled = (moment) => new Date(moment).toLocaleString("sv-SE", { timeZone: zone }).slice(0, 16).replace(" ", "T");

/** What the server said no with: a sentence for people, and the fields at fault. */
export class Problem extends Error {
  /** @param {{detail?: string, status?: number, errors?: object[]}} body a problem document (RFC 9457) */
  constructor(body) {
    super(body.detail || "The server could not be reached. Nothing was changed; try again in a moment.");
    Object.assign(this, { status: 0, errors: [], ...body, detail: this.message });
  }
}

/**
 * Send a request of this page to the server.
 * @param {string} url
 * @param {{method?: string, body?: object, form?: FormData, signal?: AbortSignal, keepalive?: boolean}} options `body` goes as JSON, `form` as it is
 * @returns {Promise<any>} what was answered: JSON, or null where there is none
 * @throws {Problem} for every refusal, and where the server is away (status 0)
 */
export async function send(url, { method = "POST", body, form, signal, keepalive } = {}) {
  const headers = { Accept: "application/json", "X-CSRF-Token": meta("csrf-token") };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(url, { method, headers, body: body === undefined ? form : JSON.stringify(body), signal, keepalive, redirect: "manual" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({});
  }
  if (answer.type === "opaqueredirect") throw new Problem({ status: 401, detail: "Your session has ended. Sign in again; what you typed is still here." });
  const isJson = /[/+]json/.test(answer.headers.get("content-type") ?? "");
  const content = isJson ? await answer.json() : null;
  if (!answer.ok) throw new Problem({ status: answer.status, detail: `The server answered ${answer.status}.`, ...content });
  return content;
}

/** Make an element: `element("button", {class: "button", onclick}, "Save")`. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, String(value));
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** An icon of the sprite, as decoration. */
export function icon(name, size = "") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", `icon ${size}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${meta("icons")}#${name}`);
  svg.append(use);
  return svg;
}

/**
 * Have a control of a form say something else, as if it were typed.
 * @param {HTMLElement} control
 * @param {{value?: unknown, choices?: {id: string, label: string, image?: string}[]}} said `choices`: of a picker of related records, those that it holds
 */
export function fill(control, { value, choices }) {
  if (choices) {
    control.replaceChildren(...choices.map(({ id, label, image, alt }) => {
      const option = new Option(label, id, true, true);
      if (image) option.dataset.image = image;
      if (alt) option.dataset.alt = alt;
      return option;
    }));
    control.dispatchEvent(new CustomEvent("choices"));
  } else if (control.type === "checkbox") control.checked = Boolean(value);
  else if (control.markdownEditor) control.markdownEditor.setValue(String(value ?? ""));
  else control.value = String(value ?? "");
}

const CONTROLS = new Set(["csrf_token", "_version", "_base", "_decided", "_then", "_at", "_until", "_zone", "_note"]);

/** What somebody says with a form, as pairs: two equal texts of it say the same. */
export const saidIn = (form) => [...new FormData(form)].filter(([name, value]) => !CONTROLS.has(name) && typeof value === "string");

/** What of that may be kept: no passwords. */
export const keptOf = (form) => saidIn(form).filter(([name]) => form.elements[name]?.type !== "password");

/** The key under which this browser keeps what was typed into a form and is not saved. */
export const keyOf = (address) => `masthead unsaved ${meta("user")} ${address}`;

/** Forget all that this browser keeps for somebody. @param {string} user their id */
export function forgetSaid(user) {
  Object.keys(localStorage).filter((name) => name.startsWith(`masthead unsaved ${user} `)).forEach((name) => localStorage.removeItem(name));
}

/** What of a form is to be kept, with the version that it was written on; passwords stay out of it. */
export function stateOf(form) {
  // What pickers show: what they send, an id, would tell nobody anything.
  const chosen = Object.fromEntries([...form.querySelectorAll("select[data-lookup]")].map((select) => [select.name, [...select.selectedOptions]
    .filter((option) => option.value).map(({ value, label, dataset }) => ({ id: value, label, ...dataset }))]));
  return { at: Date.now(), version: form.elements._version?.value, base: form.elements._base?.value, said: keptOf(form), chosen };
}

/**
 * Keep what a form says in this browser.
 * @param {string} [by] the page that it was typed on, where several may keep something in one place
 * @throws {DOMException} where the browser has no room
 */
export const keepSaid = (key, form, by) => localStorage.setItem(key, JSON.stringify({ ...stateOf(form), by }));

/** Have a form say again what was kept of it. */
export function refill(form, { version, base, said, chosen = {} }) {
  if (version !== undefined) form.elements._version.value = version;
  if (base !== undefined) form.elements._base.value = base;
  const values = new Map();
  for (const [name, value] of said) values.set(name, [...(values.get(name) ?? []), value]);
  for (const input of form.elements) {
    if (!input.name || CONTROLS.has(input.name)) continue;
    if (chosen[input.name] && input.matches("select[data-lookup]")) fill(input, { choices: chosen[input.name] });
    else if (input.matches("[type=checkbox]")) fill(input, { value: values.get(input.name)?.includes(input.value) });
    else if (values.has(input.name) && input.matches("input, textarea, select:not([data-lookup])")) fill(input, { value: values.get(input.name)[0] });
  }
}

/** Say what is wrong with a field, beside it; an empty sentence takes it back. */
export function complain(input, sentence) {
  const field = input.closest(".field, .filter");
  const id = `${input.id}-errors`;
  const described = (input.getAttribute("aria-describedby") || "").split(" ").filter((name) => name && name !== id);
  (input.closest(".part") ?? field).querySelector(".field-errors")?.remove();
  field.classList.toggle("has-errors", Boolean(sentence) || field.querySelector(".field-errors") !== null);
  if (sentence) {
    described.unshift(id);
    (input.closest(".picker") || input).after(element("ul", { id, class: "field-errors" }, element("li", {}, sentence)));
    input.setAttribute("aria-invalid", "true");
  } else input.removeAttribute("aria-invalid");
  if (described.length) input.setAttribute("aria-describedby", described.join(" "));
  else input.removeAttribute("aria-describedby");
}

/** Have what happened read out, without showing it. */
export function announce(text) {
  const region = document.getElementById("announcer");
  if (!region) return;
  region.textContent = "";
  setTimeout(() => { region.textContent = text; }, 30);
}

/**
 * Say what was just done.
 * @param {string} text
 * @param {{undo?: string | (() => void), href?: string, label?: string, kind?: "good" | "bad", seconds?: number}} options
 *   `undo`: the id of a change-set that can be undone, or what to do; `href` and `label`: a link to go on with
 */
export function toast(text, { undo, href, label = "Open", kind = "good", seconds = kind === "bad" ? 0 : undo ? 20 : 8 } = {}) {
  const close = element("button", { type: "button", class: "toast-close", "aria-label": "Close" }, icon("x", "small"));
  const box = element("div", { class: `toast ${kind}`, role: kind === "bad" ? "alert" : "status" }, element("span", {}, text));
  if (typeof undo === "function") box.append(element("button", { type: "button", class: "link", onclick: () => { box.remove(); undo(); } }, "Undo"));
  else if (undo) box.append(element("button", { type: "button", class: "link", onclick: () => takeBack(box, undo) }, "Undo"));
  if (href) box.append(element("a", { class: "link", href }, label));
  box.append(close);
  close.addEventListener("click", () => box.remove());
  document.getElementById("toasts").append(box);
  leaveAfter(box, seconds);
  return box;
}

async function takeBack(box, change) {
  try {
    const { url } = await send(`/admin/undo/${change}`);
    if (url === location.pathname + location.search) location.reload();
    else location.assign(url);
  } catch (problem) {
    box.remove();
    toast(problem.detail, { kind: "bad" });
  }
}

/** Take a toast away after a time in which nobody points at it. */
export function leaveAfter(box, seconds) {
  if (!seconds) return;
  let timer;
  const start = () => { timer = setTimeout(() => box.remove(), seconds * 1000); };
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("focusin", () => clearTimeout(timer));
  box.addEventListener("pointerleave", start);
  start();
}

/** Run only the last of calls that follow each other within `wait` milliseconds; `.flush()` runs a waiting one at once, and returns what the last run did. */
export function debounce(run, wait) {
  let timer = null, waiting = null, last;
  const later = (...values) => {
    clearTimeout(timer);
    waiting = values;
    timer = setTimeout(later.flush, wait);
  };
  later.flush = () => {
    clearTimeout(timer);
    if (waiting !== null) {
      const values = waiting;
      waiting = null;
      last = run(...values);
    }
    return last;
  };
  later.cancel = () => { clearTimeout(timer); waiting = null; };
  return later;
}

const shortcuts = new Map();
export const isMac = /mac|iphone|ipad/i.test(navigator.platform);

/**
 * Do something at a key: `mod+s` (Ctrl, or ⌘ on a Mac), `mod+shift+f`, `?`, `j`. Keys without `mod` keep quiet while somebody types.
 * @param {string} keys
 * @param {(event: KeyboardEvent) => void} run the browser's own meaning of the key is prevented; a later one takes the place of an earlier one
 * @param {string} [help] what it does, for the page of keys that `?` opens
 */
export function shortcut(keys, run, help = "") { shortcuts.set(keys.toLowerCase(), { run, help }); }

const elsewhere = new Map();
/** Tell of keys that something else listens to, such as an editor of text. */
export const explain = (keys, help) => { elsewhere.set(keys, help); };

/** What keys do here, for the page that tells: pairs of keys and meaning. */
export const knownShortcuts = () => [...[...shortcuts].filter(([, { help }]) => help).map(([keys, { help }]) => [keys, help]), ...elsewhere];

/** Whether an event comes from where somebody types. */
export const isTyping = (target) => target instanceof Element && Boolean(target.closest("input:not([type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable=true], [role=textbox]"));

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  const mod = isMac ? event.metaKey : event.ctrlKey;
  const named = event.key.length === 1 ? event.key.toLowerCase() : event.key.toLowerCase().replace("arrow", "");
  const isLetter = /^[a-z0-9]$|^.{2,}$/.test(named);
  const keys = `${mod ? "mod+" : ""}${event.shiftKey && isLetter ? "shift+" : ""}${named}`;
  const found = shortcuts.get(keys);
  if (!found || (!mod && (isTyping(event.target) || document.querySelector("dialog[open]")))) return;
  event.preventDefault();
  found.run(event);
});
