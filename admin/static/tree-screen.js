// The tree of a content type: each move is saved at once, and told with a way back.
import { announce, send, toast } from "./core.js";
import { Tree } from "./tree.js";

const root = document.querySelector("[data-tree]");
const byId = (id) => root.querySelector(`li[data-item="${id}"]`);
const pending = []; // moves that are not saved yet, each with what puts its item back
let isSaving = false;

const tree = new Tree(root, {
  levels: Number(root.dataset.levels),
  name: (item) => item.querySelector(".row-link").textContent,
  moved: (item, back) => {
    const { parent, after } = tree.place(item);
    pending.push({ item, back, place: { parent: parent?.dataset.item ?? null, after: after?.dataset.item ?? null }, where: tree.where(item) });
    if (!isSaving) save();
  },
});

// One after the other: the next one needs the versions that this one makes.
async function save() {
  isSaving = true;
  while (pending.length) {
    const [{ item, place, where }] = pending;
    item.setAttribute("aria-busy", "true");
    try {
      const { change, versions } = await send(`${root.dataset.tree}/move/${item.dataset.item}`, { body: { ...place, version: Number(item.dataset.version) } });
      for (const [id, version] of Object.entries(versions)) byId(id)?.setAttribute("data-version", version);
      pending.shift();
      tellPaths(item);
      document.querySelectorAll(".toast.good").forEach((box) => box.remove());
      if (change) toast(`“${tree.name(item)}” is moved: ${where}.`, { undo: change });
    } catch (problem) { refuse(problem); }
    item.removeAttribute("aria-busy");
  }
  isSaving = false;
}

// Paths follow their parents', as the server has them.
function tellPaths(item) {
  const path = item.querySelector(".tree-path"), parent = tree.parent(item);
  path.textContent = `${parent?.querySelector(".tree-path").textContent ?? ""}${path.textContent.slice(path.textContent.lastIndexOf("/"))}`;
  item.querySelectorAll(":scope > ol > li").forEach(tellPaths);
}

function refuse(problem) {
  pending.splice(0).reverse().forEach(({ back }) => back());
  const isStale = [404, 409, 412].includes(problem.status);
  const detail = problem.status === 412 ? "Somebody else changed this meanwhile, so nothing was moved." : problem.detail;
  toast(detail, { kind: "bad", ...(isStale ? { href: location.href, label: "Show the tree as it is now" } : {}) });
}

// All of it folded, for large trees.
document.querySelector("[data-fold]")?.addEventListener("click", ({ currentTarget }) => {
  const isOpen = currentTarget.getAttribute("aria-pressed") === "true";
  root.querySelectorAll("li").forEach((item) => tree.open(item, isOpen || !item.querySelector("ol > li")));
  currentTarget.setAttribute("aria-pressed", String(!isOpen));
  announce(isOpen ? "Everything is shown." : "Only the top is shown.");
});
