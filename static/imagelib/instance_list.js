// The list of instances: rows of which something is being done follow it by themselves.
(function () {
  "use strict";
  const EVERY = 2000;

  document.addEventListener("DOMContentLoaded", function () {
    const il = window.imagelib, view = il.instanceView;

    function follow(cell, s) {
      view.ask(s).then(function (next) {
        if (!next) {
          cell.replaceChildren(il.el("span", "il-label", gettext("removed")));
          return;
        }
        const percent = next.operation && next.operation.pull ? il.percent(next.operation.pull.percent) : "";
        cell.replaceChildren(view.label(next.state), il.el("span", "il-age", percent));
        const problem = document.querySelector('[data-instance-problem="' + next.id + '"]');
        if (problem) problem.textContent = next.problem ? next.problem.text : "";
        if (view.isBusy(next)) setTimeout(follow, EVERY, cell, next);
      }).catch(function () { setTimeout(follow, EVERY, cell, s); });
    }

    document.querySelectorAll("[data-instance][data-busy]").forEach(function (cell) {
      follow(cell, JSON.parse(cell.dataset.busy));
    });
  });
})();
