// Stands in for @codemirror/lang-html when the bundle is made: highlighting HTML inside Markdown would cost
// a third of its size, with the grammars of HTML, CSS and JavaScript.

export const html = () => ({ language: { parser: undefined }, support: [] });
export const htmlCompletionSource = () => null;
