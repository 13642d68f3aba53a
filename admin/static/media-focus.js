// The focal point of a picture: moved by a click or by keys, with the crops that it makes.
import { element } from "./core.js";

const percent = (share) => Math.round(share * 100);
const within = (share) => Math.round(Math.min(1, Math.max(0, share)) * 1000) / 1000;

/**
 * @param {object} medium a picture, as the media library answers it
 * @param {(point: {x: number, y: number}) => void} moved
 * @returns {HTMLElement[]} the picture with its mark, a hint, and two crops
 */
export function focalPoint(medium, moved) {
  const mark = element("span", { class: "focal-mark" });
  const focal = element("div", { class: "focal", role: "slider", tabindex: "0", "data-part": "focal", "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": "Focal point: what every crop shows. Arrow keys move it." },
    element("img", { src: medium.url, alt: "" }), mark);
  const crops = ["wide", "square"].map((shape) => element("img", { class: shape, src: medium.thumbnail, alt: "" }));
  let { x, y } = medium.focal_point;
  const draw = () => {
    mark.style.left = `${x * 100}%`;
    mark.style.top = `${y * 100}%`;
    for (const crop of crops) crop.style.objectPosition = `${x * 100}% ${y * 100}%`;
    focal.setAttribute("aria-valuenow", percent(x));
    focal.setAttribute("aria-valuetext", `${percent(x)} % from the left, ${percent(y)} % from the top`);
  };
  const move = (toX, toY) => {
    [x, y] = [within(toX), within(toY)];
    draw();
    moved({ x, y });
  };
  focal.addEventListener("click", (event) => { const box = focal.getBoundingClientRect(); move((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height); });
  focal.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 0.1 : 0.01, by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (by) { event.preventDefault(); move(x + by[0], y + by[1]); }
  });
  draw();
  return [focal, element("p", { class: "hint" }, "Click what every crop has to show, or move it with the arrow keys."),
    element("div", { class: "crops" }, ...crops.map((crop, index) => element("figure", {}, crop, element("figcaption", {}, ["16:9", "1:1"][index]))))];
}
