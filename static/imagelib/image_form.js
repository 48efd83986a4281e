// Below the address field, while it is typed: what would be pulled, and whose credentials would be used.
(function () {
  "use strict";
  const PAUSE = 300; // milliseconds without typing

  document.addEventListener("DOMContentLoaded", function () {
    const input = document.querySelector("[data-image-address]");
    const panel = document.getElementById("il-meaning");
    if (!input || !panel) return;
    const il = window.imagelib;
    let timer = null, asked = 0;
    const place = input.closest(".field-address") || input.parentElement;
    (place.querySelector(".field-line, .form-row") || input.parentElement).append(panel);

    function lines(answer) {
      if (answer.error) return [["il-bad-text", answer.error]];
      const found = [["", gettext("Will be pulled:") + " ", answer.effective_reference]];
      if (answer.adopts) {
        found.push(["", gettext("User name and password are taken out of the address and stored with the registry endpoint of this host.")]);
      } else if (answer.registry && answer.credentials) {
        found.push(["", interpolate(gettext("With the credentials of “%(name)s”."), { name: answer.registry.name }, true)]);
      } else if (answer.registry) {
        found.push(["", interpolate(gettext("Through “%(name)s”, which has no credentials."), { name: answer.registry.name }, true)]);
      } else {
        found.push(["", gettext("Without credentials: no registry endpoint covers this host.")]);
      }
      return found.concat(answer.warnings.map(function (text) { return ["il-warn-text", text]; }));
    }

    function show(answer) {
      panel.hidden = false;
      panel.className = "il-meaning " + (answer.error ? "il-bad" : answer.warnings.length ? "il-warn" : "il-good");
      panel.replaceChildren.apply(panel, lines(answer).map(function (line) {
        const paragraph = il.el("p", line[0], line[1]);
        if (line[2]) paragraph.append(il.el("span", "il-mono", line[2]));
        return paragraph;
      }));
    }

    function ask() {
      const number = ++asked;
      if (!input.value.trim()) { panel.hidden = true; return; }
      fetch(panel.dataset.url, {
        method: "POST",
        headers: { "X-CSRFToken": input.form.querySelector("[name=csrfmiddlewaretoken]").value },
        body: new URLSearchParams({ address: input.value }),
      }).then(function (answer) { return answer.json(); }).then(function (answer) {
        if (number === asked) show(answer);
      }).catch(function () {
        if (number === asked) panel.hidden = true; // the form itself says what is wrong when it is saved
      });
    }

    input.addEventListener("input", function () {
      clearTimeout(timer);
      timer = setTimeout(ask, PAUSE);
    });
    ask();
  });
})();
