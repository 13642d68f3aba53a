// The toolbar: one stop for the Tab key, walked through with arrows.
import { redo, undo } from "@codemirror/commands";
import { openSearchPanel } from "@codemirror/search";
import { element, icon, isMac } from "./core.js";
import * as formatting from "./formatting.js";
import { chooseFiles, chooseFromLibrary } from "./images.js";
import { insertLink } from "./links.js";

const MOD = isMac ? "⌘" : "Ctrl+";
const GROUPS = [
  [["heading", "Heading", formatting.changeHeading, "", ["ATXHeading2", "ATXHeading3", "ATXHeading4"]],
    ["bold", "Bold", formatting.wrapWith("**"), `${MOD}B`, ["StrongEmphasis"]],
    ["italic", "Italic", formatting.wrapWith("*"), `${MOD}I`, ["Emphasis"]],
    ["strikethrough", "Struck through", formatting.wrapWith("~~"), "", ["Strikethrough"]],
    ["code", "Code", formatting.wrapWith("`"), "", ["InlineCode"]]],
  [["link", "Link", insertLink, `${MOD}K`, ["Link"]],
    ["photo-plus", "Upload pictures", chooseFiles, ""],
    ["photo", "Pictures of the library", chooseFromLibrary, ""],
    ["table", "Table", formatting.table, ""]],
  [["list", "Bulleted list", formatting.bullets, "", ["BulletList"]],
    ["list-numbers", "Numbered list", formatting.numbers, "", ["OrderedList"]],
    ["blockquote", "Quote", formatting.quote, "", ["Blockquote"]],
    ["template", "Block of code", formatting.codeBlock, "", ["FencedCode"]]],
  [["arrow-back-up", "Undo", (view) => { undo(view); view.focus(); }, `${MOD}Z`],
    ["arrow-forward-up", "Redo", (view) => { redo(view); view.focus(); }, isMac ? "⇧⌘Z" : "Ctrl+Y"],
    ["search", "Find and replace", openSearchPanel, `${MOD}F`]],
];

/**
 * @param {import("@codemirror/view").EditorView} view
 * @param {string} controls the id of what the buttons work on
 * @param {HTMLElement[]} end what else stands in it, at the end
 */
export function makeToolbar(view, controls, end) {
  const marked = [];
  const groups = GROUPS.map((group) => element("div", { class: "md-group", role: "presentation" }, ...group.map(([symbol, label, run, keys, nodes]) => {
    const button = element("button", { type: "button", class: "button quiet icon-only small", "aria-label": label, title: keys ? `${label} (${keys})` : label, tabindex: "-1", "aria-pressed": nodes ? "false" : null }, icon(symbol));
    button.addEventListener("click", () => run(view));
    if (nodes) marked.push([button, nodes]);
    return button;
  })));
  const bar = element("div", { class: "md-toolbar", role: "toolbar", "aria-label": "Formatting", "aria-controls": controls }, ...groups, element("div", { class: "md-group md-end", role: "presentation" }, ...end));
  rove(bar);
  return {
    bar,
    update() {
      const names = formatting.namesAt(view.state);
      for (const [button, nodes] of marked) button.setAttribute("aria-pressed", String(nodes.some((name) => names.has(name))));
    },
  };
}

function rove(bar) {
  const all = () => [...bar.querySelectorAll("button:not(:disabled)")].filter((button) => button.offsetParent);
  const choose = (button) => { bar.querySelectorAll("button").forEach((other) => { other.tabIndex = other === button ? 0 : -1; }); };
  choose(bar.querySelector("button"));
  bar.addEventListener("mousedown", (event) => event.preventDefault()); // the text keeps its focus and selection
  bar.addEventListener("focusin", (event) => choose(event.target.closest("button")));
  bar.addEventListener("keydown", (event) => {
    const buttons = all(), at = buttons.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    buttons[(to + buttons.length) % buttons.length].focus();
  });
}
