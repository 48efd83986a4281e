// While checks run, the page asks how they are and loads itself anew when something changed.

(function () {
  "use strict";

  const page = document.getElementById("il-submission");
  if (!page || page.dataset.active !== "yes") return;

  async function look() {
    try {
      const answer = await fetch(page.dataset.url, { headers: { Accept: "application/json" } });
      const now = answer.ok ? await answer.json() : null;
      if (now && String(now.version) !== page.dataset.version && now.state !== page.dataset.state) {
        window.location.reload();
        return;
      }
    } catch {
      // The server is away for a moment: asked again below.
    }
    window.setTimeout(look, 2000);
  }

  window.setTimeout(look, 1000);
})();
