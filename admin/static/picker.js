// Relation pickers; `make` stands in admin.js.
"use strict";

// A <select> that holds only what is chosen becomes a search box with chips.
function enhancePicker(select) {
  const id = select.id;
  const list = make("ul", { className: "picker-list", id: `${id}-list`, hidden: true, role: "listbox" });
  const input = make("input", { type: "text", autocomplete: "off", role: "combobox" });
  const box = make("div", { className: "picker-box" });
  let found = [], at = -1, timer, asked = 0, isMaking = false;
  const chosen = () => [...select.selectedOptions].filter((option) => option.value);

  const draw = () => {
    box.querySelectorAll(".chip").forEach((chip) => chip.remove());
    for (const option of chosen()) {
      const remove = make("button", { type: "button", textContent: "×" });
      remove.setAttribute("aria-label", `Remove ${option.label}`);
      remove.addEventListener("click", () => { option.remove(); changed(); input.focus(); });
      const chip = make("span", { className: "chip" }, make("span", { textContent: option.label }), remove);
      if (option.dataset.image) chip.prepend(make("img", { src: option.dataset.image, alt: "" }));
      box.insertBefore(chip, input);
    }
    input.placeholder = chosen().length ? (select.multiple ? "Add…" : "") : "Search…";
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
    complain(input, "");
    close();
    changed();
  };
  const search = async () => {
    const mine = ++asked;
    const answer = await fetch(`${select.dataset.lookup}&term=${encodeURIComponent(input.value)}`, { credentials: "same-origin" }).catch(() => null);
    const results = answer && answer.ok && !answer.redirected ? (await answer.json()).results : null;
    if (mine !== asked || document.activeElement !== input) return;
    const taken = new Set(chosen().map((option) => option.value));
    found = (results || []).filter((choice) => !taken.has(choice.id));
    const typed = input.value.trim().replace(/\s+/g, " ");
    const isKnown = [...(results || []), ...chosen()].some((choice) => choice.label.toLowerCase() === typed.toLowerCase());
    if (select.dataset.maker && results && typed && !isKnown) found.push({ id: "", label: typed, isNew: true });
    list.replaceChildren(...found.map((choice, index) => {
      const item = make("li", { id: `${id}-option-${index}`, role: "option" }, make("span", { textContent: choice.isNew ? `Create “${choice.label}”` : choice.label }));
      if (choice.image) item.prepend(make("img", { src: choice.image, alt: "" }));
      item.addEventListener("mousedown", (event) => { event.preventDefault(); pick(choice); });
      return item;
    }));
    if (!found.length) list.append(make("li", { className: "faint", textContent: results ? "Nothing found." : "The search did not answer. Are you still signed in?" }));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    mark(found.length && input.value ? 0 : -1);
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
      clearTimeout(timer);
      asked += 1; // suggestions would cover the sentence
      close();
    }
  };
  select.addEventListener("choices", draw); // somebody else, or the server, chose
  select.form.addEventListener("submit", settle, true);
  if ("typed" in select.dataset) select.form.addEventListener("formdata", ({ formData }) => {
    if (input.value.trim()) formData.append(`${select.name}.typed`, input.value);
  });
  input.addEventListener("input", () => complain(input, ""));
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, 160); });
  input.addEventListener("focus", search);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (found.length && !list.hidden) mark((at + (event.key === "ArrowDown" ? 1 : found.length - 1)) % found.length);
      else search();
    } else if (event.key === "Enter" && !list.hidden && at >= 0) { event.preventDefault(); pick(found[at]); }
    else if (event.key === "Escape") close();
    else if (event.key === "Backspace" && !input.value && chosen().length) { chosen().at(-1).remove(); changed(); }
  });
  for (const name of ["aria-describedby", "aria-invalid", "aria-required"]) if (select.hasAttribute(name)) input.setAttribute(name, select.getAttribute(name));
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-autocomplete", "list");
  box.append(input);
  select.after(make("div", { className: "picker" }, box, list));
  select.hidden = true;
  select.id = `${id}-value`;
  input.id = id; // the label leads to what can be typed in
  input.value = select.dataset.typed || "";
  select.pick = pick;
  draw();
}
document.querySelectorAll("select[data-lookup]").forEach(enhancePicker);
// Fields of files have their library beside the search; without it the search does.
if (document.querySelector("select[data-media-field]")) import(new URL("media-field.js", document.currentScript.src)).catch(() => {});
