// What the pages of a pull and of a build have in common: head, buttons, error, and how changes arrive.
(function () {
  "use strict";
  const il = window.imagelib;

  function drawHead(page, s) {
    const parts = page.parts;
    page.text("percent", il.percent(s.percent));
    parts.state.replaceChildren(il.pullView.label(s.state));
    page.text("created", il.moment(s.created_at));
    page.text("time-name", s.finished_at ? gettext("Took") : gettext("Running for"));
    parts.cancel.hidden = s.state !== "queued" && s.state !== "running";
    parts.retry.hidden = s.state !== "failed" && s.state !== "cancelled";
  }

  function drawError(page, s) {
    const error = s.error, parts = page.parts;
    parts.error.hidden = !error;
    if (!error) return;
    parts.error.classList.toggle("il-bad", s.state === "failed");
    parts.error.classList.toggle("il-warn", s.state !== "failed");
    page.text("error-title", error.title);
    page.text("error-cause", error.cause);
    page.text("error-advice", error.advice);
    parts["error-evidence"].hidden = !error.evidence;
    page.text("error-evidence", error.evidence);
  }

  // `link`: "live", "polling" or "offline".
  function showLink(page, s, link) {
    page.text("link", il.isFinal(s.state) ? "" : {
      live: "● " + gettext("live"), polling: gettext("updated every 2 s"), offline: gettext("connection lost, trying again"),
    }[link] || "");
  }

  il.jobPage = { drawHead, drawError, showLink };
})();
