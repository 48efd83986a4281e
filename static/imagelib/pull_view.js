// How a snapshot of a pull is drawn in one line: bar, bytes, speed, time left. Used by lists and by the dashboard.
(function () {
  "use strict";
  const il = window.imagelib;
  const TONES = {
    queued: "il-warn", running: "il-info", cancelling: "il-warn", succeeded: "il-good", failed: "il-bad", cancelled: "",
  };

  function stateName(state) {
    return {
      queued: gettext("queued"), running: gettext("running"), cancelling: gettext("cancelling"),
      succeeded: gettext("succeeded"), failed: gettext("failed"), cancelled: gettext("cancelled"),
    }[state] || state;
  }

  function phaseName(phase) {
    return {
      waiting: gettext("waiting"), resolving: gettext("asking the registry"), downloading: gettext("downloading"),
      extracting: gettext("unpacking"), verifying: gettext("verifying"), done: gettext("done"),
    }[phase] || stateName(phase);
  }

  function label(state) {
    return il.el("span", "il-label " + (TONES[state] || ""), stateName(state));
  }

  // Widths of the two tones in percent; what needs no download is finished at once.
  function tones(s) {
    if (s.state === "succeeded") return [100, 100];
    const total = s.bytes_total || 0;
    if (!total) return [0, 0];
    return [100 * Math.min(s.bytes_downloaded / total, 1), 100 * Math.min(s.bytes_extracted / total, 1)];
  }

  function drawBar(bar, s) {
    if (!bar.firstChild) {
      bar.append(il.el("span", "il-downloaded"), il.el("span", "il-extracted"));
      bar.setAttribute("role", "progressbar");
      bar.setAttribute("aria-valuemin", "0");
      bar.setAttribute("aria-valuemax", "100");
    }
    const widths = tones(s);
    bar.children[0].style.width = widths[0] + "%";
    bar.children[1].style.width = widths[1] + "%";
    bar.setAttribute("aria-valuenow", s.percent);
    bar.setAttribute("aria-label", il.percent(s.percent));
    bar.classList.toggle("il-done", s.state === "succeeded");
    bar.classList.toggle("il-failed", s.state === "failed");
    bar.classList.toggle("il-stopped", s.state === "cancelled" || s.state === "cancelling");
  }

  function total(s) {
    if (s.bytes_total === null) return gettext("size unknown");
    const size = il.bytes(s.bytes_total);
    return s.bytes_total_exact ? size : interpolate(gettext("at least %(size)s"), { size: size }, true);
  }

  function left(s) {
    if (s.error && s.state === "failed") return s.error.title;
    if (s.error && s.state === "queued") return interpolate(gettext("trying again: %(why)s"), { why: s.error.title }, true);
    if (s.state === "succeeded") {
      return s.bytes_total ? interpolate(gettext("%(size)s downloaded"), { size: il.bytes(s.bytes_total) }, true)
        : gettext("everything was there already");
    }
    if (s.bytes_total === null || s.state === "queued") return phaseName(s.phase);
    return interpolate(gettext("%(done)s of %(total)s"), { done: il.bytes(s.bytes_downloaded), total: total(s) }, true);
  }

  function right(s) {
    if (s.state !== "running") return s.state === "failed" || s.state === "cancelled" ? "" : il.percent(s.percent);
    const parts = [];
    if (s.phase === "downloading" && s.speed_bps !== null) parts.push(il.speed(s.speed_bps));
    else if (s.phase !== "downloading") parts.push(phaseName(s.phase));
    if (s.eta_range_seconds) parts.push(interpolate(gettext("%(time)s left"), { time: il.range(...s.eta_range_seconds) }, true));
    parts.push(il.percent(s.percent));
    return parts.join(" · ");
  }

  function drawRow(row, s) {
    if (!row.querySelector(".il-bar")) {
      const line = il.el("div", "il-second");
      line.append(il.el("span"), il.el("span", "il-num"));
      row.replaceChildren(il.el("div", "il-bar"), line);
    }
    drawBar(row.children[0], s);
    row.children[1].children[0].textContent = left(s);
    row.children[1].children[1].textContent = right(s);
    document.querySelectorAll('[data-pull-state="' + s.id + '"]').forEach(function (cell) {
      cell.replaceChildren(label(s.state));
    });
    document.querySelectorAll('[data-pull-error="' + s.id + '"]').forEach(function (part) {
      part.textContent = s.error && s.state !== "succeeded" ? (s.error.cause + " " + s.error.advice).trim() : "";
    });
    document.querySelectorAll('[data-pull-active="' + s.id + '"]').forEach(function (part) {
      part.hidden = il.isFinal(s.state);
    });
  }

  il.pullView = { label, stateName, phaseName, drawBar, drawRow, total };

  document.addEventListener("DOMContentLoaded", function () {
    const rows = new Map();
    document.querySelectorAll("[data-pull][data-snapshot]").forEach(function (row) {
      const s = JSON.parse(row.dataset.snapshot);
      drawRow(row, s);
      rows.set(s.id, row);
      if (il.isFinal(s.state)) rows.delete(s.id);
    });
    il.watchJobs("/api/pulls/", Array.from(rows.keys()), function (s) { drawRow(rows.get(s.id), s); });
  });
})();
