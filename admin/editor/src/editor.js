// The editor around a textarea: text, toolbar, preview, status.
import { closeCompletion } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentLess, indentMore } from "@codemirror/commands";
import { markdown, markdownLanguage } from "@codemirror/lang-markdown";
import { indentUnit, syntaxHighlighting } from "@codemirror/language";
import { highlightSelectionMatches, openSearchPanel, search, searchKeymap } from "@codemirror/search";
import { Annotation, EditorState } from "@codemirror/state";
import { EditorView, keymap, placeholder } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";
import { element, explain } from "./core.js";
import { changeCell, wrapWith } from "./formatting.js";
import { chooseFiles, chooseFromLibrary, takeFiles, uploads } from "./images.js";
import { layoutOf } from "./layout.js";
import { insertEmbed, insertLink } from "./links.js";
import { pasting } from "./pasting.js";
import { Preview } from "./preview.js";
import { Scrolling } from "./scrolling.js";
import { slashMenu } from "./slash.js";
import { makeToolbar } from "./toolbar.js";

const quiet = Annotation.define();
const native = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value");
const PASSED_ON = ["aria-describedby", "aria-invalid", "aria-required", "lang", "dir"];

/**
 * Put an editor in the place of a textarea, which goes on holding the text.
 *
 * It gets `markdownEditor`: `focus()`, `getValue()`, `setValue(text)`. Every change of the text fires `input` on it, and leaving
 * the text after a change fires `change`; what scripts assign to `value` is shown.
 * @param {HTMLTextAreaElement} textarea
 */
export function enhance(textarea) {
  const label = textarea.labels[0] ?? null;
  if (label) {
    label.id ||= `${textarea.id}-label`;
    label.removeAttribute("for"); // it names the text of the editor now
    label.addEventListener("click", () => textarea.focus());
  }
  const box = element("div", { class: "md-editor", "data-mode": "write" });
  const hint = element("p", { class: "hidden-text", id: `${textarea.id}-keys` }, "Type a slash at the beginning of a line to insert something. Once you have typed, Tab indents, and goes from cell to cell in a table; Escape, then Tab, leaves the text.");
  const pane = element("div", { class: "md-preview prose", role: "region", "aria-label": "Preview", tabindex: "0" });
  const status = new Status();
  const parts = {};
  const view = new EditorView({ state: EditorState.create({ doc: textarea.value, extensions: extensionsFor(textarea, label, hint.id, parts) }) });
  const layout = layoutOf(box, view, () => parts.preview.load());
  parts.preview = new Preview(view, { pane, tell: status.tell, count: status.count, isSeen: () => box.dataset.mode !== "write" });
  parts.toolbar = makeToolbar(view, textarea.id, layout.controls);
  parts.layout = layout;
  box.append(parts.toolbar.bar, element("div", { class: "md-panes" }, view.dom, pane), element("div", { class: "md-status" }, status.words, status.message, status.saved), hint);
  textarea.hidden = true;
  textarea.after(box);
  layout.start();
  new Scrolling(view, pane, () => box.dataset.mode === "beside");
  parts.preview.load();
  connect(textarea, view, label);
}

const KEYS = { "mod+b": "Bold", "mod+i": "Italic", "mod+f": "Find and replace", "mod+shift+f": "Full screen", "/": "In a text, at the beginning of a line: insert something" };
for (const [keys, help] of Object.entries(KEYS)) explain(keys, help);

class Status {
  words = element("span", { class: "md-words" });
  message = element("span", { class: "md-message", "aria-live": "polite" });
  saved = element("span", { class: "md-saved", role: "status" }); // what a full screen covers
  constructor() { document.addEventListener("masthead:state", ({ detail }) => { this.saved.textContent = detail; }); }
  tell = (text) => { if (this.message.textContent !== text) this.message.textContent = text; };
  count = (words, minutes) => { this.words.textContent = `${words.toLocaleString("en")} ${words === 1 ? "word" : "words"} · ${minutes} min read`; };
}

function extensionsFor(textarea, label, hint, parts) {
  let hasTyped = false, hasChanged = false;
  return [
    history(), uploads, EditorView.lineWrapping, indentUnit.of("    "), search({ top: true }), highlightSelectionMatches({ minSelectionLength: 3 }),
    markdown({ base: markdownLanguage, completeHTMLTags: false, pasteURLAsLink: false }), syntaxHighlighting(classHighlighter), placeholder("Write, or type / to insert something"),
    slashMenu({ image: chooseFiles, library: chooseFromLibrary, link: insertLink, embed: insertEmbed }), pasting(takeFiles),
    keymap.of([
      { key: "Mod-b", run: wrapWith("**") }, { key: "Mod-i", run: wrapWith("*") },
      { key: "Mod-k", run: (view) => !view.state.selection.main.empty && (insertLink(view), true) },
      { key: "Mod-f", run: openSearchPanel }, { key: "Mod-Shift-f", run: () => parts.layout.toggleFull() },
      { key: "Tab", run: (view) => hasTyped && (changeCell(1)(view) || indentMore(view)), shift: (view) => hasTyped && (changeCell(-1)(view) || indentLess(view)) },
      { key: "Escape", run: (view) => closeCompletion(view) },
      ...searchKeymap, ...historyKeymap, ...defaultKeymap,
    ]),
    EditorView.contentAttributes.of(() => {
      const passed = PASSED_ON.map((name) => [name, textarea.getAttribute(name)]).filter(([, value]) => value !== null);
      const attributes = { tabindex: "0", spellcheck: "true", autocorrect: "on", autocapitalize: "sentences", ...Object.fromEntries(passed) };
      attributes["aria-describedby"] = `${attributes["aria-describedby"] ?? ""} ${hint}`.trim();
      return label ? { ...attributes, "aria-labelledby": label.id } : { ...attributes, "aria-label": "Text" };
    }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) {
        native.set.call(textarea, update.state.doc.toString());
        const isQuiet = update.transactions.some((transaction) => transaction.annotation(quiet));
        hasTyped ||= !isQuiet;
        hasChanged ||= !isQuiet;
        if (!isQuiet) textarea.dispatchEvent(new Event("input", { bubbles: true }));
        parts.preview.changed();
      }
      if (update.docChanged || update.selectionSet) parts.toolbar.update();
    }),
    EditorView.domEventHandlers({
      focus() { hasTyped = false; return false; },
      blur() {
        if (hasChanged) textarea.dispatchEvent(new Event("change", { bubbles: true }));
        hasChanged = false;
        return false;
      },
    }),
  ];
}

// The smallest change that makes one text of another: the cursor stays where it was.
function difference(old, text) {
  const least = Math.min(old.length, text.length);
  let from = 0, end = 0;
  while (from < least && old[from] === text[from]) from += 1;
  while (end < least - from && old[old.length - 1 - end] === text[text.length - 1 - end]) end += 1;
  return { from, to: old.length - end, insert: text.slice(from, text.length - end) };
}

// Whoever deals with the textarea deals with the editor: its value, its focus, its label, what is wrong with it.
function connect(textarea, view, label) {
  const replace = (text, annotations) => {
    const now = view.state.doc.toString();
    if (text !== now) view.dispatch({ changes: difference(now, text), annotations });
  };
  const focus = () => { view.focus(); view.dom.scrollIntoView({ block: "nearest" }); };
  textarea.markdownEditor = { focus, getValue: () => view.state.doc.toString(), setValue: (text) => replace(text.replace(/\r\n?/g, "\n")), view };
  Object.defineProperty(textarea, "value", { configurable: true, get: () => view.state.doc.toString(), set: (text) => replace(String(text).replace(/\r\n?/g, "\n"), quiet.of(true)) });
  Object.defineProperty(textarea, "labels", { configurable: true, value: label ? [label] : [] });
  textarea.focus = focus;
  textarea.form?.addEventListener("reset", () => setTimeout(() => replace(native.get.call(textarea), quiet.of(true))));
  new MutationObserver(() => view.dispatch({})).observe(textarea, { attributeFilter: PASSED_ON });
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.(`a[href="#${textarea.id}"]`)) return;
    event.preventDefault();
    focus();
  });
  if (location.hash === `#${textarea.id}`) focus();
}
