// CodeMirror's own rules, as a constructed style sheet: the policy of the back office lets no <style> element in,
// and scripts may adopt sheets without weakening it.
import { StyleModule } from "style-mod";

const sheet = new CSSStyleSheet();
let mounted = [];

/** In the place of the library's own: later modules win over earlier ones. */
StyleModule.mount = (_root, modules) => {
  const given = [modules].flat();
  if (given.every((module) => mounted.includes(module))) return;
  mounted = [...mounted.filter((module) => !given.includes(module)), ...given];
  sheet.replaceSync(mounted.map((module) => module.getRules()).join("\n"));
};

document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
