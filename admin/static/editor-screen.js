// Writing: everything typed is saved by itself, kept in the browser until it is, and never written over somebody else's.
import { announce, complain, controlled, debounce, element, fill, keepSaid, keyOf, refill, saidIn, send, shortcut, shown, stateOf, toast, zone } from "./core.js";

const form = document.querySelector("form[data-editor]");
const AFTER_TYPING = 1000, AFTER_FAILING = [2000, 4000, 8000, 15000, 30000];

const clock = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", timeZone: zone });
const state = form.querySelector("[data-state]");
const field = (name) => form.elements[name];

const said = () => saidIn(form);
const key = () => keyOf(new URL(form.action).pathname);

let saved = JSON.stringify(said()); // what the server has
let saving = null; // the request that is under way
let failures = 0, timer = null, isLeaving = false;
let paused = "paused" in form.dataset ? "conflict" : "";

const isDirty = () => JSON.stringify(said()) !== saved;
const show = (text, isBad = false) => {
  state.textContent = text;
  state.classList.toggle("is-bad", isBad);
  document.dispatchEvent(new CustomEvent("masthead:state", { detail: text }));
};

// Kept in the browser from the first keystroke on: a crash, a lost session and a closed laptop cost nothing.
const keep = debounce(() => {
  if (!isDirty()) { forget(); return; }
  try {
    makeRoom();
    keepSaid(key(), form, page);
  } catch {
    show("This browser has no room to keep unsaved text", true);
  }
}, 250);

// What an earlier visit left, or another tab is about to, is not written over: it is laid aside until somebody says what
// becomes of it.
const OLDEST = 90 * 24 * 3600 * 1000; // milliseconds
const aside = `${key()} aside`;
const kept = (name) => JSON.parse(localStorage.getItem(name) ?? "null");
const laidAside = () => (kept(aside) ?? []).filter(({ at }) => Date.now() - at < OLDEST);
const isAnswer = document.querySelector("[data-focus]") !== null; // what stands here was refused, so it is not saved
const page = String(Math.random());
const pages = isAnswer ? [page, sessionStorage.getItem("page")] : [page];
sessionStorage.setItem("page", page);
const isOurs = (one) => pages.includes(one.by); // whether it was typed here

function layAside(change) {
  const all = change(laidAside());
  if (all.length) localStorage.setItem(aside, JSON.stringify(all));
  else localStorage.removeItem(aside);
}

function makeRoom() {
  const other = kept(key());
  if (other && !isOurs(other)) layAside((all) => [...all.filter((one) => !one.by || (one.by !== other.by && !isOurs(one))), other]);
}

function forget(name = key()) {
  if (isOurs(kept(name) ?? {})) localStorage.removeItem(name);
  if (laidAside().some(isOurs)) layAside((all) => all.filter((one) => !isOurs(one)));
}
const isLookingFor = () => said().some(([name]) => name.endsWith(".typed")); // what is not chosen yet is not saved

const plan = (wait) => { clearTimeout(timer); timer = setTimeout(autosave, wait); };

function touched() {
  if (!isDirty()) return;
  keep();
  if (paused) return;
  if (!saving) show("Unsaved");
  failures = 0;
  plan(AFTER_TYPING);
}
form.addEventListener("input", (event) => { if (!event.target.closest(".publish-menu")) touched(); });
form.addEventListener("change", (event) => { if (!event.target.closest(".publish-menu")) touched(); });

async function autosave() {
  clearTimeout(timer);
  if (saving) return saving.then(() => (isDirty() && !paused && !failures ? autosave() : undefined));
  if (paused || !isDirty()) return undefined;
  if (isUnnamed()) { show("Saved once it has a title"); return undefined; }
  show("Saving …");
  saving = put();
  await saving;
  saving = null;
  return isDirty() && !paused && !failures ? plan(AFTER_TYPING) : undefined;
}

const titleField = form.querySelector("[data-title]");
const isUnnamed = () => form.action.endsWith("/create") && titleField && !titleField.value.trim();

async function put() {
  const sent = new FormData(form), before = said();
  for (const name of ["_then", "_at", "_until", "_note"]) sent.delete(name);
  // What is being looked for is not chosen yet: it is complained of by the button that is pressed, and not before.
  for (const name of [...sent.keys()].filter((one) => one.endsWith(".typed"))) sent.delete(name);
  try {
    const answer = await send(form.dataset.editor, { form: sent });
    failures = 0;
    take(answer, before);
  } catch (problem) {
    refuse(problem);
  }
}

function take(answer, before) {
  const old = key();
  forgive();
  const seen = ["_version", "_base"].map((name) => [field(name), field(name).value]);
  field("_version").value = answer.version;
  field("_base").value = answer.base;
  const end = document.querySelector("[data-record]");
  if (end && !answer.is_draft) end.value = `${answer.id}:${answer.version}`; // or deleting it would be refused as stale
  if (form.action.endsWith("/create")) {
    form.action = answer.url;
    form.dataset.editor = form.dataset.editor.replace(/\/autosave.*/, `/autosave/${answer.id}`);
    history.replaceState(history.state, "", answer.url);
    document.dispatchEvent(new CustomEvent("masthead:created", { detail: answer }));
  }
  saved = JSON.stringify(before);
  const hasAll = merge(answer.fields, new Map(before), answer.is_merged);
  if (answer.is_merged && !hasAll) seen.forEach(([input, value]) => { input.value = value; }); // the next save is merged, too
  forget(old);
  keep();
  keep.flush();
  show(isDirty() ? "Unsaved" : `Saved ${clock(new Date())}`);
  tell(answer);
}

// What a page of a new record has not yet: its preview, its history, its end.
document.addEventListener("masthead:created", async ({ detail }) => {
  const answer = await fetch(detail.url).catch(() => null);
  if (!answer?.ok) return; // the next visit has it all
  const made = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.title = made.title;
  for (const place of document.querySelectorAll("[data-once-made]")) {
    place.replaceChildren(...made.querySelector(`[data-once-made="${place.dataset.onceMade}"]`)?.childNodes ?? []);
  }
});

/** A text with what was typed into it since it was sent, and what others changed of it; null where the two meet. */
function carry(sent, typed, merged) {
  const ends = (text) => {
    const most = Math.min(sent.length, text.length);
    let start = 0, end = 0;
    while (start < most && sent[start] === text[start]) start += 1;
    while (end < most - start && sent.at(-1 - end) === text.at(-1 - end)) end += 1;
    return [start, sent.length - end];
  };
  const [start, end] = ends(typed), [first, last] = ends(merged);
  if (end < first) return typed.slice(0, typed.length - (sent.length - end)) + merged.slice(end);
  return last < start ? merged.slice(0, merged.length - (sent.length - start)) + typed.slice(start) : null;
}

// The controls of a field, each with its value: of a structured one there is one for each part.
function parts(name, value) {
  const whole = field(name), known = [...form.elements].filter((input) => input.name.startsWith(`${name}.`));
  return whole ? [[whole, value]] : known.map((input) => [input, value?.[input.name.slice(name.length + 1)]]);
}

// What somebody else changed meanwhile stands in the form too; what was typed over since is told from it.
// Returns whether all of that could be.
function merge(fields, before, isMerged) {
  const base = JSON.parse(field("_base").value), taken = new Map(), wasClean = !isDirty();
  let hasAll = true;
  for (const [name, { value, digest, choices }] of Object.entries(fields)) {
    const controls = choices ? [] : parts(name, value).filter(([input]) => input.matches?.("input:not([type=checkbox]), textarea, select"));
    if (choices && wasClean) {
      fill(field(name), { choices });
      taken.set(name, field(name).value);
    }
    const texts = controls.map(([input, theirs]) => {
      const text = String(theirs ?? "");
      return [input, text, input.value === before.get(input.name) ? text : isMerged ? carry(before.get(input.name) ?? "", input.value, text) : null];
    });
    const meets = texts.some(([, , both]) => both === null);
    hasAll &&= !meets;
    if (!isMerged && controls.some(([input]) => input === document.activeElement)) continue; // what is made does not get under the hand
    if (meets || (choices ? !wasClean : !texts.length)) continue;
    for (const [input, text, both] of texts) {
      fill(input, { value: both });
      taken.set(input.name, both === text ? input.value : text);
    }
    base[name] = digest;
  }
  field("_base").value = JSON.stringify(base);
  saved = JSON.stringify(wasClean ? said() : JSON.parse(saved).map(([name, value]) => [name, taken.get(name) ?? value]));
  const labels = [...taken.keys()].map((name) => field(name).labels?.[0]?.firstChild.textContent.trim() || name);
  if (isMerged && labels.length) toast(`Merged with what somebody else changed meanwhile: ${labels.join(", ")}.`);
  return hasAll;
}

// Where the record stands, and what its large button does now.
function tell(answer) {
  const sentence = form.querySelector("[data-sentence]"), primary = form.querySelector("[data-primary]");
  if (sentence) {
    sentence.textContent = answer.sentence;
    const time = sentence.parentElement.querySelector("time");
    if (time && answer.time) { time.dateTime = answer.time; localise(time); } else time?.toggleAttribute("hidden", !answer.time);
  }
  form.querySelectorAll("[data-verb]").forEach((item) => { item.hidden = !answer.verbs.includes(item.dataset.verb); });
  form.querySelector("[data-publish-menu]")?.toggleAttribute("hidden", !answer.verbs.length);
  if (primary) {
    primary.hidden = !answer.primary;
    if (answer.primary) [primary.value, primary.textContent] = answer.primary;
  }
}

function refuse(problem) {
  if (problem.status === 401 || (problem.status === 403 && !failures)) { failures += 1; renew(problem); return; }
  if (problem.conflicts || problem.status === 412) { pause("conflict", "The same was changed elsewhere meanwhile. Nothing of yours is lost; saving by itself has stopped.", resolve); return; }
  if (problem.status === 404) { pause("gone", "This was deleted meanwhile. What you typed is kept in this browser.", make); return; }
  if (problem.status >= 400 && problem.status < 500 && problem.status !== 429) { failures = 1; complainOf(problem); return; }
  show("Not saved yet; trying again", true);
  plan(AFTER_FAILING[Math.min(failures, AFTER_FAILING.length - 1)]);
  failures += 1;
}

// What is wrong, by the names that people see, and beside what it is about.
const complained = new Set();
function complainOf(problem) {
  forgive();
  const beside = new Map();
  const faults = problem.errors.map(({ pointer, detail }) => {
    const [name, ...parts] = (pointer ?? "").split("/").slice(1);
    const input = [[name, ...parts].join("."), name].map(field).find((one) => one?.labels);
    if (input) beside.set(input, [beside.get(input), detail].filter(Boolean).join(" "));
    const label = input?.labels[0]?.firstChild.textContent.trim();
    return label ? `${label}: ${detail}` : detail;
  });
  for (const [input, sentence] of beside) { complain(input, sentence); complained.add(input); }
  const text = faults.join(" ") || problem.detail;
  show(`Not saved. ${text}`, true);
  announce(text);
}

function forgive() {
  complained.forEach((input) => complain(input, ""));
  complained.clear();
}

const resolve = () => element("button", { type: "button", class: "button small primary", onclick: () => { isLeaving = true; form.submit(); } }, "Resolve");
const make = () => element("button", { type: "button", class: "button small", onclick: () => { isLeaving = true; form.submit(); } }, "Save it anew");

function pause(why, text, action) {
  paused = why;
  show("Not saved", true);
  banner(text, action());
}

function banner(text, ...actions) {
  document.querySelector("[data-banner]")?.remove();
  const box = element("div", { class: "notice-box", role: "alert", "data-banner": true }, element("p", {}, text), ...actions);
  form.querySelector(".page-head").after(box);
  document.dispatchEvent(new CustomEvent("masthead:stopped")); // nothing may cover it
  return box;
}

// A session that ended: what is typed stays here, and is saved as soon as somebody has signed in again.
async function renew(problem) {
  try {
    const session = await send("/admin/session", { method: "GET" });
    if (session.user !== form.dataset.user) throw Object.assign(new Error(), { isOther: true });
    document.querySelector('meta[name="csrf-token"]').content = session.csrf_token;
    document.querySelectorAll("input[name=csrf_token]").forEach((input) => { input.value = session.csrf_token; });
    if (paused === "session") { paused = ""; document.querySelector("[data-banner]")?.remove(); }
    if (problem?.status === 403) { show(`Not saved: ${problem.detail}`, true); if (failures > 1) return; }
    plan(0);
  } catch (error) {
    if (paused !== "session") {
      paused = "session";
      show("Not saved", true);
      const other = error.isOther ? "Somebody else has signed in here. " : "Your session has ended. ";
      banner(`${other}What you typed is kept, and saved once you have signed in again.`, element("a", { class: "button small primary", href: "/admin/login", target: "_blank" }, "Sign in in a new tab"));
    }
    setTimeout(() => { if (paused === "session") renew(); }, 4000);
  }
}
addEventListener("focus", () => { if (paused === "session") renew(); });

// A button saves first, so that what it does is done to what stands here.
form.addEventListener("submit", async (event) => {
  if (event.defaultPrevented) return;
  event.preventDefault();
  const button = event.submitter;
  if (paused !== "conflict") {
    clearTimeout(timer);
    if (isDirty() && !isUnnamed()) await autosave();
    else if (saving) await saving;
  }
  if (paused === "session") return;
  if (button?.matches("[data-save]") && !isDirty() && !form.action.endsWith("/create")) { show(`Saved ${clock(new Date())}`); return; }
  if (state.textContent.startsWith("Not saved yet")) { toast("The server can't be reached. What you typed is kept in this browser, and saved as soon as that works.", { kind: "bad" }); return; }
  try { makeRoom(); } catch { /* it stays where it is */ }
  isLeaving = true;
  if (button?.name) form.append(element("input", { type: "hidden", name: button.name, value: button.value }));
  form.submit();
});
document.querySelector("[data-discard]")?.addEventListener("click", () => { isLeaving = true; keep.cancel(); forget(); });
// The preview shows what is saved, so that comes first.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("[data-preview]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || paused || !isDirty()) return;
  event.preventDefault();
  await autosave();
  if (isDirty()) toast("What you typed could not be saved yet, so the preview would not show it.", { kind: "bad" });
  else location.assign(link.href);
});
addEventListener("pageshow", () => { isLeaving = false; });
addEventListener("beforeunload", (event) => { if (!isLeaving && (isDirty() || isLookingFor())) { keep.flush(); event.preventDefault(); } });
addEventListener("pagehide", () => { keep.flush(); if (!isLeaving) autosave(); });
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") { keep.flush(); autosave(); } });

// What stands in the way of saving is where to go on.
function pointOut() {
  const way = document.querySelector("[data-banner] :is(button, a)") ?? form.querySelector(".page-head button.primary");
  way.focus();
  toast(paused === "session" ? "Nothing can be saved until you have signed in again." : "Nothing is saved until you have decided about this.", { kind: "bad", seconds: 8 });
}
shortcut("mod+s", () => { if (paused) pointOut(); else if (isLookingFor()) form.requestSubmit(form.querySelector("[data-save]")); else if (isDirty()) autosave(); else show(`Saved ${clock(new Date())}`); }, "Save now");
shortcut("mod+p", () => { const primary = form.querySelector("[data-primary]:not([hidden])"); if (primary) form.requestSubmit(primary); }, "Publish, or submit for review");

// What earlier visits left unsaved, the newest last.
if (document.querySelector(".toast[data-arrived]")) localStorage.removeItem(key());
if (isAnswer) saved = "";
const isSaved = (one) => JSON.stringify(one.said) === saved;
const last = isAnswer ? null : kept(key());
if (last && isSaved(last)) localStorage.removeItem(key());
const left = isAnswer ? [] : [...laidAside(), last].filter((one) => one && !isSaved(one));

function offer() {
  if (!left.length || paused) return; // what stops the saving comes first; the next visit offers it
  const newest = left.at(-1), time = new Date(newest.at);
  const answer = () => {
    left.splice(left.indexOf(newest), 1);
    layAside((all) => all.filter(({ at }) => at !== newest.at));
    const here = kept(key());
    if (here?.at === newest.at && !isOurs(here)) localStorage.removeItem(key());
    box.remove();
    offer();
  };
  const restore = () => {
    try {
      if (isDirty()) layAside((all) => [...all, stateOf(form)]);
    } catch {
      show("This browser has no room to keep what stands here now", true);
      return;
    }
    refill(form, newest);
    touched();
    keep.flush();
    answer();
  };
  const bring = element("button", { type: "button", class: "button small primary", onclick: restore }, "Bring it back");
  const discard = () => {
    answer();
    toast("Discarded.", { undo: () => { layAside((all) => [...all, newest]); left.push(newest); offer(); } });
  };
  const drop = element("button", { type: "button", class: "button small", onclick: discard }, "Discard it");
  const box = banner(`What you typed here on ${time.toLocaleDateString([], { timeZone: zone })} at ${clock(time)} was not saved.`, bring, drop);
}
offer();

// The slug follows the title until it is chosen, or readers have seen it.
const slug = form.querySelector("[data-slug]");
if (slug && titleField && "slugMade" in form.dataset) {
  let isMade = true;
  slug.addEventListener("input", () => { isMade = false; });
  const follow = debounce(async () => {
    if (!isMade || !titleField.value.trim()) return;
    const id = form.dataset.editor.split("/autosave/")[1] ?? "";
    try {
      const answer = await send(`${form.dataset.slugAddress}?${new URLSearchParams({ title: titleField.value.slice(0, 200), id })}`, { method: "GET" });
      if (!isMade || slug.value === answer.slug) return;
      slug.value = answer.slug;
      slug.dispatchEvent(new Event("masthead:made", { bubbles: true }));
      touched();
    } catch { /* the server makes one when the record is saved */ }
  }, 300);
  titleField.addEventListener("input", follow);
}

// Another address than the one that readers know: the old one can lead on to it.
const former = form.querySelector("[data-former]");
if (former) {
  const watch = () => { former.hidden = slug.value.trim() === former.dataset.slug && (field("parent")?.value ?? "") === former.dataset.parent; };
  for (const name of ["input", "change", "masthead:made"]) form.addEventListener(name, watch);
}

// What a search engine would show of it, while it is written.
if (field("seo.title")) {
  const [site, title, text] = ["result-site", "result-title", "result-text"].map((name) => element("p", { class: name }));
  const shorten = (said, most) => (said.length > most ? `${said.slice(0, most).replace(/\s+\S*$/, "")} …` : said);
  const value = (name) => field(name)?.value.trim() ?? "";
  const plain = (markdown) => markdown.replace(/!\[[^\]]*\]\([^)]*\)|^[#>\-+*\d.\s]+|[*_`~]/gm, " ").replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
  const draw = debounce(() => {
    site.textContent = [location.host, form.querySelector(".crumbs a").textContent.toLowerCase(), value("slug")].filter(Boolean).join(" › ");
    title.textContent = shorten(value("seo.title") || value("title") || "Without a title", 60);
    text.textContent = shorten((value("seo.description") || value("excerpt") || plain(value("content"))).replace(/\s+/g, " ").trim(), 160);
  }, 100);
  document.getElementById("field-seo").append(element("figure", { class: "search-result", "data-search-result": true }, element("figcaption", { class: "hint" }, "As search engines may show it"), site, title, text));
  form.addEventListener("input", draw);
  form.addEventListener("masthead:made", draw);
  draw();
}

// Times in the zone of who looks.
function localise(time) {
  time.hidden = false;
  time.textContent = shown(time.dateTime);
}
document.querySelectorAll("time[data-local]").forEach(localise);
// The server writes UTC where it knows no other zone: this browser's is of more use.
const zoneField = form.querySelector("[data-zone-field]");
if (zoneField?.value === "UTC") {
  form.querySelectorAll("[data-zone]").forEach((place) => { place.textContent = zone; });
  zoneField.value = zone;
  form.querySelectorAll(".publish-menu [type=datetime-local]").forEach((input) => { if (input.value) input.value = controlled(`${input.value}:00Z`); });
}
