// Turns every <textarea data-markdown> into a Markdown editor. The textarea stays what the form sends, and stays as it is without scripts.
import "./styles.js";
import { enhance } from "./editor.js";

document.querySelectorAll("textarea[data-markdown]").forEach(enhance);
