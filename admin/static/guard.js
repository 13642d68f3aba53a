// A form that is sent as a whole: kept in this browser from the first key on until a page says that it arrived, so that a
// crash, a lost session and a closed laptop cost nothing. It comes back with the version it was written on.
import { debounce, element, keepSaid, keyOf, refill, saidIn, shortcut, shown, toast } from "./core.js";

const form = document.querySelector("form[data-guard]");
const key = keyOf(location.pathname);
const isAnswer = document.querySelector("[data-focus]") !== null; // what stands here was refused, so it is not saved
const opened = isAnswer ? "" : JSON.stringify(saidIn(form));
const left = isAnswer ? null : JSON.parse(localStorage.getItem(key) ?? "null");
let isLeaving = false;

const isDirty = () => JSON.stringify(saidIn(form)) !== opened;
const keep = debounce(() => {
  if (!isDirty()) { localStorage.removeItem(key); return; }
  try {
    keepSaid(key, form);
  } catch {
    toast("This browser has no room to keep unsaved text.", { kind: "bad" });
  }
}, 250);
for (const name of ["input", "change"]) form.addEventListener(name, () => keep());
if (isAnswer) keep();

form.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  isLeaving = true;
  keepSaid(key, form);
  sessionStorage.setItem("sent", key);
});
addEventListener("pageshow", () => { isLeaving = false; });
addEventListener("pagehide", () => { keep.flush(); });
addEventListener("beforeunload", (event) => { if (!isLeaving && isDirty()) event.preventDefault(); });
shortcut("mod+s", () => form.requestSubmit(), "Save");

if (left && JSON.stringify(left.said) !== opened) {
  const bring = element("button", { type: "button", class: "link", onclick: () => {
    refill(form, left);
    for (const input of form.querySelectorAll("textarea, input")) input.dispatchEvent(new Event("input")); // for what draws it otherwise
    box.remove();
    keep();
  } }, "Bring it back");
  const drop = element("button", { type: "button", class: "link", onclick: () => { localStorage.removeItem(key); box.remove(); } }, "Discard it");
  const box = element("div", { class: "notice", role: "status" }, `What you typed here on ${shown(left.at)} was not saved. `, bring, " ", drop);
  form.before(box);
} else if (!isAnswer) localStorage.removeItem(key);
