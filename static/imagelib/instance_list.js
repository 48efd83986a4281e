// The list of instances: every row follows its instance by itself.
(function () {
  "use strict";

  document.addEventListener("DOMContentLoaded", function () {
    const il = window.imagelib, view = il.instanceView, cells = new Map();

    function draw(s) {
      const cell = cells.get(s.id);
      if (s.state === "removed") {
        cell.replaceChildren(il.el("span", "il-label", gettext("removed")));
        return;
      }
      const note = il.el("span", "il-age"), pull = s.operation && s.operation.pull;
      if (pull) {
        note.textContent = il.percent(pull.percent);
      } else if (s.state_age_seconds !== null) { // it keeps counting: ages count from when the page was made
        note.dataset.age = String(s.state_age_seconds - performance.now() / 1000);
        note.textContent = il.ago(s.state_age_seconds);
      }
      cell.replaceChildren(view.label(s.state), note);
      const problem = document.querySelector('[data-instance-problem="' + s.id + '"]');
      if (problem) problem.textContent = s.problem ? s.problem.text : "";
    }

    document.querySelectorAll("[data-instance]").forEach(function (cell) {
      cells.set(Number(cell.dataset.instance), cell);
    });
    view.follow(Array.from(cells.values(), function (cell) { return JSON.parse(cell.dataset.known); }), draw);
  });
})();
