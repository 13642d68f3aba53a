// What toolbar, keys and the “/” menu do to a text.
import { syntaxTree } from "@codemirror/language";
import { EditorSelection } from "@codemirror/state";

/** @typedef {import("@codemirror/view").EditorView} EditorView */

/** The names of the grammar's nodes around a place, usually the cursor. */
export function namesAt(state, place = state.selection.main.head) {
  const names = new Set();
  for (let node = syntaxTree(state).resolveInner(place, -1); node; node = node.parent) names.add(node.name);
  return names;
}

/**
 * Put marks around what is selected, or around the word at the cursor; take them away where they are.
 * @param {string} mark
 */
export const wrapWith = (mark) => (view) => {
  const { state } = view;
  view.dispatch(state.update(state.changeByRange((range) => wrapped(state, range, mark)), { scrollIntoView: true, userEvent: "input.format" }));
  view.focus();
  return true;
};

function wrapped(state, range, mark) {
  const word = range.empty ? state.wordAt(range.head) : null;
  const { from, to } = trimmed(state, word ?? range);
  const size = mark.length;
  const text = state.sliceDoc(from, to);
  const isAround = state.sliceDoc(Math.max(0, from - size), from) === mark && state.sliceDoc(to, to + size) === mark;
  const isTwice = size === 1 && state.sliceDoc(from - 2, from) === mark + mark && state.sliceDoc(from - 3, from) !== mark.repeat(3);
  if (isAround && !isTwice) {
    return { changes: [{ from: from - size, to: from }, { from: to, to: to + size }], range: EditorSelection.range(from - size, to - size) };
  }
  if (text.length >= 2 * size && text.startsWith(mark) && text.endsWith(mark)) {
    return { changes: [{ from, to: from + size }, { from: to - size, to }], range: EditorSelection.range(from, to - 2 * size) };
  }
  const after = range.empty && !word ? EditorSelection.cursor(from + size) : EditorSelection.range(from + size, to + size);
  return { changes: [{ from, insert: mark }, { from: to, insert: mark }], range: after };
}

// Marks that touch a space are none in Markdown.
function trimmed(state, { from, to }) {
  const text = state.sliceDoc(from, to);
  const start = text.length - text.trimStart().length;
  return text.trim() ? { from: from + start, to: from + start + text.trim().length } : { from, to };
}

const PREFIX = /^(\s*)(#{1,6}\s+|>\s?|[-*+]\s+\[[ xX]\]\s+|[-*+]\s+|\d+[.)]\s+)?/;

/**
 * Begin every selected line with a mark, in the place of another one; take it away where all lines have it.
 * @param {(number: number) => string} markOf the mark of the line of that number among them
 */
export const prefixWith = (markOf) => (view) => {
  const { state } = view;
  const lines = selectedLines(state);
  const filled = lines.filter((line) => line.text.trim());
  const isOn = filled.length > 0 && filled.every((line, at) => PREFIX.exec(line.text)[2] === markOf(at));
  const changes = (filled.length ? filled : lines).map((line, at) => {
    const [, space, mark = ""] = PREFIX.exec(line.text);
    const from = line.from + space.length;
    return { from, to: from + mark.length, insert: isOn ? "" : markOf(at) };
  });
  const set = state.changes(changes);
  view.dispatch({ changes: set, selection: state.selection.map(set, 1), scrollIntoView: true, userEvent: "input.format" });
  view.focus();
  return true;
};

function selectedLines(state) {
  const { from, to } = state.selection.main;
  const lines = [];
  for (let number = state.doc.lineAt(from).number; number <= state.doc.lineAt(to).number; number += 1) lines.push(state.doc.line(number));
  return lines;
}

/** The next smaller heading, from none over two to four and back to none. */
export const changeHeading = (view) => {
  const mark = /^(#{1,6})\s/.exec(view.state.doc.lineAt(view.state.selection.main.head).text)?.[1].length ?? 0;
  const level = mark < 2 ? 2 : mark + 1;
  return prefixWith(() => (level > 4 ? `${"#".repeat(mark)} ` : `${"#".repeat(level)} `))(view);
};

export const heading = (level) => prefixWith(() => `${"#".repeat(level)} `);
export const quote = prefixWith(() => "> ");
export const bullets = prefixWith(() => "- ");
export const numbers = prefixWith((at) => `${at + 1}. `);

/**
 * Insert a block of lines of its own, with an empty line before and after it where there are others.
 * @param {EditorView} view
 * @param {string} text
 * @param {{at?: number, from?: number, to?: number}} [options] `at`: near which place; `from`, `to`: what of the block is selected then
 */
export function insertBlock(view, text, { at = view.state.selection.main.head, from = text.length + 2, to = from } = {}) {
  const { doc } = view.state;
  const line = doc.lineAt(at);
  const isEmpty = !line.text.trim();
  const previous = line.number > 1 ? doc.line(line.number - 1).text.trim() : "";
  const next = line.number < doc.lines ? doc.line(line.number + 1).text.trim() : null;
  const before = isEmpty ? (previous ? "\n" : "") : "\n\n";
  const isBehind = from > text.length; // whoever put a picture in writes on below it
  const after = isBehind ? `\n\n${next ? "\n" : ""}` : next === "" ? "" : "\n";
  const start = isEmpty ? line.from : line.to;
  view.dispatch({
    changes: { from: start, to: line.to, insert: before + text + after },
    selection: { anchor: start + before.length + from, head: start + before.length + to },
    scrollIntoView: true,
    userEvent: "input.insert",
  });
  view.focus();
  return true;
}

const TABLE = "| Column | Column |\n| ------ | ------ |\n|        |        |\n|        |        |";
export const table = (view) => insertBlock(view, TABLE, { from: 2, to: 8 });
const ROW = /^\s*\|.*\|\s*$/, DELIMITERS = /^\s*\|[\s:|-]*-[\s:|-]*\|\s*$/;

/** The cells of a row of a table, as places in the text: what stands between two bars, without the spaces around it. */
function cellsOf(line) {
  const bars = [...line.text.matchAll(/(?<!\\)\|/g)].map(({ index }) => index);
  return bars.slice(1).map((end, at) => {
    const cell = line.text.slice(bars[at] + 1, end), text = cell.trim();
    const from = line.from + bars[at] + 1 + (text ? cell.indexOf(text) : Math.min(1, cell.length));
    return { from, to: from + text.length, start: line.from + bars[at] + 1, end: line.from + end };
  });
}

const isRow = (doc, number) => number >= 1 && number <= doc.lines && ROW.test(doc.line(number).text);

/** Whether a line is the one below the head of a table; a row may hold nothing but hyphens, too. */
const isDelimiters = (doc, number) => DELIMITERS.test(doc.line(number).text) && isRow(doc, number - 1) && !isRow(doc, number - 2);

/**
 * Go from one cell of a table to the next, or to the one before; behind the last one there is a row more.
 * @param {1 | -1} step
 * @returns {(view: EditorView) => boolean} whether the cursor was in a table
 */
export const changeCell = (step) => (view) => {
  const { doc, selection } = view.state;
  const { anchor, head } = selection.main;
  let line = doc.lineAt(head), cells = cellsOf(line);
  if (!isRow(doc, line.number) || !cells.length || doc.lineAt(anchor).number !== line.number || !namesAt(view.state, line.to).has("Table")) return false;
  let at = isDelimiters(doc, line.number) ? (step > 0 ? cells.length : -1)
    : step > 0 ? cells.filter(({ start }) => start <= head).length : cells.filter(({ end }) => end < head).length - 1;
  while (at < 0 || at >= cells.length) {
    const number = line.number + step;
    if (!isRow(doc, number)) return step < 0 || addRow(view, line, cells.length);
    line = doc.line(number);
    if (isDelimiters(doc, number)) continue;
    cells = cellsOf(line);
    at = step > 0 ? 0 : cells.length - 1;
  }
  view.dispatch({ selection: { anchor: cells[at].from, head: cells[at].to }, scrollIntoView: true, userEvent: "select" });
  return true;
};

function addRow(view, line, columns) {
  const indent = /^\s*/.exec(line.text)[0];
  view.dispatch({
    changes: { from: line.to, insert: `\n${indent}|${"  |".repeat(columns)}` },
    selection: { anchor: line.to + 1 + indent.length + 2 },
    scrollIntoView: true,
    userEvent: "input.insert",
  });
  return true;
}

export const rule = (view) => insertBlock(view, "---");

/** Make the selected lines, or nothing yet, a block of code. */
export function codeBlock(view) {
  const { state } = view;
  const { from, to, empty } = state.selection.main;
  if (empty) return insertBlock(view, "```\n\n```", { from: 4 });
  const first = state.doc.lineAt(from), last = state.doc.lineAt(to);
  view.dispatch({
    changes: [{ from: first.from, insert: "```\n" }, { from: last.to, insert: "\n```" }],
    selection: { anchor: first.from + 3 },
    scrollIntoView: true,
    userEvent: "input.format",
  });
  view.focus();
  return true;
}

/** The text of a link as Markdown can hold it. */
export const asLabel = (text) => text.replace(/\s+/g, " ").trim().replace(/([\\[\]])/g, "\\$1");

/** An address as Markdown can hold it. */
export const asAddress = (url) => (/[\s()<>]/.test(url) ? `<${url.replace(/[<>\n]/g, encodeURIComponent)}>` : url);
