// What is seen: the text, the text beside its preview, or the preview; and whether it fills the screen.
import { element, icon, isMac } from "./core.js";

const KEPT = "masthead-markdown-mode";
const WIDE = 680;
const MODES = [["write", "Write", "pencil"], ["beside", "Side by side", "columns-2"], ["preview", "Preview", "eye"]];

/**
 * @param {HTMLElement} box
 * @param {import("@codemirror/view").EditorView} view
 * @param {() => void} onPreview the preview comes into sight
 */
export function layoutOf(box, view, onPreview) {
  let wanted = localStorage.getItem(KEPT) ?? "write";
  const buttons = MODES.map(([mode, label, symbol]) => {
    const button = element("button", { type: "button", class: "button quiet icon-only small", "aria-label": label, title: label, "aria-pressed": "false", tabindex: "-1", "data-mode": mode }, icon(symbol));
    button.addEventListener("click", () => { wanted = mode; localStorage.setItem(KEPT, mode); draw(); });
    return button;
  });
  const full = element("button", { type: "button", class: "button quiet icon-only small", "aria-label": "Full screen", title: `Full screen (${isMac ? "⇧⌘F" : "Ctrl+Shift+F"})`, "aria-pressed": "false", tabindex: "-1" });
  const draw = () => {
    const isWide = box.clientWidth >= WIDE;
    const mode = wanted === "beside" && !isWide ? "write" : wanted;
    buttons[1].disabled = !isWide;
    if (mode === box.dataset.mode && buttons.some((button) => button.getAttribute("aria-pressed") === "true")) return;
    box.dataset.mode = mode;
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.mode === mode)));
    view.requestMeasure();
    if (mode !== "write") onPreview();
  };
  let hidden = [];
  const toggleFull = (isFull = !box.classList.contains("is-full")) => {
    box.classList.toggle("is-full", isFull);
    document.documentElement.classList.toggle("md-is-full", isFull);
    full.setAttribute("aria-pressed", String(isFull));
    full.replaceChildren(icon(isFull ? "arrows-minimize" : "arrows-maximize"));
    hidden.forEach((node) => { node.inert = false; });
    hidden = isFull ? around(box) : [];
    hidden.forEach((node) => { node.inert = true; });
    draw();
    view.focus();
    return true;
  };
  full.append(icon("arrows-maximize"));
  full.addEventListener("click", () => toggleFull());
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && box.classList.contains("is-full")) { event.preventDefault(); toggleFull(false); }
  });
  document.addEventListener("masthead:stopped", () => { if (box.classList.contains("is-full")) toggleFull(false); });
  return { controls: [...buttons, full], toggleFull, start() { new ResizeObserver(draw).observe(box); draw(); } };
}

// What a full screen covers can't be reached with keys either; toasts and dialogs lie above it.
function around(box) {
  const covered = [];
  for (let node = box; node !== document.body; node = node.parentElement) {
    covered.push(...[...node.parentElement.children].filter((other) => other !== node && !other.inert && !other.matches("dialog, .toasts, #announcer, script, link")));
  }
  return covered;
}
