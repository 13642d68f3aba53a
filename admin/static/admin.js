// Comfort over forms that work without it: a slug's hint, text that is not lost, related records found by searching.
import { complain, debounce, element, icon, toast } from "./core.js";

// A file that is too large is not sent.
const file = document.querySelector("form input[type=file][data-max-bytes]");
const weigh = () => {
  const isTooLarge = [...file.files].some((chosen) => chosen.size > Number(file.dataset.maxBytes));
  complain(file, isTooLarge ? file.dataset.tooLarge : "");
  return isTooLarge;
};
file?.addEventListener("change", weigh);
file?.form.addEventListener("submit", (event) => { if (weigh()) { event.preventDefault(); file.focus(); } }, true);

// What a slug will be, while it is still empty.
const [slug, title] = ["[data-slug]", "[data-title]"].map((selector) => document.querySelector(selector));
if (slug && title && slug.placeholder) title.addEventListener("input", () => {
  slug.placeholder = title.value.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "made from the title";
});

// Time zones to choose from, as this browser knows them.
const zone = document.querySelector("[data-time-zone]");
zone?.addEventListener("focus", () => {
  const names = ["UTC", ...(Intl.supportedValuesOf?.("timeZone") ?? [])];
  zone.after(element("datalist", { id: "time-zones" }, ...names.map((value) => element("option", { value }))));
  zone.setAttribute("list", "time-zones");
}, { once: true });

// What was sent from a form has arrived, once a page says so: it need not be kept any more.
const sent = sessionStorage.getItem("sent");
sessionStorage.removeItem("sent"); // of another page than the answer, a notice says nothing about it
if (sent && document.querySelector("[data-arrived], [data-focus]")) [sent, `${sent} besides`].forEach((key) => localStorage.removeItem(key));
document.querySelector("[data-focus]")?.focus();

// A picture before it is uploaded.
file?.addEventListener("change", () => {
  const chosen = file.files[0], isPicture = chosen?.type.startsWith("image/");
  const pictures = isPicture ? [element("img", { class: "preview", alt: "", src: URL.createObjectURL(chosen) })] : [];
  document.querySelector("[data-preview-image]").replaceChildren(...pictures);
});

// A <select> that holds only what is chosen becomes a search box with chips.
function enhancePicker(select) {
  const id = select.id;
  const list = element("ul", { class: "picker-list", id: `${id}-list`, hidden: true, role: "listbox" });
  const input = element("input", { type: "text", autocomplete: "off", role: "combobox" });
  const box = element("div", { class: "picker-box" });
  let found = [], sought = null, at = -1, hasMoved = false, asked = 0, isMaking = false;
  const chosen = () => [...select.selectedOptions].filter((option) => option.value);

  const draw = () => {
    box.querySelectorAll(".chip").forEach((chip) => chip.remove());
    for (const option of chosen()) {
      const remove = element("button", { type: "button", "aria-label": `Remove ${option.label}`, onclick: () => { option.remove(); changed(); input.focus(); } }, "×");
      const chip = element("span", { class: "chip" }, element("span", {}, option.label), remove);
      if (option.dataset.image) chip.prepend(element("img", { src: option.dataset.image, alt: "" }));
      box.insertBefore(chip, input);
    }
    input.placeholder = chosen().length ? (select.multiple ? "Add…" : "Change…") : "Search…";
  };
  const changed = () => { draw(); select.dispatchEvent(new Event("change", { bubbles: true })); };
  const close = () => { list.hidden = true; at = -1; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); };
  const mark = (index) => {
    at = index;
    [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
    if (at >= 0) { input.setAttribute("aria-activedescendant", list.children[at].id); list.children[at].scrollIntoView({ block: "nearest" }); }
  };
  // What is not there yet is made by its title; a refusal stands beside the field, and what was typed stays.
  const produce = async (label) => {
    if (isMaking) return;
    isMaking = true;
    const body = new FormData();
    body.append("title", label);
    const headers = { Accept: "application/json", "X-CSRF-Token": document.querySelector("meta[name=csrf-token]").content };
    const answer = await fetch(select.dataset.maker, { method: "POST", body, headers, redirect: "manual" }).catch(() => null);
    const said = answer && /json/.test(answer.headers.get("content-type") || "") ? await answer.json() : {};
    isMaking = false;
    if (answer?.status === 201) pick(said);
    else { close(); complain(input, said.errors?.[0]?.detail || said.detail || `“${label}” could not be created. Are you still signed in?`); }
  };
  const pick = (choice) => {
    if (choice.isNew) { produce(choice.label); return; }
    if (!select.multiple) chosen().forEach((option) => option.remove());
    if (!chosen().some((option) => option.value === choice.id)) {
      const option = new Option(choice.label, choice.id, true, true);
      if (choice.image) Object.assign(option.dataset, { image: choice.image, alt: choice.alt || "" });
      select.add(option);
    }
    input.value = "";
    hasMoved = false;
    complain(input, "");
    close();
    changed();
  };
  const search = debounce(async () => {
    const mine = ++asked, term = input.value;
    const answer = await fetch(`${select.dataset.lookup}&term=${encodeURIComponent(term)}`, { credentials: "same-origin" }).catch(() => null);
    const results = answer && answer.ok && !answer.redirected ? (await answer.json()).results : null;
    if (mine !== asked || document.activeElement !== input) return;
    sought = term;
    const taken = new Set(chosen().map((option) => option.value));
    found = (results || []).filter((choice) => !taken.has(choice.id));
    const typed = term.trim().replace(/\s+/g, " ");
    const isKnown = [...(results || []), ...chosen()].some((choice) => choice.label.toLowerCase() === typed.toLowerCase());
    if (select.dataset.maker && results && typed && !isKnown) found.push({ id: "", label: typed, isNew: true });
    list.replaceChildren(...found.map((choice, index) => {
      const item = element("li", { id: `${id}-option-${index}`, role: "option" }, element("span", {}, choice.isNew ? `Create “${choice.label}”` : choice.label));
      if (choice.image) item.prepend(element("img", { src: choice.image, alt: "" }));
      item.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
      item.addEventListener("click", () => pick(choice));
      return item;
    }));
    if (!found.length) list.append(element("li", { class: "faint" }, results ? "Nothing found." : "The search did not answer. Are you still signed in?"));
    list.hidden = hasMoved = false;
    input.setAttribute("aria-expanded", "true");
    mark(found.length && term ? 0 : -1);
  }, 160);
  // What is offered was offered for something else, and nobody means it.
  const isLate = () => input.value.trim() !== "" && sought !== input.value && !hasMoved;
  const take = async () => {
    const typed = input.value;
    await search.flush();
    if (input.value === typed && !isLate() && !list.hidden && at >= 0) pick(found[at]);
  };
  // What was typed and not chosen names nothing: it is not sent in silence, and never lost.
  const settle = (event) => {
    const typed = input.value.trim();
    const meant = found.filter((choice) => !choice.isNew && choice.label.toLowerCase() === typed.toLowerCase());
    if (meant.length === 1) pick(meant[0]);
    else if (typed) {
      complain(input, `Nothing is called “${typed}”; choose one of the suggestions or clear the field.`);
      input.closest("details")?.setAttribute("open", "");
      if (!event.defaultPrevented) input.focus();
      event.preventDefault();
      search.cancel();
      asked += 1; // suggestions would cover the sentence
      close();
    }
  };
  select.addEventListener("choices", draw); // somebody else, or the server, chose
  select.form.addEventListener("submit", settle, true);
  if ("typed" in select.dataset) select.form.addEventListener("formdata", ({ formData }) => {
    if (input.value.trim()) formData.append(`${select.name}.typed`, input.value);
  });
  input.addEventListener("input", () => { hasMoved = false; complain(input, ""); search(); });
  input.addEventListener("focus", () => { search(); search.flush(); });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (found.length && !list.hidden) { hasMoved = true; mark((at + (event.key === "ArrowDown" ? 1 : found.length - 1)) % found.length); }
      else { search(); search.flush(); }
    } else if (event.key === "Enter" && (isLate() || (!list.hidden && at >= 0))) { event.preventDefault(); take(); }
    else if (event.key === "Escape") close();
    else if (event.key === "Backspace" && !input.value && chosen().length) { chosen().at(-1).remove(); changed(); }
  });
  for (const name of ["aria-describedby", "aria-invalid", "aria-required"]) if (select.hasAttribute(name)) input.setAttribute(name, select.getAttribute(name));
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-autocomplete", "list");
  box.append(input);
  select.after(element("div", { class: "picker" }, box, list));
  select.hidden = true;
  select.id = `${id}-value`;
  input.id = id; // the label leads to what can be typed in
  input.value = select.dataset.typed || "";
  select.pick = pick;
  draw();
}
document.querySelectorAll("select[data-lookup]").forEach(enhancePicker);

// A field that takes files shows large what is chosen, with its alternative text, and has the library beside the search.
function enhanceMediaField(select) {
  const picker = select.nextElementSibling, name = document.querySelector(`label[for="${select.id.replace(/-value$/, "")}"]`)?.firstChild?.textContent.trim() ?? "Picture";
  const shown = element("div", { class: "media-field" });
  const choose = element("button", { type: "button", class: "button small", onclick: open }, icon("photo", "small"), "Choose from the library");
  const draw = () => {
    const chosen = [...select.selectedOptions].filter((option) => option.value);
    shown.replaceChildren(...chosen.map((option) => element("div", { class: "media-chosen" },
      element("span", { class: "media-frame" }, option.dataset.image ? element("img", { src: option.dataset.image, alt: "" }) : icon("file-text")),
      element("span", {}, option.dataset.alt || (option.dataset.image ? element("span", { class: "is-missing" }, "No alt text yet.") : option.label)),
      element("button", { type: "button", class: "button small", "data-describe": true, onclick: () => describe(option) }, option.dataset.image ? "Focal point, alt text" : "Describe", element("span", { class: "hidden-text" }, ` of ${option.label}`)),
      element("button", { type: "button", class: "button small quiet icon-only", "aria-label": `Take ${option.label} away`, onclick: () => { option.remove(); select.dispatchEvent(new Event("change", { bubbles: true })); choose.focus(); } }, icon("x", "small")))));
    for (const chip of picker.querySelectorAll(".chip")) chip.classList.toggle("hidden-text", !select.multiple);
  };
  const failed = (problem) => toast(problem.detail ?? "The media library could not be opened. Try again in a moment.", { kind: "bad" });
  async function describe(option) {
    try {
      const { describeMedium } = await import("./media-describe.js");
      const place = [...shown.querySelectorAll("[data-describe]")].indexOf(document.activeElement);
      Object.assign(option.dataset, { alt: (await describeMedium(option.value)).alt });
      draw();
      shown.querySelectorAll("[data-describe]")[place]?.focus();
    } catch (problem) {
      failed(problem);
    }
  }
  async function open() {
    let library;
    try {
      library = await import("./media-picker.js");
    } catch (problem) {
      failed(problem);
      return;
    }
    for (const medium of await library.openMediaPicker({ multiple: select.multiple, title: `Choose: ${name}` })) select.pick({ id: medium.id, label: medium.path, image: medium.thumbnail, alt: medium.alt });
  }
  for (const name of ["change", "choices"]) select.addEventListener(name, draw);
  picker.before(shown);
  picker.after(element("div", { class: "row media-choose" }, choose));
  draw();
}
document.querySelectorAll("select[data-media-field]").forEach(enhanceMediaField);

// What nothing can take back is asked about once more.
document.querySelectorAll("form[data-sure]").forEach((form) => form.addEventListener("submit", (event) => {
  if (form.dataset.sure === "") return;
  event.preventDefault();
  const { submitter } = event;
  const name = submitter.cloneNode(true);
  name.querySelectorAll(".icon, .hidden-text").forEach((part) => part.remove());
  const question = element("dialog", { class: "dialog", "aria-label": name.textContent },
    element("p", { class: "dialog-body" }, form.dataset.sure),
    element("form", { method: "dialog", class: "dialog-foot" },
      element("button", { class: "button", value: "" }, "Cancel"),
      element("button", { class: "button danger", value: "sure" }, name.textContent)));
  question.addEventListener("close", () => {
    question.remove();
    submitter.focus();
    if (question.returnValue !== "sure") return;
    form.dataset.sure = "";
    form.requestSubmit(submitter);
  });
  document.body.append(question);
  question.showModal();
}));
