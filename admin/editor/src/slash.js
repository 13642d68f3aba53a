// The “/” menu: what can be inserted, at the beginning of a line.
import { autocompletion } from "@codemirror/autocomplete";
import * as formatting from "./formatting.js";

/**
 * @param {{image: Function, library: Function, link: Function, embed: Function}} more what needs a dialog
 */
export function slashMenu({ image, library, link, embed }) {
  const entries = [
    ["Heading", "of a section", formatting.heading(2)],
    ["Subheading", "one level below", formatting.heading(3)],
    ["Image", "from this device", image],
    ["Image of the library", "that was uploaded before", library],
    ["Table", "two columns to begin with", formatting.table],
    ["Code", "a block of it", formatting.codeBlock],
    ["Quote", "somebody's words", formatting.quote],
    ["Embed link", "an address on a line of its own", embed],
    ["Link", "to content or an address", link],
    ["Bulleted list", "", formatting.bullets],
    ["Numbered list", "", formatting.numbers],
    ["Divider", "between two parts", formatting.rule],
  ];
  const options = entries.map(([label, detail, run], at) => ({ label, detail, boost: -at, apply: (view, _, from, to) => insert(view, from - 1, to, run) }));
  const source = (context) => {
    const typed = context.matchBefore(/^\s*\/[a-zA-Z ]*$/);
    if (!typed) return null;
    return { from: typed.from + typed.text.indexOf("/") + 1, options, validFor: /^[a-zA-Z ]*$/ };
  };
  return autocompletion({ override: [source], icons: false, interactionDelay: 0, tooltipClass: () => "md-slash" });
}

function insert(view, from, to, run) {
  view.dispatch({ changes: { from, to }, userEvent: "input.complete" });
  run(view);
}
