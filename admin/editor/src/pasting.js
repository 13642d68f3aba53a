// Formatted text from elsewhere, as Markdown.
import gfm from "@joplin/turndown-plugin-gfm";
import { EditorView } from "@codemirror/view";
import TurndownService from "turndown";
import { toast } from "./core.js";
import { asAddress, namesAt } from "./formatting.js";

const FORMATTED = /<(a|b|strong|i|em|u|s|del|strike|h[1-6]|ul|ol|li|table|img|blockquote|pre|code|hr|span[^>]*(font-weight|font-style|text-decoration))\b/i;
const URL_ALONE = /^\s*(https?:\/\/|mailto:)\S+\s*$/i;
const LONGEST = 5_000_000;
const WITHIN = /<img\b[^>]*\ssrc\s*=\s*["']?(data|file|blob|cid):/gi; // pictures that have no address elsewhere

const turndown = new TurndownService({ headingStyle: "atx", hr: "---", bulletListMarker: "-", codeBlockStyle: "fenced", emDelimiter: "*" });
turndown.use(gfm.gfm);
turndown.remove(["script", "style", "meta", "title", "noscript", "iframe", "object"]);
turndown.addRule("strike", { filter: ["del", "s", "strike"], replacement: (text) => (text.trim() ? `~~${text}~~` : text) });
turndown.addRule("item", { filter: "li", replacement: writeItem });
turndown.addRule("picture", {
  filter: "img",
  replacement: (_, node) => (/^(https?:|\/)/i.test(node.getAttribute("src") ?? "") ? `![${(node.getAttribute("alt") ?? "").replace(/[[\]\n]/g, " ")}](${node.getAttribute("src")})` : ""),
});

function writeItem(text, node) {
  const list = node.parentNode;
  const start = Number(list.getAttribute?.("start") || 1);
  const mark = list.nodeName === "OL" ? `${start + [...list.children].indexOf(node)}. ` : "- ";
  const content = text.replace(/^\n+/, "").replace(/\n+$/, "\n").replace(/\n/gm, `\n${" ".repeat(mark.length)}`).trimEnd();
  return mark + content + (node.nextSibling ? "\n" : "");
}

/**
 * Pasted HTML as Markdown.
 * @param {string} html a fragment from Word, Google Docs or any page
 */
export function markdownOf(html) {
  // Styles are read as data: where a policy forbids them, even a document that is never shown may not have them.
  const quiet = html.replace(/<style[\s\S]*?<\/style>/gi, "").replace(/<!\[(?:if|endif)[^>]*>/gi, "").replace(/<[a-z][^>]*>/gi, (tag) => tag.replace(/\sstyle\s*=/gi, " data-style="));
  const { body } = new DOMParser().parseFromString(quiet, "text/html");
  body.querySelectorAll("[class*=MsoList], [data-style*='mso-list']").forEach(gatherWordList);
  body.querySelectorAll("[data-style*='mso-list:Ignore' i]").forEach((mark) => mark.remove());
  body.querySelectorAll("[data-style]").forEach(meanStyle);
  body.querySelectorAll("ul > ul, ul > ol, ol > ul, ol > ol").forEach((list) => list.previousElementSibling?.append(list));
  body.querySelectorAll("li > p:only-of-type").forEach((paragraph) => paragraph.replaceWith(...paragraph.childNodes));
  body.querySelectorAll("table").forEach(squareTable);
  body.querySelectorAll("a[href]").forEach(straighten);
  body.querySelectorAll("a:not([href])").forEach((anchor) => anchor.replaceWith(...anchor.childNodes));
  return turndown.turndown(body).replace(/\u00a0/g, " ").replace(/[ \t]+$/gm, (end) => (end === "  " ? end : "")).replace(/\n{3,}/g, "\n\n").trim();
}

// Word's lists are paragraphs that say in their style on which level of which list they stand.
function gatherWordList(paragraph) {
  const level = Number(/mso-list:\s*l\d+\s+level(\d)/i.exec(paragraph.dataset.style ?? "")?.[1] ?? 0);
  if (!level || !paragraph.isConnected) return;
  const mark = paragraph.querySelector("[data-style*='mso-list:Ignore' i]");
  const kind = /^\s*[\da-z]{1,4}[.)]/i.test(mark?.textContent ?? "") ? "ol" : "ul";
  mark?.remove();
  const document = paragraph.ownerDocument;
  const item = document.createElement("li");
  item.append(...paragraph.childNodes);
  let list = paragraph.previousElementSibling?.matches("[data-word-list]") ? paragraph.previousElementSibling : null;
  if (!list) {
    list = document.createElement(kind);
    list.dataset.wordList = "";
    paragraph.before(list);
  }
  for (let depth = 1; depth < level && list.lastElementChild; depth += 1) {
    const last = list.lastElementChild;
    let inner = last.querySelector(":scope > ul, :scope > ol");
    if (!inner) {
      inner = document.createElement(kind);
      last.append(inner);
    }
    list = inner;
  }
  list.append(item);
  paragraph.remove();
}

// Google Docs says with styles what others say with tags; its own <b> around everything means nothing.
function meanStyle(node) {
  const style = node.dataset.style.toLowerCase();
  if (/^(b|strong)$/i.test(node.nodeName) && /font-weight:\s*(normal|400)/.test(style)) {
    node.replaceWith(...node.childNodes);
    return;
  }
  if (node.nodeName !== "SPAN" || !node.textContent.trim() || node.closest("h1, h2, h3, h4, h5, h6")) return;
  const tags = [[/font-weight:\s*(bold|[6-9]00)/, "strong"], [/font-style:\s*italic/, "em"], [/line-through/, "s"]].filter(([sign]) => sign.test(style));
  for (const [, tag] of tags) {
    const mark = node.ownerDocument.createElement(tag);
    mark.append(...node.childNodes);
    node.append(mark);
  }
}

// A table of Markdown has a head, and a line for each row.
function squareTable(table) {
  const rows = [...table.rows];
  if (rows.length && !table.querySelector("th")) for (const cell of [...rows[0].cells]) rename(cell, "th");
  for (const cell of table.querySelectorAll("th, td")) {
    cell.querySelectorAll("p, div, br, h1, h2, h3, h4, h5, h6, li").forEach((block) => {
      if (block.nextSibling || block.nodeName === "BR") block.after(" ");
      block.replaceWith(...block.childNodes);
    });
  }
}

function rename(node, tag) {
  const named = node.ownerDocument.createElement(tag);
  named.append(...node.childNodes);
  node.replaceWith(named);
}

function straighten(link) {
  const url = link.getAttribute("href");
  const around = /^https:\/\/www\.google\.com\/url\?(?:.*&)?q=([^&]+)/.exec(url);
  if (around) link.setAttribute("href", decodeURIComponent(around[1]));
  if (/^(javascript|data|file|vbscript):/i.test(url.trim()) || !link.textContent.trim() && !link.querySelector("img")) link.replaceWith(...link.childNodes);
}

/**
 * What happens at a paste or a drop.
 * @param {(view: EditorView, files: File[], at: number) => void} takeFiles
 */
export const pasting = (takeFiles) => EditorView.domEventHandlers({
  paste(event, view) {
    const data = event.clipboardData;
    const html = data.getData("text/html"), plain = data.getData("text/plain");
    const files = [...data.files];
    if (files.length && !plain.trim()) {
      event.preventDefault();
      takeFiles(view, files, view.state.selection.main.head);
      return true;
    }
    const names = namesAt(view.state);
    const isCode = names.has("FencedCode") || names.has("CodeBlock") || names.has("InlineCode");
    const selected = view.state.sliceDoc(view.state.selection.main.from, view.state.selection.main.to);
    if (!isCode && URL_ALONE.test(plain) && selected.trim() && !URL_ALONE.test(selected) && !selected.includes("\n\n")) {
      event.preventDefault();
      view.dispatch(view.state.replaceSelection(`[${selected}](${asAddress(plain.trim())})`), { scrollIntoView: true, userEvent: "input.paste" });
      return true;
    }
    if (isCode || !FORMATTED.test(html) || html.length > LONGEST) return false;
    const text = markdownOf(html), left = (html.match(WITHIN) ?? []).length;
    if (!text && (!left || plain.trim())) return false;
    event.preventDefault();
    if (left) toast(`${left === 1 ? "A picture" : `${left} pictures`} in what you pasted could not come along. Copy or drag ${left === 1 ? "it" : "them"} here one by one.`, { kind: "bad" });
    if (text) view.dispatch(view.state.replaceSelection(text), { scrollIntoView: true, userEvent: "input.paste" });
    return true;
  },
  dragover(event) {
    if ([...event.dataTransfer.types].includes("Files")) event.preventDefault();
    return false;
  },
  drop(event, view) {
    const files = [...event.dataTransfer.files];
    if (!files.length) return false;
    event.preventDefault();
    takeFiles(view, files, view.posAtCoords({ x: event.clientX, y: event.clientY }, false));
    return true;
  },
});
