// What the media library and the picker share: reading files, sending files with progress, small pictures.
import { Problem, element, icon } from "./core.js";

const AT_ONCE = 3, ATTEMPTS = 4;

/** A page of files: `{items, total, next}`. @param {Record<string, string>} query REST's parameters */
export async function readFiles(query, signal) {
  const chosen = Object.entries(query).filter(([, value]) => value);
  const answer = await fetch(`/admin/media-library/items?${new URLSearchParams(chosen)}`, { headers: { Accept: "application/json" }, signal, redirect: "manual" })
    .catch((error) => { if (error.name === "AbortError") throw error; throw new Problem({}); });
  if (answer.type === "opaqueredirect") throw new Problem({ status: 401, detail: "Your session has ended. Sign in again." });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem({ status: answer.status, detail: `The server answered ${answer.status}.`, ...body });
  return body;
}

/** What a file looks like, small: its picture, or the name of its kind. */
export function thumbnail(medium) {
  if (!medium.thumbnail) return element("span", { class: "kind" }, icon("file-text"), element("span", {}, medium.mime_type.split("/")[1].toUpperCase()));
  const image = element("img", { src: medium.thumbnail, alt: "", loading: "lazy", decoding: "async" });
  image.style.objectPosition = `${medium.focal_point.x * 100}% ${medium.focal_point.y * 100}%`;
  return image;
}

/** Why files were not moved to the trash, by their names. @param {Problem} problem @param {object[]} chosen in the order that was sent */
export function whyKept(problem, chosen) {
  const faults = problem.errors.map(({ pointer, detail }) => [chosen[Number(/^\/items\/(\d+)/.exec(pointer ?? "")?.[1])], detail]).filter(([medium]) => medium);
  if (!faults.length) return problem.detail;
  return `Nothing was moved. ${faults.slice(0, 3).map(([medium, detail]) => `${medium.name}: ${detail}`).join(" ")}${faults.length > 3 ? ` And ${faults.length - 3} more.` : ""}`;
}

/** A size as people read it. */
export const sizeOf = (bytes) => bytes < 1024 * 1024 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;

/**
 * Send one file, and tell how far it is.
 * @param {string} url
 * @param {File} file
 * @param {Record<string, string>} texts further fields of the form
 * @param {(share: number) => void} progress from 0 to 1
 * @returns {Promise<object>} the file as the server has it, with `isNew`
 * @throws {Problem}
 */
export async function sendFile(url, file, texts, progress, attempt = 1) {
  const answer = await attemptToSend(url, file, texts, progress);
  const isBusy = answer.status === 503 || answer.status === 429;
  if (isBusy && attempt < ATTEMPTS) {
    const seconds = Number(answer.getResponseHeader("Retry-After")) || attempt;
    await new Promise((resume) => setTimeout(resume, Math.min(seconds, 20) * 1000));
    return sendFile(url, file, texts, progress, attempt + 1);
  }
  let body = {};
  try { body = JSON.parse(answer.responseText); } catch { /* a page, or nothing */ }
  if (answer.status >= 200 && answer.status < 300 && body.id) return { ...body, isNew: answer.status === 201 };
  if (answer.status && answer.responseURL.includes("/admin/login")) throw new Problem({ status: 401, detail: "Your session has ended. Sign in in another tab, then try again." });
  if (answer.status) throw new Problem({ status: answer.status, detail: `The server answered ${answer.status}.`, ...body });
  throw new Problem({ detail: "The connection broke off. Nothing was uploaded; try again." });
}

function attemptToSend(url, file, texts, progress) {
  const form = new FormData();
  for (const [name, value] of Object.entries(texts)) form.set(name, value);
  form.set("file", file, file.name || "pasted.png");
  const request = new XMLHttpRequest();
  request.open("POST", url);
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("X-CSRF-Token", document.querySelector('meta[name="csrf-token"]').content);
  request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) progress(event.loaded / event.total); });
  return new Promise((resolve) => { request.addEventListener("loadend", () => resolve(request)); request.send(form); });
}

/**
 * Sends files, a few at a time, each with a line that tells how far it is; what failed stays, with why and a button to try again.
 * @param {HTMLElement} list where the lines go
 * @param {{maxBytes: number, tooLarge: string, done: (medium: object) => void, settled: (count: {sent: number, failed: number}) => void}} options
 */
export function uploader(list, { maxBytes, tooLarge, done, settled }) {
  const waiting = [];
  let running = 0, count = { sent: 0, failed: 0 };
  const next = () => {
    if (!running && !waiting.length) { settled(count); count = { sent: 0, failed: 0 }; return; }
    while (running < AT_ONCE && waiting.length) start(waiting.shift());
  };
  const start = async ({ file, line }) => {
    running += 1;
    line.dataset.state = "sending";
    line.state.textContent = "Uploading …";
    try {
      if (file.size > maxBytes) throw new Problem({ status: 413, detail: tooLarge });
      const medium = await sendFile("/admin/media/upload", file, {}, (share) => {
        line.bar.value = share;
        if (share === 1) line.state.textContent = "Being checked …";
      });
      count.sent += 1;
      line.dataset.state = "done";
      line.bar.value = 1;
      line.state.textContent = medium.isNew ? "Uploaded" : `Was here already, as “${medium.path}”`;
      done(medium);
      if (medium.isNew) setTimeout(() => line.remove(), 4000);
    } catch (problem) {
      count.failed += 1;
      line.dataset.state = "failed";
      line.state.textContent = problem.detail ?? String(problem);
      const isWorthIt = ![413, 415, 422].includes(problem.status);
      const again = () => { buttons.remove(); queue(file, line); next(); };
      const buttons = element("span", { class: "row" },
        isWorthIt && element("button", { type: "button", class: "button small", onclick: again }, "Try again"),
        element("button", { type: "button", class: "button small quiet icon-only", "aria-label": `Dismiss ${file.name}`, onclick: () => line.remove() }, icon("x", "small")));
      line.append(buttons);
    }
    running -= 1;
    next();
  };
  const queue = (file, line) => {
    line.dataset.state = "waiting";
    line.state.textContent = "Waiting …";
    line.bar.value = 0;
    waiting.push({ file, line });
  };
  return (files) => {
    for (const file of files) {
      const name = file.name || "Pasted picture";
      const line = element("li", { class: "upload-line" }, element("span", { class: "upload-name" }, name));
      line.bar = element("progress", { max: 1, value: 0, "aria-label": `Upload of ${name}` });
      line.state = element("span", { class: "upload-state" });
      line.append(line.bar, line.state);
      list.append(line);
      queue(file, line);
    }
    next();
  };
}

/** Take files that are dropped anywhere on the page, or pasted outside of a text. @param {(files: File[]) => void} take */
export function takeDropped(take, area = document) {
  let depth = 0;
  const shown = (isOver) => document.body.classList.toggle("is-dropping", isOver);
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  area.addEventListener("dragenter", (event) => { if (hasFiles(event)) { depth += 1; shown(true); } });
  area.addEventListener("dragleave", () => { depth = Math.max(0, depth - 1); if (!depth) shown(false); });
  area.addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
  area.addEventListener("drop", (event) => {
    depth = 0;
    shown(false);
    if (!hasFiles(event)) return;
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });
  area.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    take(files);
  });
}
