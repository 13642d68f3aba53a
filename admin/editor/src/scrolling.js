// Text and preview scroll together: whichever somebody scrolls leads, and the lines of the text tell where the other one stands.

export class Scrolling {
  /**
   * @param {import("@codemirror/view").EditorView} view
   * @param {HTMLElement} pane
   * @param {() => boolean} isBeside whether both are seen
   */
  constructor(view, pane, isBeside) {
    Object.assign(this, { view, pane, isBeside, leader: "text", anchors: null });
    const text = view.scrollDOM;
    for (const [name, node] of [["text", text], ["pane", pane]]) {
      for (const event of ["pointerenter", "pointerdown", "wheel", "touchstart", "focusin", "keydown"]) node.addEventListener(event, () => { this.leader = name; }, { passive: true });
    }
    text.addEventListener("scroll", () => { if (this.leader === "text") this.followText(); }, { passive: true });
    pane.addEventListener("scroll", () => { if (this.leader === "pane") this.followPane(); }, { passive: true });
    pane.addEventListener("shown", () => this.settle());
    pane.addEventListener("load", () => this.settle(), true);
    new ResizeObserver(() => this.settle()).observe(pane);
  }

  /** Sizes changed: find the lines anew, and put the follower in its place. */
  settle() {
    this.anchors = null;
    if (this.leader === "text") this.followText();
  }

  // Where blocks begin: their lines in the text, and their tops in the preview. Footnotes stand elsewhere than in the text.
  places() {
    if (this.anchors) return this.anchors;
    const origin = this.pane.getBoundingClientRect().top - this.pane.scrollTop;
    const anchors = [{ line: 1, top: 0 }];
    for (const node of this.pane.querySelectorAll("[data-line]")) {
      const line = Number(node.dataset.line), top = node.getBoundingClientRect().top - origin, last = anchors[anchors.length - 1];
      if (line > last.line && top >= last.top && !node.closest(".footnotes")) anchors.push({ line, top });
    }
    anchors.push({ line: this.view.state.doc.lines + 1, top: this.pane.scrollHeight });
    this.anchors = anchors;
    return anchors;
  }

  followText() {
    if (!this.isBeside()) return;
    const { view, pane } = this;
    const text = view.scrollDOM;
    if (isAtEnd(text)) { pane.scrollTop = pane.scrollHeight; return; }
    const height = text.getBoundingClientRect().top - view.documentTop;
    const block = view.lineBlockAtHeight(Math.max(0, height));
    const line = view.state.doc.lineAt(block.from).number + Math.max(0, Math.min(1, (height - block.top) / block.height));
    pane.scrollTop = text.scrollTop < 2 ? 0 : between(this.places(), "line", "top", line);
  }

  followPane() {
    if (!this.isBeside()) return;
    const { view, pane } = this;
    const text = view.scrollDOM;
    if (isAtEnd(pane)) { text.scrollTop = text.scrollHeight; return; }
    const line = between(this.places(), "top", "line", pane.scrollTop);
    const number = Math.min(Math.max(1, Math.floor(line)), view.state.doc.lines);
    const block = view.lineBlockAt(view.state.doc.line(number).from);
    const padding = text.scrollTop - (text.getBoundingClientRect().top - view.documentTop);
    text.scrollTop = pane.scrollTop < 2 ? 0 : block.top + (line - number) * block.height + padding;
  }
}

const isAtEnd = (node) => node.scrollTop > 0 && node.scrollTop + node.clientHeight >= node.scrollHeight - 2;

function between(places, from, to, value) {
  let low = 0, high = places.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (places[middle][from] <= value) low = middle; else high = middle;
  }
  const [a, b] = [places[low], places[high]];
  const part = b[from] > a[from] ? (value - a[from]) / (b[from] - a[from]) : 0;
  return a[to] + Math.max(0, Math.min(1, part)) * (b[to] - a[to]);
}
