// Registering an image: the nodes that have it are marked while it is typed.
(function () {
  "use strict";
  const PAUSE = 300; // milliseconds without typing

  document.addEventListener("DOMContentLoaded", function () {
    const form = document.getElementById("il-register"), input = form && form.querySelector("[name=image]");
    if (!input) return;
    let timer = null, asked = 0;

    function mark(ids) {
      form.querySelectorAll("[data-node]").forEach(function (row) {
        row.querySelector('[data-part="there"]').hidden = !ids.includes(Number(row.dataset.node));
      });
    }

    function ask() {
      const number = ++asked;
      if (!input.value.trim()) { mark([]); return; }
      fetch(form.dataset.presence + "?" + new URLSearchParams({ image: input.value.trim() }))
        .then(function (answer) { return answer.json(); })
        .catch(function () { return { nodes: [] }; }) // the next page says what is wrong
        .then(function (answer) { if (number === asked) mark(answer.nodes || []); });
    }

    input.addEventListener("input", function () {
      clearTimeout(timer);
      timer = setTimeout(ask, PAUSE);
    });
    ask();
  });
})();
