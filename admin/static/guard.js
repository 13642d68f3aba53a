// A form that is sent as a whole: kept in this browser from the first key on until a page says that it arrived, so that a
// crash, a lost session and a closed laptop cost nothing. It comes back with the version it was written on.
import { debounce, element, keepSaid, keptOf, keyOf, refill, saidIn, shortcut, shown, stateOf, toast } from "./core.js";

const form = document.querySelector("form[data-guard]");
const key = keyOf(location.pathname);
const isAnswer = document.querySelector("[data-focus]") !== null; // what stands here was refused, so it is not saved
const opened = isAnswer ? "" : JSON.stringify(saidIn(form));
const kept = isAnswer ? null : localStorage.getItem(key) ?? localStorage.getItem(`${key} besides`);
const left = kept && JSON.parse(kept);
let isOffered = Boolean(left) && JSON.stringify(left.said) !== JSON.stringify(keptOf(form));
let isLeaving = false;

const isDirty = () => JSON.stringify(saidIn(form)) !== opened;
// As long as nobody has said what becomes of what was left here, it is not overwritten.
const place = () => (isOffered ? `${key} besides` : key);
const keepNow = () => {
  if (!isDirty()) { localStorage.removeItem(place()); return; }
  try {
    keepSaid(place(), form);
  } catch {
    toast("This browser has no room to keep unsaved text.", { kind: "bad" });
  }
};
const keep = debounce(keepNow, 250);
const forget = () => { keep.cancel(); [key, `${key} besides`].forEach((name) => localStorage.removeItem(name)); };
for (const name of ["input", "change"]) form.addEventListener(name, () => keep());
if (isAnswer) keep();

form.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  isLeaving = true;
  sessionStorage.setItem("sent", key);
  keepNow();
});
document.querySelector("[data-discard]")?.addEventListener("click", () => { isLeaving = true; forget(); });
addEventListener("pageshow", () => { isLeaving = false; });
addEventListener("pagehide", () => { keep.flush(); });
addEventListener("beforeunload", (event) => { if (!isLeaving && isDirty()) event.preventDefault(); });
shortcut("mod+s", () => form.requestSubmit(), "Save");

function say(state) {
  refill(form, state);
  for (const input of form.querySelectorAll("textarea, input")) input.dispatchEvent(new Event("input")); // for what draws it otherwise
  keepNow();
}

if (isOffered) {
  const answered = () => { isOffered = false; box.remove(); };
  const bring = () => {
    const now = isDirty() ? stateOf(form) : null;
    answered();
    say(left);
    if (now) toast("Brought back, in the place of what you typed since.", { undo: () => say(now) });
  };
  const offerAgain = () => { isOffered = true; localStorage.setItem(key, kept); form.before(box); keepNow(); };
  const discard = () => {
    answered();
    forget();
    keepNow();
    toast("Discarded.", { undo: offerAgain });
  };
  const button = (label, onclick) => element("button", { type: "button", class: "link", onclick }, label);
  const box = element("div", { class: "notice", role: "status" }, `What you typed here on ${shown(left.at)} was not saved. `, button("Bring it back", bring), " ", button("Discard it", discard));
  form.before(box);
} else if (!isAnswer) forget();
