// The text as readers will get it, from the server's own renderer, beside the text and in step with it.
import { debounce, element, send } from "./core.js";

const SEEN_WAIT = 250, UNSEEN_WAIT = 1200, RETRY = 4000;

export class Preview {
  /**
   * @param {import("@codemirror/view").EditorView} view
   * @param {{pane: HTMLElement, tell: (text: string) => void, count: (words: number, minutes: number) => void, isSeen: () => boolean}} options
   */
  constructor(view, { pane, tell, count, isSeen }) {
    Object.assign(this, { view, pane, tell, count, isSeen, asked: null, shown: null, retry: null });
    this.soon = debounce(() => this.load(), SEEN_WAIT);
    this.later = debounce(() => this.load(), UNSEEN_WAIT);
    pane.addEventListener("click", (event) => this.follow(event));
  }

  /** The text changed. */
  changed() {
    this.soon.cancel();
    this.later.cancel();
    (this.isSeen() ? this.soon : this.later)();
  }

  /** Ask for the text as it is now; the last good answer stays while there is no better one. */
  async load() {
    const text = this.view.state.doc.toString();
    clearTimeout(this.retry);
    if (text === this.shown) return;
    this.asked?.abort();
    const mine = this.asked = new AbortController();
    try {
      const { html, words, minutes } = await send("/admin/preview-markdown", { body: { text }, signal: mine.signal });
      this.shown = text;
      this.tell("");
      this.count(words, minutes);
      this.show(html);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      const isAway = !problem.status || problem.status >= 500 || problem.status === 429;
      this.tell(isAway ? "The preview waits for the server." : problem.detail);
      if (isAway) this.retry = setTimeout(() => this.load(), RETRY);
    }
  }

  show(html) {
    const { body } = new DOMParser().parseFromString(html, "text/html");
    body.querySelectorAll("img").forEach(settleImage);
    body.querySelectorAll("a[href]").forEach((link) => { if (!link.getAttribute("href").startsWith("#")) Object.assign(link, { target: "_blank", rel: "noopener" }); });
    exchange(this.pane, [...body.childNodes]);
    if (!this.pane.childElementCount) this.pane.replaceChildren(element("p", { class: "faint" }, "What you write shows here as readers will see it."));
    this.pane.dispatchEvent(new Event("shown"));
  }

  // Footnotes and links to headings stay inside of the preview.
  follow(event) {
    const name = event.target.closest("a")?.getAttribute("href");
    if (!name?.startsWith("#")) return;
    event.preventDefault();
    this.pane.querySelector(`[id="${CSS.escape(decodeURIComponent(name.slice(1)))}"]`)?.scrollIntoView({ block: "start" });
  }
}

// Pictures of other hosts stay where they are: the back office fetches nothing from elsewhere.
function settleImage(image) {
  const source = image.getAttribute("src") ?? "";
  if (/^\/(?!\/|admin\b)/.test(source)) return;
  let host = "";
  try { host = new URL(source, location.href).host; } catch { host = ""; }
  const words = /^https?:|^\/\//i.test(source) ? `Picture from ${host}, shown on the site: ` : "Picture that is not in the media library: ";
  const note = image.ownerDocument.createElement("span");
  note.className = "md-elsewhere";
  note.textContent = words + (image.alt || "no alt text");
  image.replaceWith(note);
}

const keyOf = (node) => (node.nodeType === 1 ? node.outerHTML.replace(/ (data-line="\d+"|target="_blank")/g, "") : node.data);

// Only what changed is exchanged, so that pictures do not flicker and selections stay.
function exchange(pane, fresh) {
  const old = [...pane.childNodes];
  const keys = [old.map(keyOf), fresh.map(keyOf)];
  const least = Math.min(old.length, fresh.length);
  let start = 0, end = 0;
  while (start < least && keys[0][start] === keys[1][start]) start += 1;
  while (end < least - start && keys[0][old.length - 1 - end] === keys[1][fresh.length - 1 - end]) end += 1;
  for (let at = 0; at < end; at += 1) renumber(old[old.length - 1 - at], fresh[fresh.length - 1 - at]);
  for (let at = 0; at < start; at += 1) renumber(old[at], fresh[at]);
  const after = old[old.length - end] ?? null;
  old.slice(start, old.length - end).forEach((node) => node.remove());
  const made = document.createDocumentFragment();
  made.append(...fresh.slice(start, fresh.length - end));
  pane.insertBefore(made, after);
}

function renumber(old, fresh) {
  if (old.nodeType !== 1) return;
  const numbered = [fresh, ...fresh.querySelectorAll("[data-line]")];
  [old, ...old.querySelectorAll("[data-line]")].forEach((node, at) => { if (numbered[at]?.dataset.line) node.dataset.line = numbered[at].dataset.line; });
}
