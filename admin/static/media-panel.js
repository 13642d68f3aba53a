// All about one file: its focal point, its texts, where it is used; copy, download, replace, trash.
import { announce, debounce, element, icon, send, shown, toast } from "./core.js";
import { focalPoint } from "./media-focus.js";
import { sendFile, sizeOf, whyKept } from "./media.js";

export class FilePanel {
  /** @param {HTMLElement} panel @param {{texts: object, changed: Function, gone: Function, closed: Function, replacer: HTMLInputElement}} options */
  constructor(panel, options) {
    Object.assign(this, options, { panel, id: null });
    panel.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.preventDefault(); this.close(); } });
    this.replacer.addEventListener("change", () => { const [file] = this.replacer.files; this.replacer.value = ""; if (file) this.replace(file); });
    this.savePoint = debounce((id, point) => this.texts.send(id, { focal_point: point }).then(() => announce("The focal point is saved."), (problem) => this.failed(problem)), 500);
  }

  open(medium) {
    this.savePoint.flush();
    this.texts.learn(medium);
    this.id = medium.id;
    this.draw(medium);
    this.panel.hidden = false;
    this.panel.focus();
    this.readUse(medium.id);
  }

  close() {
    const { id } = this;
    this.savePoint.flush();
    this.id = null;
    this.panel.hidden = true;
    this.panel.replaceChildren();
    this.closed(id);
  }

  /** The record has changed: its fields know by themselves, another file is drawn anew. */
  refresh(medium) {
    if (medium.id !== this.id) return;
    if (medium.url !== this.url) {
      this.draw(medium);
      this.readUse(medium.id);
    }
    this.panel.querySelector("h2").textContent = medium.name;
  }

  draw(medium) {
    const { texts } = this, may = medium.is_editable;
    this.url = medium.url;
    this.used = element("div", { class: "used" }, element("p", { class: "faint" }, "Looking …"));
    const facts = [
      ["Kind", medium.mime_type], ["Size", sizeOf(medium.size)], medium.width && ["Pixels", `${medium.width} × ${medium.height}`],
      ["Uploaded", shown(medium.created_at)], medium.owner && ["By", medium.owner],
    ].filter(Boolean);
    this.panel.replaceChildren(...[
      element("div", { class: "panel-head" }, element("h2", {}, medium.name), element("button", { type: "button", class: "button quiet icon-only small", "aria-label": "Close", onclick: () => this.close() }, icon("x"))),
      ...this.picture(medium),
      may ? texts.field(medium, "alt") : element("p", {}, medium.alt || "No alt text"),
      may && texts.field(medium, "caption"), may && texts.field(medium, "path"),
      element("div", { class: "row" },
        element("button", { type: "button", class: "button small", "data-part": "copy", onclick: () => this.copy(medium) }, icon("copy", "small"), "Copy URL"),
        element("a", { class: "button small", href: medium.url, download: medium.name }, icon("download", "small"), "Download"),
        may && element("button", { type: "button", class: "button small", "data-part": "replace", onclick: () => this.replacer.click() }, icon("replace", "small"), "Replace"),
        may && element("button", { type: "button", class: "button small danger", "data-part": "trash", onclick: () => this.trash() }, icon("trash", "small"), "Move to trash")),
      this.progress = element("progress", { max: 1, value: 0, hidden: true, "aria-label": "Upload" }),
      element("dl", { class: "panel-facts" }, facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])),
      element("h3", {}, "Where used"), this.used,
      element("p", {}, element("a", { href: `/admin/history/media/${medium.id}` }, "History")),
    ].filter(Boolean));
  }

  picture(medium) {
    if (!medium.is_picture) return [];
    if (!medium.is_editable) return [element("img", { class: "panel-picture", src: medium.url, alt: medium.alt })];
    return focalPoint(medium, (point) => this.savePoint(medium.id, point));
  }

  async readUse(id) {
    try {
      const { usages, places } = await send(`/admin/media-library/${id}`, { method: "GET" });
      if (id !== this.id) return;
      const links = places.map(({ label, title, url }) => element("p", {}, `${label} `, element("a", { href: url }, title || "Untitled")));
      this.used.replaceChildren(...(links.length ? links : usages.map((text) => element("p", {}, text))));
      if (!usages.length) this.used.append(element("p", { class: "faint" }, "Nowhere."));
    } catch (problem) {
      if (id === this.id) this.used.replaceChildren(element("p", { class: "field-errors" }, problem.detail));
    }
  }

  async copy(medium) {
    const url = new URL(medium.permalink, location.href).href;
    try {
      await navigator.clipboard.writeText(url);
      toast("The URL is copied. It stays the same when the file is replaced.");
    } catch {
      toast(url);
    }
  }

  async replace(file) {
    const id = this.id, medium = this.texts.of({ id });
    this.progress.hidden = false;
    try {
      const now = await sendFile(`/admin/media-library/${id}/file`, file, { version: String(medium.version) }, (share) => { this.progress.value = share; });
      this.texts.learn(now);
      this.changed(now);
      toast("Replaced. Everything that leads to this file shows the new one.", { undo: now.change_id });
      this.panel.focus();
    } catch (problem) {
      this.failed(problem);
    }
    this.progress.hidden = true;
  }

  async trash() {
    const medium = this.texts.of({ id: this.id });
    try {
      const { change_id } = await send("/admin/media/trash", { body: { items: [{ id: medium.id, version: medium.version }] } });
      this.gone([medium.id]);
      toast("1 file moved to the trash.", { undo: change_id });
    } catch (problem) {
      toast(whyKept(problem, [medium]), { kind: "bad" });
    }
  }

  failed(problem) { toast(problem.detail, { kind: "bad" }); }
}
