// The media library: every file, found, uploaded, described in place, replaced and trashed. One panel says all about one file.
import { announce, debounce, element, icon, send, shortcut, toast } from "./core.js";
import { FilePanel } from "./media-panel.js";
import { readFiles, sizeOf, takeDropped, thumbnail, uploader, whyKept } from "./media.js";
import { Texts } from "./media-texts.js";

const root = document.querySelector("[data-library]");
const part = (name) => document.querySelector(`[data-${name}]`);
const grid = part("files"), tools = root.querySelector("form"), bulk = part("bulk");
const cards = new Map(), ticked = new Set();
let items = [], next = null, total = 0, asking = null, lastTick = null, shown = null;
const searchSoon = debounce(() => load(), 250);

const texts = new Texts((medium) => changed(medium));
const panel = new FilePanel(part("panel"), { texts, changed, gone, replacer: part("replacer"), closed: (id) => { mark(null); cards.get(id)?.querySelector(".media-open").focus(); } });

function query(cursor = "") {
  const form = new FormData(tools);
  return {
    q: form.get("q").trim(), "mime_type__startswith": form.get("type"), "created_at__gte": form.get("from"),
    "created_at__lte": form.get("to"), undescribed: form.get("undescribed") ? "true" : "", cursor,
  };
}

async function load(isMore = false) {
  searchSoon.cancel();
  if (!isMore && JSON.stringify(query()) === shown) return;
  shown = JSON.stringify(query());
  asking?.abort();
  asking = new AbortController();
  remember();
  try {
    take(await readFiles(query(isMore ? next : ""), asking.signal), isMore);
  } catch (problem) {
    if (problem.name === "AbortError") return;
    shown = null;
    toast(problem.detail, { kind: "bad" });
  }
}

function take(page, isMore = false) {
  items = isMore ? [...items, ...page.items] : page.items;
  ({ next, total } = page);
  if (!isMore) { ticked.clear(); cards.clear(); grid.replaceChildren(); }
  for (const medium of page.items) { const card = draw(medium); cards.set(medium.id, card); grid.append(card); }
  tell();
}

function tell() {
  part("more").hidden = !next;
  const isNarrowed = Object.values(query()).some(Boolean), none = part("none");
  part("count").textContent = total ? `${total.toLocaleString("en")} file${total === 1 ? "" : "s"}` : "";
  none.hidden = items.length > 0;
  none.querySelector("h2").textContent = isNarrowed ? "Nothing is found" : "No files yet";
  none.querySelector("p").textContent = isNarrowed ? "Try another word, or take a filter away." : "Drop pictures or PDFs anywhere on this page, paste one, or press “Upload files”.";
  bulk.hidden = ticked.size === 0;
  part("ticked").textContent = `${ticked.size} ticked`;
  for (const [id, card] of cards) {
    card.classList.toggle("is-ticked", ticked.has(id));
    const box = card.querySelector(".media-tick input");
    if (box) box.checked = ticked.has(id);
  }
}

function draw(medium) {
  const tick = element("input", { type: "checkbox", "aria-label": `Tick ${medium.name}`, onclick: (event) => tickTo(medium.id, event) });
  const open = element("button", { type: "button", class: "media-open", "aria-label": `Open ${medium.name}`, onclick: () => show(medium.id) },
    element("span", { class: "media-frame" }, thumbnail(medium)), element("span", { class: "media-name", title: medium.path }, medium.name));
  return element("li", { class: `media-card${panel.id === medium.id ? " is-open" : ""}`, "data-id": medium.id },
    open, medium.is_editable ? element("label", { class: "media-tick" }, tick) : element("span", { class: "media-tick" }),
    medium.is_editable ? element("div", { class: "media-texts" }, texts.field(medium, "alt"), texts.field(medium, "caption")) : element("div", { class: "media-texts" }),
    meta(medium));
}

function meta(medium) {
  return element("p", { class: "media-meta" }, element("span", {}, sizeOf(medium.size)), medium.width && element("span", {}, `${medium.width} × ${medium.height}`),
    medium.is_picture && !medium.alt && element("span", { class: "is-missing" }, "No alt text"));
}

/** A file has become another: show what of it is shown outside of its fields, which know by themselves. */
function changed(medium) {
  const at = items.findIndex((item) => item.id === medium.id);
  if (at < 0) return;
  items[at] = medium;
  const card = cards.get(medium.id);
  card.querySelector(".media-meta").replaceWith(meta(medium));
  card.querySelector(".media-frame").replaceChildren(thumbnail(medium));
  Object.assign(card.querySelector(".media-name"), { textContent: medium.name, title: medium.path });
  card.querySelector(".media-open").setAttribute("aria-label", `Open ${medium.name}`);
  panel.refresh(medium);
}

function gone(ids) {
  for (const id of ids) { cards.get(id)?.remove(); cards.delete(id); ticked.delete(id); }
  const before = items.length;
  items = items.filter((item) => !ids.includes(item.id));
  total = Math.max(0, total - (before - items.length));
  if (ids.includes(panel.id)) panel.close();
  tell();
}

function mark(id) { for (const [other, card] of cards) card.classList.toggle("is-open", other === id); }

function show(id) {
  mark(id);
  panel.open(items.find((item) => item.id === id));
}

function tickTo(id, event) {
  const order = items.filter((item) => item.is_editable).map((item) => item.id), isOn = event.target.checked;
  const from = event.shiftKey && lastTick ? order.indexOf(lastTick) : order.indexOf(id), to = order.indexOf(id);
  for (const each of order.slice(Math.min(from, to), Math.max(from, to) + 1)) isOn ? ticked.add(each) : ticked.delete(each);
  lastTick = id;
  tell();
}

async function trash() {
  const chosen = items.filter((item) => ticked.has(item.id)).slice(0, 100);
  try {
    const { change_id } = await send("/admin/media/trash", { body: { items: chosen.map(({ id, version }) => ({ id, version })) } });
    gone(chosen.map((item) => item.id));
    toast(`${chosen.length} file${chosen.length === 1 ? "" : "s"} moved to the trash.`, { undo: change_id });
  } catch (problem) {
    toast(whyKept(problem, chosen), { kind: "bad" });
  }
}

/** Keep what is asked for in the address, so that a reload shows the same. */
function remember() {
  const kept = new URLSearchParams([...new FormData(tools)].filter(([, value]) => value));
  history.replaceState(null, "", kept.size ? `?${kept}` : location.pathname);
}

function view(name) {
  grid.classList.toggle("is-list", name === "list");
  for (const button of root.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === name));
  try { localStorage.setItem("media-view", name); } catch { /* a browser that keeps nothing */ }
}

const upload = uploader(part("uploads"), {
  maxBytes: Number(root.dataset.maxBytes),
  tooLarge: root.dataset.tooLarge,
  done: (medium) => {
    if (cards.has(medium.id)) return;
    items.unshift(medium);
    total += 1;
    const card = draw(medium);
    cards.set(medium.id, card);
    grid.prepend(card);
    tell();
  },
  settled: ({ sent, failed }) => {
    const said = [sent && `${sent} file${sent === 1 ? "" : "s"} uploaded.`, failed && `${failed} could not be.`].filter(Boolean).join(" ");
    if (said) toast(said, { kind: failed ? "bad" : "good" });
    announce(said);
  },
});

takeDropped(upload);
part("upload").addEventListener("click", () => part("chooser").click());
part("chooser").addEventListener("change", ({ target }) => { upload([...target.files]); target.value = ""; });
part("more").addEventListener("click", () => load(true));
part("trash").addEventListener("click", trash);
part("untick").addEventListener("click", () => { ticked.clear(); tell(); });
part("tick-all").addEventListener("click", () => { for (const item of items) if (item.is_editable) ticked.add(item.id); tell(); });
tools.addEventListener("submit", (event) => { event.preventDefault(); load(); });
tools.addEventListener("change", () => load());
tools.elements.q.addEventListener("input", searchSoon);
for (const button of root.querySelectorAll("[data-view]")) button.addEventListener("click", () => view(button.dataset.view));
addEventListener("beforeunload", (event) => { if (document.querySelector('.upload-line[data-state="sending"], .upload-line[data-state="waiting"]')) event.preventDefault(); });
shortcut("u", () => part("chooser").click(), "Upload files");
shortcut("/", () => tools.elements.q.focus(), "Search files");

let chosenView = "grid";
try { chosenView = localStorage.getItem("media-view") || "grid"; } catch { /* as above */ }
view(chosenView);
const asked = new URLSearchParams(location.search);
for (const [name, value] of asked) {
  const control = tools.elements[name];
  if (control?.type === "checkbox") control.checked = true;
  else if (control) control.value = value;
}
if (asked.size) load();
else {
  shown = JSON.stringify(query());
  take(JSON.parse(part("first").textContent));
}
