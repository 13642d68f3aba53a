// The queue by keyboard: every decision is one key, every one can be taken back.
import { announce, element, isMac, send, shortcut, toast } from "./core.js";

const form = document.querySelector("[data-queue]");
const queue = form?.querySelector(".queue");
const cards = () => [...queue.querySelectorAll(".comment:not(.is-leaving)")];
const current = () => cards().find((card) => card.contains(document.activeElement)) ?? null;
const said = { approved: "Approved", rejected: "Rejected", spam: "Marked as spam", pending: "Waiting again" };
const done = []; // what was done here, the latest last: how to take it back, and where the cards stood

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
  const typed = fresh.map((card) => card.querySelector(".reply textarea")).find((text) => text?.value.trim());
  if (typed) { // it would go with its comment
    typed.focus();
    toast("There is a reply that is not sent. Send it, or cancel it, before you decide.", { kind: "bad", seconds: 8 });
    return;
  }
  fresh.forEach((card) => isBusy.add(card));
  try {
    take(fresh, await decided(fresh, status), status);
  } catch (problem) {
    complainOf(problem, fresh);
  } finally {
    fresh.forEach((card) => isBusy.delete(card));
  }
}

// Of many it says which one can't be decided, and the others can be once more without it; it stands as it is now.
async function complainOf(problem, chosen) {
  const culprit = chosen.find((card) => card.dataset.comment === problem.record_id);
  const who = culprit?.querySelector(".comment-head strong").textContent;
  toast(chosen.length > 1 && culprit ? `Nothing was decided, because of the comment of ${who}, which is not ticked any more. ${problem.detail}` : problem.detail, { kind: "bad" });
  if (!culprit) return;
  culprit.querySelector("[name=records]").checked = false;
  tell();
  culprit.focus();
  const page = await fetched();
  if (!page) return;
  const now = page.getElementById(culprit.id), hadFocus = culprit.contains(document.activeElement);
  if (now) culprit.replaceWith(now); else culprit.remove();
  offerReplies();
  if (!cards().length) settle(); else if (hadFocus) (now ?? cards()[0]).focus();
}

/** This page of the queue as the server has it now; null where it does not answer. */
async function fetched() {
  const answer = await fetch(location.href).catch(() => null);
  const page = answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  return page?.querySelector("[data-count]") ? page : null; // and not a door to sign in by
}

function take(gone, items, status) {
  const all = cards();
  const next = all.slice(all.indexOf(gone.at(-1)) + 1).find((card) => !gone.includes(card)) ?? all.filter((card) => !gone.includes(card)).at(-1);
  const from = form.dataset.queue;
  const places = gone.map((card) => ({ card, before: card.nextElementSibling }));
  gone.forEach((card) => { card.dataset.version = items.find((item) => item.id === card.dataset.comment).version; card.querySelector("[name=records]").checked = false; card.remove(); });
  tell();
  const counts = { [from]: -gone.length, [status]: gone.length };
  remember({ places, counts, takeBack: () => decided(gone, from) }, gone.length === 1 ? `${said[status]}.` : `${said[status]}: ${gone.length} comments.`);
  if (next) { next.focus({ preventScroll: true }); next.scrollIntoView({ block: "nearest" }); } else settle();
}

// U goes on undoing when the toast is gone.
function remember(entry, text) {
  Object.entries(entry.counts).forEach(([status, by]) => count(status, by));
  done.push(entry);
  entry.box = toast(text, { undo: () => undo(entry), seconds: 8 });
}

async function decided(chosen, status) {
  const items = chosen.map(({ dataset }) => ({ id: dataset.comment, version: Number(dataset.version), status }));
  const answer = await send("/admin/moderation/decide", { body: { items } });
  return answer.items;
}

async function undo(entry = done.at(-1)) {
  if (!entry) return;
  const at = done.indexOf(entry);
  done.splice(at, 1);
  entry.box.remove();
  try {
    const items = await entry.takeBack();
    entry.places.reverse().forEach(({ card, before }) => {
      card.dataset.version = items.find((item) => item.id === card.dataset.comment).version;
      if (card.isConnected || entry.isStaying) return;
      if (before?.isConnected) before.before(card); else queue.append(card);
    });
    Object.entries(entry.counts).forEach(([status, by]) => count(status, -by));
    settle();
    entry.places[0].card.focus();
    announce("Taken back.");
  } catch (problem) {
    if (![404, 409, 412].includes(problem.status)) done.splice(at, 0, entry); // it can be tried again
    toast(problem.detail, { kind: "bad" });
  }
}

// An empty page of a longer queue brings the next one; what was decided here can be taken back all the same.
async function settle() {
  const left = Number(document.querySelector(`[data-count="${form.dataset.queue}"]`).textContent.replace(/\D/g, ""));
  if (!cards().length && left > 0 && !await hasMore()) return;
  const isEmpty = !cards().length;
  document.querySelector("[data-empty]").hidden = !isEmpty;
  form.querySelector(".queue-bar").hidden = isEmpty;
}

/** Bring what comes next. @returns {Promise<boolean>} whether that is known */
async function hasMore() {
  const page = await fetched();
  if (!page) { toast("The next comments could not be fetched. Reload the page for them.", { kind: "bad" }); return false; }
  queue.append(...[...page.querySelectorAll(".queue > .comment")].filter(({ id }) => !document.getElementById(id)));
  offerReplies();
  document.querySelector(".pages")?.replaceWith(...page.querySelectorAll(".pages"));
  for (const place of document.querySelectorAll("[data-count]")) place.textContent = page.querySelector(`[data-count="${place.dataset.count}"]`).textContent;
  count("pending", 0);
  if (cards().length && !document.activeElement?.closest(".comment")) go(0);
  return true;
}

const offerReplies = () => form.querySelectorAll("[data-reply]").forEach((button) => { button.hidden = false; });

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
      card.dataset.version = answer.version;
      box.remove();
      const from = form.dataset.queue, next = cards()[cards().indexOf(card) + 1] ?? cards().at(-2);
      const isStaying = from === "approved";
      const entry = {
        isStaying, // where it stands is not changed, so it is not put back either
        places: [{ card, before: card.nextElementSibling }],
        counts: isStaying ? { approved: 1 } : { [from]: -1, approved: 2 },
        takeBack: async () => (await send("/admin/moderation/unreply", { body: { change: answer.change_id, comment: card.dataset.comment } })).items,
      };
      if (!isStaying) card.remove();
      remember(entry, isStaying ? "Replied." : "Approved, and replied.");
      if (isStaying) card.focus(); else if (next?.isConnected) next.focus(); else settle();
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
  offerReplies();
  const act = (status) => () => { // to what is ticked, or else to where one is
    const chosen = ticked().length ? ticked() : [current()].filter(Boolean);
    if (chosen.length) decide(chosen, status); else go(0);
  };
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
addEventListener("beforeunload", (event) => { // a reply is kept nowhere until it is sent
  if ([...document.querySelectorAll(".reply textarea")].some((text) => text.value.trim())) event.preventDefault();
});
