// Who else has this open: asked every few seconds while the page is seen, taken back when it is left.
import { element, send } from "./core.js";

const place = document.querySelector("[data-presence]");
const EVERY = 7000;
const tab = crypto.randomUUID?.() ?? `${Date.now().toString(16).padStart(12, "0").replace(/(.{8})(.{4})/, "$1-$2")}-4000-8000-${Math.random().toString(16).slice(2, 14).padEnd(12, "0")}`;
let timer = null;

const address = () => `/admin/presence/${place.dataset.presence}`;
const body = (leaving) => {
  const form = new FormData();
  form.append("csrf_token", document.querySelector('meta[name="csrf-token"]').content);
  form.append("tab", tab);
  if (leaving) form.append("leaving", "1");
  return form;
};

async function tell() {
  clearTimeout(timer);
  if (place.dataset.presence.endsWith("/")) return;
  try {
    draw((await send(address(), { form: body(false) })).people);
  } catch { /* it is asked again */ }
  timer = setTimeout(tell, document.visibilityState === "visible" ? EVERY : EVERY * 2);
}

function draw(people) {
  const names = people.map(({ name, is_me: isMe }) => (isMe ? "you, in another tab" : name));
  if (place.dataset.names === names.join("\n")) return;
  place.dataset.names = names.join("\n");
  place.replaceChildren(...(names.length ? [
    ...people.map(({ name }) => element("span", { class: "avatar small", "aria-hidden": "true", title: name }, [...name][0] ?? "?")),
    element("span", { role: "status" }, `Also open: ${names.join(", ")}`),
  ] : []));
}

addEventListener("pagehide", () => { if (!place.dataset.presence.endsWith("/")) navigator.sendBeacon(address(), body(true)); });
addEventListener("pageshow", (event) => { if (event.persisted) tell(); });
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") tell(); });
document.addEventListener("masthead:created", ({ detail }) => { place.dataset.presence += detail.id; tell(); });
if (place) tell();
