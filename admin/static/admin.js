// Comfort over forms that work without it: a slug's hint, ticking rows, text that is not lost.
"use strict";


const make = (tag, options = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), options);
  element.append(...children);
  return element;
};

// What is wrong with a field, beside it; an empty sentence takes it back.
const complain = (input, sentence) => {
  const field = input.closest(".field, .filter");
  const id = `${input.id}-errors`;
  const described = (input.getAttribute("aria-describedby") || "").split(" ").filter((name) => name && name !== id);
  field.querySelector(".field-errors")?.remove();
  field.classList.toggle("has-errors", Boolean(sentence));
  if (sentence) {
    described.unshift(id);
    (input.closest(".picker") || input).after(make("ul", { id, className: "field-errors" }, make("li", { textContent: sentence })));
    input.setAttribute("aria-invalid", "true");
  } else input.removeAttribute("aria-invalid");
  if (described.length) input.setAttribute("aria-describedby", described.join(" "));
  else input.removeAttribute("aria-describedby");
};

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

// A warning before typed text is lost; Ctrl-S saves. What was sent is kept until a page says that it arrived: a session
// that ended meanwhile then costs nothing. It comes back with the version it was written on, so nothing is overwritten.
const guarded = document.querySelector("form[data-guard]");
const answer = document.querySelector("[data-arrived], [data-focus]");
if (answer) Object.keys(sessionStorage).filter((key) => key.startsWith("sent ")).forEach((key) => sessionStorage.removeItem(key));
if (guarded) {
  const key = `sent ${location.pathname}`;
  const texts = () => [...new FormData(guarded)].filter(([name, value]) => name !== "csrf_token" && typeof value === "string");
  const opened = answer?.matches("[data-focus]") ? null : JSON.stringify(texts());
  let isLeaving = false;
  guarded.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    isLeaving = true;
    sessionStorage.setItem(key, JSON.stringify(texts()));
  });
  addEventListener("pageshow", () => { isLeaving = false; });
  addEventListener("beforeunload", (event) => { if (!isLeaving && JSON.stringify(texts()) !== opened) event.preventDefault(); });
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "s") { event.preventDefault(); guarded.requestSubmit(); }
  });
  const kept = sessionStorage.getItem(key);
  if (kept && kept !== opened) {
    const restore = make("button", { type: "button", className: "link", textContent: "Bring it back" });
    const bar = make("div", { className: "notice", role: "status" }, "What you typed here was not saved. ", restore);
    restore.addEventListener("click", () => {
      for (const [name, value] of JSON.parse(kept)) {
        const input = guarded.elements[name];
        if (input?.matches?.("input:not([type=checkbox]), textarea")) input.value = value;
      }
      bar.remove();
    });
    guarded.before(bar);
  }
}
document.querySelector("[data-focus]")?.focus();

// A picture before it is uploaded.
file?.addEventListener("change", () => {
  const image = document.querySelector("[data-preview-image]");
  const chosen = file.files[0];
  image.hidden = !chosen?.type.startsWith("image/");
  if (!image.hidden) image.src = URL.createObjectURL(chosen);
});
