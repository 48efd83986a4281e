// The editor of an application's files: the Dockerfile on the left, the others as tabs on the right, hints while one types.
(function () {
  "use strict";
  const PAUSE = 400; // milliseconds without typing

  document.addEventListener("DOMContentLoaded", function () {
    const form = document.getElementById("il-files");
    if (!form) return;
    const il = window.imagelib;
    const part = function (name, at) { return (at || form).querySelector('[data-part="' + name + '"]'); };
    const panes = part("panes"), tabs = il.el("div", "il-file-tabs");
    let timer = null, asked = 0, shown = null;
    tabs.setAttribute("role", "tablist");

    const files = function () { return Array.from(panes.querySelectorAll('[data-part="file"]')); };
    const pathOf = function (file) { return file.querySelector("[name=path]").value.trim(); };
    const textOf = function (file) { return file.querySelector("[name=text]"); };
    const named = function (path) { return files().find(function (file) { return pathOf(file) === path; }); };
    const others = function () { return files().filter(function (file) { return pathOf(file) !== "Dockerfile"; }); };

    function arrange() {
      const rest = others();
      if (!rest.includes(shown)) shown = rest[0] || null;
      const first = named("Dockerfile");
      if (first) panes.prepend(first);
      files().forEach(function (file) { file.hidden = file !== first && file !== shown; });
      tabs.replaceChildren.apply(tabs, rest.map(function (file) {
        const tab = il.el("button", "il-button" + (file === shown ? " il-primary" : ""), pathOf(file) || "…");
        tab.type = "button";
        tab.setAttribute("role", "tab");
        tab.setAttribute("aria-selected", String(file === shown));
        tab.addEventListener("click", function () { shown = file; arrange(); });
        return tab;
      }));
      tabs.hidden = rest.length < 2;
      if (shown) shown.prepend(tabs);
    }

    function wire(file) {
      const remove = part("remove", file), path = file.querySelector("[name=path]");
      const isFirst = path.value === "Dockerfile";
      remove.hidden = isFirst;
      path.readOnly = isFirst;
      remove.addEventListener("click", function () { file.remove(); arrange(); later(); });
      path.addEventListener("input", function () { arrange(); later(); });
      textOf(file).addEventListener("input", later);
    }

    function create(path, text) {
      const file = panes.querySelector('[data-part="file"]').cloneNode(true);
      const strip = file.querySelector(".il-file-tabs");
      if (strip) strip.remove();
      file.querySelector("[name=path]").value = path;
      textOf(file).value = text;
      textOf(file).setAttribute("aria-label", path);
      panes.append(file);
      wire(file);
      shown = file;
      arrange();
      return file;
    }

    function toLine(file, number) {
      if (pathOf(file) !== "Dockerfile") { shown = file; arrange(); }
      const text = textOf(file), lines = text.value.split("\n");
      const start = lines.slice(0, number - 1).join("\n").length + (number > 1 ? 1 : 0);
      text.focus();
      text.setSelectionRange(start, start + (lines[number - 1] || "").length);
      text.scrollTop = (number - 5) * text.scrollHeight / lines.length;
    }

    function hinted(hint) {
      const item = il.el("li"), kinds = { error: " il-bad", warning: " il-warn", info: "" };
      const place = il.el("button", "il-label" + kinds[hint.severity], hint.path + (hint.line ? ":" + hint.line : ""));
      place.type = "button";
      place.addEventListener("click", function () {
        const file = named(hint.path);
        if (file) toLine(file, hint.line || 1);
      });
      item.append(place, " ", hint.message);
      return item;
    }

    function send(at, extra) {
      const body = new URLSearchParams(extra);
      files().forEach(function (file) {
        body.append("path", pathOf(file));
        body.append("text", textOf(file).value);
      });
      return fetch(at, {
        method: "POST",
        headers: { "X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value },
        body: body,
      }).then(function (answer) { return answer.json(); });
    }

    function ask() {
      const number = ++asked;
      send(form.dataset.check, { row: form.dataset.row }).then(function (answer) {
        if (number !== asked) return;
        const list = part("list"), items = answer.hints.map(hinted);
        if (answer.error) items.unshift(il.el("li", "il-bad-text", answer.error));
        if (!items.length) items.push(il.el("li", "il-quiet", gettext("Nothing to say.")));
        list.replaceChildren.apply(list, items);
        part("hints").hidden = false;
      }).catch(function () {
        if (number === asked) part("hints").hidden = true; // saving says what is wrong
      });
    }

    function later() {
      asked += 1; // an answer to what stood there before is out of date
      clearTimeout(timer);
      timer = setTimeout(ask, PAUSE);
    }

    function add() {
      const said = part("said"), packages = part("packages");
      send(form.dataset.packages, { row: form.dataset.row, ecosystem: part("ecosystem").value, packages: packages.value }).then(function (answer) {
        said.className = "il-hint" + (answer.error ? " il-bad-text" : "");
        said.textContent = answer.error || answer.said;
        if (answer.error) return;
        packages.value = "";
        Object.keys(answer.files).forEach(function (path) {
          const file = named(path) || create(path, "");
          if (textOf(file).value !== answer.files[path]) textOf(file).value = answer.files[path];
        });
        later();
      }).catch(function () { said.textContent = gettext("The server did not answer."); });
    }

    files().forEach(wire);
    part("adding").hidden = false;
    part("new").hidden = false;
    part("new").addEventListener("click", function () {
      create("", "").querySelector("[name=path]").focus();
      later();
    });
    part("add").addEventListener("click", add);
    part("packages").addEventListener("keydown", function (event) {
      if (event.key !== "Enter") return;
      event.preventDefault(); // which would save
      add();
    });
    arrange();
    ask();
  });
})();
