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
    const changed = new Map(); // path → what was typed into a field and is not in the text yet
    let timer = null, asked = 0, fields = [];

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

    function choice(select, name) {
      const option = il.el("option", "", name || "–");
      option.value = name;
      select.append(option);
    }

    function built(given) {
      const groups = new Map();
      fields = given.map(function (one) {
        if (!groups.has(one.group)) {
          groups.set(one.group, il.el("section", "il-card il-pairs"));
          groups.get(one.group).append(il.el("h2", "", one.group));
        }
        const line = il.el("div", "il-field"), title = il.el("label", "", one.label);
        const input = il.el(one.choices.length ? "select" : "input", "il-select");
        if (one.choices.length) [""].concat(one.choices).forEach(function (name) { choice(input, name); });
        input.id = "il-" + one.path.replaceAll(".", "-");
        input.dataset.path = one.path;
        input.autocomplete = "off";
        input.addEventListener("input", function () { changed.set(one.path, input.value); later(); });
        title.htmlFor = input.id;
        line.append(title, input);
        if (one.hint) line.append(il.el("p", "il-hint", one.hint));
        groups.get(one.group).append(line);
        return input;
      });
      const first = groups.values().next().value;
      first.append(part("meaning"));
      part("form").replaceChildren.apply(part("form"), Array.from(groups.values()));
    }

    function filled(given) {
      const same = fields.length === given.length && given.every(function (one, index) {
        return fields[index].dataset.path === one.path;
      });
      if (!same) {
        form.append(part("meaning")); // so that it outlives the fields that it stands with
        built(given);
      }
      given.forEach(function (one, index) {
        if (fields[index] === document.activeElement) return;
        if (one.choices.length && one.value && !one.choices.includes(one.value)) choice(fields[index], one.value);
        fields[index].value = one.value;
      });
    }

    function show(answer) {
      verdict(answer);
      const readable = answer.faults.length === 0;
      // A field that is being typed in stays open: what is wrong may be wrong there.
      fields.forEach(function (field) { field.disabled = !readable && field !== document.activeElement; });
      if (!readable) return;
      ["form", "meaning", "hint"].forEach(function (name) { part(name).hidden = false; });
      if (answer.text !== null) text.value = answer.text;
      filled(answer.fields);
      meaning(answer.meaning);
    }

    function ask() {
      const number = ++asked;
      const body = new URLSearchParams({ text: text.value, row: form.dataset.row });
      changed.forEach(function (value, path) { body.set("field-" + path, value); });
      fetch(form.dataset.check, {
        method: "POST",
        headers: { "X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value },
        body: body,
      }).then(function (answer) { return answer.json(); }).then(function (answer) {
        if (number !== asked) return;
        if (answer.faults.length === 0) changed.clear();
        show(answer);
      }).catch(function () {
        if (number === asked) part("verdict").hidden = true; // the next page says what is wrong
      });
    }

    function later() {
      asked += 1; // an answer to what stood there before is out of date
      clearTimeout(timer);
      timer = setTimeout(ask, PAUSE);
    }

    text.addEventListener("input", function () { changed.clear(); later(); });
    ask();
  });
})();
