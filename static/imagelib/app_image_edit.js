// The editor of AppImages: the server reads the text while it is typed, and says what is wrong and what it means.
(function () {
  "use strict";
  const PAUSE = 400; // milliseconds without typing

  document.addEventListener("DOMContentLoaded", function () {
    const form = document.getElementById("il-edit");
    const text = document.getElementById("il-text");
    if (!form || !text) return;
    const il = window.imagelib;
    const part = function (name) { return form.querySelector('[data-part="' + name + '"]'); };
    const fields = Array.from(form.querySelectorAll("[data-image]"));
    let timer = null, asked = 0, ofForm = false;

    function toLine(number) {
      const lines = text.value.split("\n");
      const start = lines.slice(0, number - 1).join("\n").length + (number > 1 ? 1 : 0);
      text.focus();
      text.setSelectionRange(start, start + (lines[number - 1] || "").length);
      text.scrollTop = (number - 5) * text.scrollHeight / lines.length;
    }

    function noticed(notice) {
      const item = il.el("li");
      if (notice.line) {
        const button = il.el("button", "il-link", interpolate(gettext("line %(line)s"), { line: notice.line }, true));
        button.type = "button";
        button.addEventListener("click", function () { toLine(notice.line); });
        item.append(button, " ");
      }
      if (notice.field) item.append(il.el("span", "il-mono", notice.field), " ");
      item.append(notice.message);
      return item;
    }

    function verdict(answer) {
      const bad = answer.faults.length > 0, notices = bad ? answer.faults : answer.warnings;
      const panel = part("verdict");
      panel.hidden = false;
      panel.className = "il-card " + (bad ? "il-bad" : notices.length ? "il-warn" : "il-good");
      let title = gettext("This cannot be saved yet");
      if (!bad && answer.changes) {
        title = answer.changes.added + answer.changes.removed === 0 ? gettext("Nothing is changed")
          : interpolate(gettext("Lines added: %(added)s, removed: %(removed)s"), answer.changes, true);
      } else if (!bad) title = gettext("This can be saved");
      part("verdict-title").textContent = title;
      part("faults").replaceChildren.apply(part("faults"), notices.map(noticed));
    }

    function meaning(found) {
      const panel = part("meaning"), lines = [];
      if (found.error) lines.push(["il-bad-text", found.error]);
      else {
        lines.push(["", gettext("Will be pulled:") + " ", found.effective_reference]);
        if (found.registry && found.credentials) {
          lines.push(["", interpolate(gettext("With the credentials of “%(name)s”."), { name: found.registry.name }, true)]);
        }
        found.warnings.forEach(function (warning) { lines.push(["il-warn-text", warning]); });
      }
      panel.className = "il-meaning " + (found.error ? "il-bad" : found.warnings.length ? "il-warn" : "il-good");
      panel.replaceChildren.apply(panel, lines.map(function (line) {
        const paragraph = il.el("p", line[0], line[1]);
        if (line[2]) paragraph.append(il.el("span", "il-mono", line[2]));
        return paragraph;
      }));
    }

    function show(answer) {
      verdict(answer);
      fields.forEach(function (field) { field.disabled = answer.faults.length > 0; });
      if (answer.faults.length) return;
      part("form").hidden = false;
      if (answer.text !== null) text.value = answer.text;
      fields.forEach(function (field) {
        if (field !== document.activeElement) field.value = answer.image[field.dataset.image];
      });
      meaning(answer.meaning);
    }

    function ask() {
      const number = ++asked;
      const body = new URLSearchParams({ text: text.value, row: form.dataset.row });
      if (ofForm) fields.forEach(function (field) { body.set(field.dataset.image, field.value); });
      ofForm = false;
      fetch(form.dataset.check, {
        method: "POST",
        headers: { "X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value },
        body: body,
      }).then(function (answer) { return answer.json(); }).then(function (answer) {
        if (number === asked) show(answer);
      }).catch(function () {
        if (number === asked) part("verdict").hidden = true; // the next page says what is wrong
      });
    }

    function later(fromForm) {
      asked += 1; // an answer to what stood there before is out of date
      ofForm = fromForm;
      clearTimeout(timer);
      timer = setTimeout(ask, PAUSE);
    }

    text.addEventListener("input", function () { later(false); });
    fields.forEach(function (field) { field.addEventListener("input", function () { later(true); }); });
    ask();
  });
})();
