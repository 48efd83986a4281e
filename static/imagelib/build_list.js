// Lists of builds: those that go on follow by themselves.
(function () {
  "use strict";

  document.addEventListener("DOMContentLoaded", function () {
    const il = window.imagelib, cells = new Map();

    function below(s) {
      if (s.error && s.state !== "cancelled") return s.error.title;
      if (s.state === "running") return il.percent(s.percent);
      return il.isFinal(s.state) && s.running_seconds !== null ? il.duration(s.running_seconds) : "";
    }

    document.querySelectorAll("[data-build]").forEach(function (cell) { cells.set(Number(cell.dataset.build), cell); });
    il.watchJobs("/api/builds/", Array.from(cells.keys()), function (s) {
      cells.get(s.id).replaceChildren(il.pullView.label(s.state), il.el("span", "il-second", below(s)));
    });
  });
})();
