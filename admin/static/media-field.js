// Fields that take files: what is chosen, shown large with its alternative text, and the library to choose from.
import { element, icon } from "./core.js";
import { openMediaPicker, styled } from "./media-picker.js";

function enhance(select) {
  const picker = select.nextElementSibling, name = document.querySelector(`label[for="${select.id.replace(/-value$/, "")}"]`)?.firstChild?.textContent.trim() ?? "Picture";
  const shown = element("div", { class: "media-field" });
  const choose = element("button", { type: "button", class: "button small", onclick: open }, icon("photo", "small"), "Choose from the library");
  const draw = () => {
    const chosen = [...select.selectedOptions].filter((option) => option.value);
    shown.replaceChildren(...chosen.map((option) => element("div", { class: "media-chosen" },
      element("span", { class: "media-frame" }, option.dataset.image ? element("img", { src: option.dataset.image, alt: "" }) : icon("file-text")),
      element("span", {}, option.dataset.alt || (option.dataset.image ? element("span", { class: "is-missing" }, "No alt text yet: describe it in the media library.") : option.label)),
      element("button", { type: "button", class: "button small quiet icon-only", "aria-label": `Take ${option.label} away`, onclick: () => { option.remove(); select.dispatchEvent(new Event("change", { bubbles: true })); choose.focus(); } }, icon("x", "small")))));
    for (const chip of picker.querySelectorAll(".chip")) chip.classList.toggle("hidden-text", !select.multiple);
  };
  async function open() {
    for (const medium of await openMediaPicker({ multiple: select.multiple, title: `Choose: ${name}` })) select.pick({ id: medium.id, label: medium.path, image: medium.thumbnail, alt: medium.alt });
  }
  select.addEventListener("change", draw);
  picker.before(shown);
  picker.after(element("div", { class: "row media-choose" }, choose));
  draw();
}

styled();
document.querySelectorAll("select[data-media-field]").forEach(enhance);
