// Lists: ticking rows, ranges and all that matches; a status changed in place; a closer look; everything by keyboard.
import { announce, controlled, element, icon, isTyping, send, shortcut, shown, toast, zone } from "./core.js";

const list = document.querySelector("form[data-list]");
const base = list?.dataset.list;
document.getElementById("q") && shortcut("/", () => { const field = document.getElementById("q"); field.focus(); field.select(); }, "Search this list");

// An open filter's first control takes the focus.
document.querySelectorAll(".filter-choice, .filter-chip details, .view-list, .bulk-bar details").forEach((box) => (box.closest("details") ?? box).addEventListener("toggle", (event) => {
  if (event.target.open) event.target.querySelector(".picker input, form select:not([hidden]), form input:not([type=hidden], [type=checkbox])")?.focus();
}));

// A related record that was chosen is what one wants to see: no second click.
document.querySelectorAll(".filter-form select[data-lookup]").forEach((select) => select.addEventListener("change", () => select.form.requestSubmit()));

// The small pictures of all rows come in one.
const thumbs = [...document.querySelectorAll("[data-thumb]")];
if (thumbs.length) {
  const files = [...new Set(thumbs.map((thumb) => thumb.dataset.thumb))].slice(0, 100);
  const strip = new Image();
  strip.addEventListener("load", () => thumbs.forEach((thumb) => {
    const at = files.indexOf(thumb.dataset.thumb);
    if (at < 0) return;
    thumb.style.backgroundImage = `url("${strip.src}")`;
    thumb.style.backgroundPosition = `0 ${-40 * at}px`;
    thumb.classList.add("is-drawn");
  }));
  strip.src = `/admin/thumbs?of=${files.map(encodeURIComponent).join(",")}`;
}

// A double click sends a step once.
const sent = new WeakSet();
document.querySelectorAll("main form[method=post]").forEach((form) => form.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  if (sent.has(form)) event.preventDefault();
  sent.add(form);
}));
addEventListener("pageshow", () => document.querySelectorAll("main form[method=post]").forEach((form) => sent.delete(form)));

// Popups that float over the table: it scrolls, and would cut them.
const float = (kind, role) => {
  const box = element("div", { popover: kind, class: "float" });
  if (role) box.setAttribute("role", role);
  document.body.append(box);
  return box;
};
const place = (box, anchor) => {
  const around = anchor.getBoundingClientRect();
  const below = around.bottom + box.offsetHeight + 8 < innerHeight;
  box.style.left = `${Math.max(8, Math.min(around.left, innerWidth - box.offsetWidth - 8))}px`;
  box.style.top = `${Math.max(8, below ? around.bottom + 4 : around.top - box.offsetHeight - 4)}px`;
};

// Ticking.
if (list) {
  const boxes = [...list.querySelectorAll("input[name=records]")];
  const head = list.querySelector("[data-tick-all]");
  const bar = list.querySelector("[data-bulk-bar]");
  const count = list.querySelector("[data-bulk-count]");
  const all = list.querySelector("[data-all]");
  const most = Number(list.dataset.most);
  const total = Number(document.querySelector("[data-total]")?.dataset.total);
  const name = document.querySelector("main h1").firstChild.textContent.trim().toLowerCase();
  let last = null, beyond = [];
  const ticked = () => boxes.filter((box) => box.checked);
  const forget = () => { beyond.forEach((input) => input.remove()); beyond = []; };
  const tell = () => {
    const number = ticked().length;
    boxes.forEach((box) => box.closest("tr, li")?.classList.toggle("is-ticked", box.checked));
    if (!bar) return;
    bar.classList.toggle("is-open", number > 0);
    if (number < boxes.length) forget();
    const chosen = number + beyond.length;
    count.textContent = `${chosen.toLocaleString("en")} selected`;
    const isPage = number === boxes.length && total > boxes.length && !beyond.length;
    all.hidden = !isPage;
    all.textContent = total > most ? `Select the first ${most}` : `Select all ${total.toLocaleString("en")}`;
    if (head) { head.checked = number > 0 && number === boxes.length; head.indeterminate = number > 0 && number < boxes.length; }
  };
  const range = (box) => {
    if (!last || last === box || !boxes.includes(last)) return;
    const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
    boxes.slice(from, to + 1).forEach((other) => { other.checked = box.checked; });
  };
  const tick = (box, isRange) => {
    if (isRange) range(box);
    last = box;
    tell();
  };
  boxes.forEach((box) => {
    box.addEventListener("click", (event) => tick(box, event.shiftKey));
    box.addEventListener("keydown", (event) => {
      if (event.key !== " " || !event.shiftKey) return;
      event.preventDefault();
      box.checked = !box.checked;
      tick(box, true);
    });
  });
  head?.addEventListener("change", () => { boxes.forEach((box) => { box.checked = head.checked; }); tell(); });
  list.querySelector("[data-none]")?.addEventListener("click", () => { boxes.forEach((box) => { box.checked = false; }); tell(); boxes[0]?.focus(); });
  all?.addEventListener("click", async () => {
    all.disabled = true;
    try {
      const { records } = await send(`${base}/matching${location.search}`, { method: "GET" });
      const here = new Set(boxes.map((box) => box.value));
      forget();
      beyond = records.filter((record) => !here.has(record)).map((record) => element("input", { type: "hidden", name: "records", value: record }));
      // What is on the page stays within what one step may change.
      list.append(...beyond.slice(0, most - ticked().length));
      beyond = beyond.slice(0, most - ticked().length);
      tell();
      announce(count.textContent);
    } catch (problem) { toast(problem.detail, { kind: "bad" }); }
    all.disabled = false;
  });
  list.querySelectorAll("[data-export]").forEach((button) => button.addEventListener("click", () => {
    const ids = [...ticked(), ...beyond].map((box) => box.value.split(":")[0]);
    const address = new URLSearchParams(location.search);
    ["page", "cursor", "view"].forEach((part) => address.delete(part));
    address.set("format", button.dataset.export);
    address.set("records", ids.join(","));
    button.closest("details").open = false;
    location.assign(`${base}/export?${address}`);
  }));
  addEventListener("pageshow", tell);

  // By keyboard.
  const links = [...list.querySelectorAll(".row-link, .shot-link")];
  const at = () => links.findIndex((link) => link.closest("tr, li").contains(document.activeElement));
  const step = (by) => links[Math.max(0, Math.min(links.length - 1, at() + by))]?.focus();
  shortcut("j", () => step(1), "Next row");
  shortcut("k", () => (at() < 0 ? links.at(-1)?.focus() : step(-1)), "Row before");
  const box = () => links[at()]?.closest("tr, li").querySelector("input[name=records]");
  shortcut("x", () => { const found = box(); if (found) { found.checked = !found.checked; tick(found, false); announce(count.textContent); } }, "Select the row");
  shortcut("shift+x", () => { const found = box(); if (found) { found.checked = true; tick(found, true); announce(count.textContent); } }, "Select up to the row");
  shortcut("v", () => { const link = links[at()]; if (link) look(link); }, "A closer look at the row");
  list.addEventListener("keydown", (event) => {
    if (event.key === " " && event.target.matches(".row-link")) { event.preventDefault(); look(event.target); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !isTyping(event.target) && ticked().length && !document.querySelector("details.menu[open], dialog[open], [popover]:popover-open")) {
      boxes.forEach((other) => { other.checked = false; });
      tell();
    }
  });

  // A closer look: at a key, or where the pointer rests on a title.
  const peek = float("manual");
  peek.classList.add("peek");
  const known = new Map();
  let looked = null, waiting = null;
  const leave = () => { clearTimeout(waiting); looked = null; if (peek.matches(":popover-open")) peek.hidePopover(); };
  const fill = (found) => {
    const by = `${shown(found.changed_at)}${found.changed_by ? `, by ${found.changed_by}` : ""}`;
    peek.replaceChildren(
      found.picture ? element("img", { class: "peek-picture", src: found.picture.url, alt: found.picture.alt }) : "",
      element("h2", {}, found.title), found.text ? element("p", { class: "peek-text" }, found.text) : "",
      element("dl", {}, ...[...found.facts, ["Changed", by]].flatMap(([label, text]) => [element("dt", {}, label), element("dd", {}, text)])));
  };
  const look = async (link) => {
    const row = link.closest("tr");
    if (!row) return;
    if (looked === link) { leave(); return; }
    looked = link;
    try {
      const url = `${base}/peek/${row.dataset.row}`;
      const key = `${url} ${row.dataset.version}`;
      if (!known.has(key)) known.set(key, await send(url, { method: "GET" }));
      if (looked !== link) return;
      fill(known.get(key));
      peek.showPopover();
      place(peek, link);
      const { right, top } = link.getBoundingClientRect();
      if (right + peek.offsetWidth + 24 < innerWidth) { // beside it, where that fits, so that no row is hidden
        peek.style.left = `${right + 16}px`;
        peek.style.top = `${Math.max(8, Math.min(top - 12, innerHeight - peek.offsetHeight - 8))}px`;
      }
      announce(peek.innerText);
    } catch (problem) { leave(); toast(problem.detail, { kind: "bad" }); }
  };
  links.forEach((link) => {
    link.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") waiting = setTimeout(() => { if (looked !== link) look(link); }, 700); });
    link.addEventListener("pointerleave", leave);
    link.addEventListener("blur", leave);
  });
  addEventListener("scroll", leave, { passive: true });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") leave(); });

  // A status, changed in place.
  const menu = float("auto", "menu");
  menu.classList.add("steps");
  const items = document.getElementById("step-items").content;
  let button = null;
  const close = () => { if (menu.matches(":popover-open")) menu.hidePopover(); };
  const open = (clicked) => {
    button = clicked;
    menu.replaceChildren(...clicked.dataset.steps.split(" ").map((name) => items.querySelector(`[data-step="${name}"]`).cloneNode(true)));
    menu.showPopover();
    place(menu, clicked);
    menu.querySelector("button").focus();
  };
  list.addEventListener("click", (event) => {
    const clicked = event.target.closest("[data-steps]");
    if (clicked) { if (button === clicked && menu.matches(":popover-open")) close(); else open(clicked); }
  });
  menu.addEventListener("click", (event) => { const item = event.target.closest("[data-step]"); if (item) { close(); choose(button, item); } });
  menu.addEventListener("keydown", (event) => {
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") { close(); button.focus(); }
    if (event.key === "Tab") close();
    if (!way) return;
    event.preventDefault();
    const all = [...menu.querySelectorAll("button")];
    all[(all.indexOf(document.activeElement) + way + all.length) % all.length].focus();
  });
  const choose = (clicked, item) => {
    if (!item.dataset.asks) { take(clicked, item.dataset.step, {}); return; }
    const dialog = document.getElementById(`step-${item.dataset.asks}`);
    const form = dialog.querySelector("form"), field = form.querySelector("input, textarea");
    const isTime = field.type === "datetime-local", hint = form.querySelector("[data-zone]"), fault = form.querySelector("[data-fault]");
    const complain = (sentence) => {
      fault.textContent = sentence;
      field.setAttribute("aria-invalid", String(Boolean(sentence)));
      if (sentence) { dialog.showModal(); field.focus(); }
    };
    if (hint) hint.textContent = `In the time zone ${zone}.`;
    const { row } = clicked.closest("tr").dataset;
    if (!isTime && dialog.dataset.about !== row) field.value = ""; // a note is about one record
    dialog.dataset.about = row;
    if (isTime) field.value = `${controlled(Date.now() + 36e5).slice(0, 14)}00`;
    complain("");
    form.onsubmit = () => take(clicked, item.dataset.step, { [field.name]: field.value, ...(isTime && { zone }) }, complain);
    dialog.showModal();
    field.focus();
  };
  const take = async (clicked, name, values, complain) => {
    const row = clicked.closest("tr");
    if (clicked.getAttribute("aria-busy") === "true") return;
    clicked.setAttribute("aria-busy", "true");
    const form = new FormData();
    form.set("version", row.dataset.version);
    for (const [key, value] of Object.entries(values)) form.set(key, value);
    try {
      const now = await send(`${base}/step/${row.dataset.row}?step=${name}`, { form });
      redraw(clicked, row, now);
      document.querySelectorAll("dialog[data-about]").forEach((dialog) => { delete dialog.dataset.about; });
      toast(now.text, { undo: now.change });
    } catch (problem) {
      if (complain && problem.errors.length) {
        clicked.removeAttribute("aria-busy");
        complain(problem.detail);
        return;
      }
      toast(problem.status === 412 ? "Somebody changed this meanwhile, so nothing was done. Reload the list to see how it stands now." : problem.detail, { kind: "bad" });
    }
    clicked.removeAttribute("aria-busy");
    clicked.focus();
  };
  const redraw = (clicked, row, now) => {
    row.dataset.version = now.version;
    const tickbox = row.querySelector("input[name=records]");
    if (tickbox) tickbox.value = `${row.dataset.row}:${now.version}`;
    clicked.className = `badge badge-${now.status} step-button`;
    clicked.replaceChildren(now.label, icon("chevron-down", "small"));
    clicked.dataset.steps = now.steps.join(" ");
    clicked.setAttribute("aria-label", clicked.getAttribute("aria-label").replace(/: [^:]*$/, `: ${now.label}`));
    const at = row.querySelector("[data-field=published_at]");
    if (at) at.replaceChildren(now.published_at ? element("time", { datetime: now.published_at }, now.published_text) : "—");
  };
  tell();
}
