// The queue by keyboard: every decision is one key, every one can be taken back.
import { announce, element, isMac, send, shortcut, toast } from "./core.js";

const form = document.querySelector("[data-queue]");
const queue = form?.querySelector(".queue");
const cards = () => [...queue.querySelectorAll(".comment:not(.is-leaving)")];
const current = () => cards().find((card) => card.contains(document.activeElement)) ?? null;
const said = { approved: "Approved", rejected: "Rejected", spam: "Marked as spam", pending: "Waiting again" };
const done = []; // what was decided here, the latest last: what it was, to be taken back

// The menu beside the page says how many wait, too.
const tellMenu = (number) => {
  const badge = document.querySelector(".side [aria-current=page] .nav-count");
  if (!badge) return;
  badge.hidden = !number;
  badge.firstElementChild.textContent = number < 100 ? number : "99+";
  badge.lastElementChild.textContent = `, ${number} waiting`;
};

const count = (status, by) => {
  const place = document.querySelector(`[data-count="${status}"]`);
  const number = Number(place.textContent.replace(/\D/g, "")) + by;
  place.textContent = number.toLocaleString("en");
  if (status === "pending") tellMenu(number);
};

const go = (step) => {
  const all = cards();
  if (!all.length) return;
  const at = current() ? all.indexOf(current()) + step : 0;
  const card = all[Math.max(0, Math.min(all.length - 1, at))];
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
};

const isBusy = new Set();

async function decide(chosen, status) {
  const fresh = chosen.filter((card) => !isBusy.has(card));
  if (!fresh.length) return;
  fresh.forEach((card) => isBusy.add(card));
  const items = fresh.map(({ dataset }) => ({ id: dataset.comment, version: Number(dataset.version), status }));
  try {
    const answer = await send("/admin/moderation/decide", { body: { items } });
    take(fresh, answer.items, status);
  } catch (problem) {
    toast(problem.detail, { kind: "bad" });
  } finally {
    fresh.forEach((card) => isBusy.delete(card));
  }
}

function take(gone, items, status) {
  const all = cards();
  const next = all.slice(all.indexOf(gone.at(-1)) + 1).find((card) => !gone.includes(card)) ?? all.filter((card) => !gone.includes(card)).at(-1);
  const from = form.dataset.queue;
  const places = gone.map((card) => ({ card, before: card.nextElementSibling }));
  gone.forEach((card) => { card.dataset.version = items.find((item) => item.id === card.dataset.comment).version; card.querySelector("[name=records]").checked = false; card.remove(); });
  tell();
  count(from, -gone.length);
  count(status, gone.length);
  const entry = { places, from, status, box: null };
  done.push(entry);
  entry.box = toast(gone.length === 1 ? `${said[status]}.` : `${said[status]}: ${gone.length} comments.`, { undo: () => undo(entry), seconds: 8 }); // U goes on undoing
  if (next) { next.focus({ preventScroll: true }); next.scrollIntoView({ block: "nearest" }); } else settle();
}

async function undo(entry = done.at(-1)) {
  if (!entry) return;
  done.splice(done.indexOf(entry), 1);
  entry.box.remove();
  const cardsBack = entry.places.map(({ card }) => card);
  const items = cardsBack.map(({ dataset }) => ({ id: dataset.comment, version: Number(dataset.version), status: entry.from }));
  try {
    const answer = await send("/admin/moderation/decide", { body: { items } });
    entry.places.reverse().forEach(({ card, before }) => {
      card.dataset.version = answer.items.find((item) => item.id === card.dataset.comment).version;
      if (before?.isConnected) before.before(card); else queue.append(card);
    });
    count(entry.from, cardsBack.length);
    count(entry.status, -cardsBack.length);
    settle();
    cardsBack[0].focus();
    announce("Taken back.");
  } catch (problem) {
    toast(problem.detail, { kind: "bad" });
  }
}

// An empty page of a longer queue brings the next one.
function settle() {
  const isEmpty = !cards().length;
  document.querySelector("[data-empty]").hidden = !isEmpty;
  form.querySelector(".queue-bar").hidden = isEmpty;
  const left = Number(document.querySelector(`[data-count="${form.dataset.queue}"]`).textContent.replace(/\D/g, ""));
  if (isEmpty && left > 0) location.reload();
}

function openReply(card) {
  const open = card.querySelector(".reply textarea");
  if (open) { open.focus(); return; }
  if (!card.querySelector("[data-reply]")) return;
  const id = `reply-${card.dataset.comment}`;
  const text = element("textarea", { id, maxlength: "5000", required: true });
  const close = () => { box.remove(); card.focus(); };
  const box = element("div", { class: "reply" }, element("label", { for: id }, `Reply as the site; this approves the comment, and ${isMac ? "⌘" : "Ctrl"} Enter sends it`), text,
    element("div", { class: "row" }, element("button", { type: "button", class: "button primary small", onclick: post }, "Reply"), element("button", { type: "button", class: "button small", onclick: close }, "Cancel")));
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !text.value) close();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) post();
  });
  card.append(box);
  text.focus();

  async function post() {
    if (isBusy.has(card) || !text.value.trim()) { text.focus(); return; }
    isBusy.add(card);
    try {
      const answer = await send("/admin/moderation/reply", { body: { parent: card.dataset.comment, version: Number(card.dataset.version), content: text.value } });
      count("approved", 1);
      card.dataset.version = answer.version;
      box.remove();
      if (form.dataset.queue === "approved") { card.focus(); toast("Replied."); return; }
      const next = cards()[cards().indexOf(card) + 1] ?? cards().at(-2);
      count(form.dataset.queue, -1);
      count("approved", 1);
      card.remove();
      toast("Approved, and replied.", { undo: answer.change_id ?? undefined });
      if (next?.isConnected) next.focus(); else settle();
    } catch (problem) {
      toast(problem.detail, { kind: "bad" });
    } finally {
      isBusy.delete(card);
    }
  }
}

const ticked = () => cards().filter((card) => card.querySelector("[name=records]").checked);
const all = form?.querySelector("[data-all]");
function tell() {
  const number = ticked().length;
  form.querySelector("[data-chosen]").textContent = number ? `${number} ticked` : "Tick all";
  form.querySelector("[data-bulk]").hidden = !number;
  all.checked = number > 0 && number === cards().length;
  all.indeterminate = number > 0 && !all.checked;
}

if (form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { name, value } = event.submitter ?? {};
    const card = event.submitter?.closest(".comment");
    if (card) decide([card], event.submitter.dataset.decide);
    else if (name === "status") decide(ticked(), value);
  });
  let last = null;
  queue.addEventListener("click", (event) => {
    if (event.target.closest("[data-reply]")) openReply(event.target.closest(".comment"));
    if (!event.target.matches("[name=records]")) return;
    const list = cards(), card = event.target.closest(".comment");
    if (event.shiftKey && last?.isConnected) {
      const [from, to] = [list.indexOf(last), list.indexOf(card)].sort((a, b) => a - b);
      list.slice(from, to + 1).forEach((one) => { one.querySelector("[name=records]").checked = event.target.checked; });
    }
    last = card;
    tell();
  });
  all.addEventListener("change", () => { cards().forEach((card) => { card.querySelector("[name=records]").checked = all.checked; }); tell(); });
  form.querySelectorAll("[data-reply]").forEach((button) => { button.hidden = false; });
  const act = (status) => () => { const card = current(); if (card) decide([card], status); else go(0); };
  shortcut("j", () => go(1), "Next comment");
  shortcut("k", () => go(-1), "Comment before");
  shortcut("a", act("approved"), "Approve");
  shortcut("s", act("spam"), "Spam");
  shortcut("d", act("rejected"), "Reject");
  shortcut("r", () => { const card = current(); if (card) openReply(card); }, "Reply as the site");
  shortcut("x", () => { const card = current(); if (card) card.querySelector("[name=records]").click(); }, "Tick");
  tell();
}
shortcut("u", () => undo(), "Undo the last decision");
