// The preview: the width of the frame, scaled down where the screen is narrower; copying a link; no second link by reloading.
import { announce, toast } from "./core.js";

const stage = document.querySelector("[data-stage]");
const frame = document.querySelector("[data-frame]");
const buttons = [...document.querySelectorAll("[data-width]")];
let width = 1200;

/** Give the frame its width in pixels, and fit it into the room there is. */
const fit = () => {
  const scale = Math.min(1, stage.clientWidth / width);
  frame.style.width = `${width}px`;
  frame.style.height = `${stage.clientHeight / scale}px`;
  frame.style.transform = scale < 1 ? `scale(${scale})` : "";
  // A frame wider than its stage is centred by what sticks out on both sides.
  frame.style.marginInline = scale < 1 ? `${(stage.clientWidth - width) / 2}px` : "";
  frame.classList.add("is-set");
};

buttons.forEach((button) => button.addEventListener("click", () => {
  width = Number(button.dataset.width);
  buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
  fit();
  announce(`${width} pixels wide`);
}));
new ResizeObserver(fit).observe(stage);
if (matchMedia("(max-width: 760px)").matches) buttons.at(-1)?.click();
else fit();

const link = document.querySelector("[data-link]");
if (link) {
  history.replaceState(null, "", location.href);
  link.addEventListener("focus", () => link.select());
  document.querySelector("[data-copy]").addEventListener("click", async () => {
    link.select();
    try {
      await navigator.clipboard.writeText(link.value);
      toast("The link is copied.");
    } catch {
      toast("This browser does not let a page copy; the link is marked, so press Ctrl or ⌘ and C.");
    }
  });
}
