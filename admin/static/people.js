// Invitations: copying the link that is shown once; no second invitation by reloading.
import { toast } from "./core.js";

const link = document.querySelector("[data-link]");
if (link) {
  history.replaceState(null, "", location.href);
  link.addEventListener("focus", () => link.select());
  document.querySelector("[data-copy]").addEventListener("click", async () => {
    link.select();
    try {
      await navigator.clipboard.writeText(link.value);
      toast("The link is copied.");
    } catch {
      toast("This browser does not let a page copy; the link is marked, so press Ctrl or ⌘ and C.");
    }
  });
}
