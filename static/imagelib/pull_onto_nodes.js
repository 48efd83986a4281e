// Choosing nodes for a pull: the bytes to move, one question per chosen node, so that a dead node delays only itself.
(function () {
  "use strict";
  const AT_ONCE = 3; // questions under way; the server has a handful of threads for pages
  const ASK_ALL = 12; // so few nodes are asked without being chosen

  // The theme writes the file's name into a text field beside it, and stumbles where there is none.
  const picker = document.getElementById("il-archive-file");
  if (picker) picker.hasChangeListener = true;

  document.addEventListener("DOMContentLoaded", function () {
    const il = window.imagelib;
    const choose = document.getElementById("il-choose"), form = document.getElementById("il-onto");
    // The select with a search field speaks by jQuery's events alone.
    django.jQuery("#il-image").on("change", function () { choose.requestSubmit(); });
    choose.addEventListener("submit", function () {
      if (form) form.querySelectorAll("[name=nodes]:checked").forEach(function (box) { keep(box.value); });
    });

    // A chosen node stays chosen when the page is asked for again.
    function keep(pk) {
      const field = il.el("input");
      field.type = "hidden";
      field.name = "nodes";
      field.value = pk;
      choose.append(field);
    }

    if (!form || !form.querySelector("[data-node]")) return;
    const rows = Array.from(form.querySelectorAll("[data-node]"));
    const found = new Map(), queue = [];
    const all = form.querySelector("[data-all]"), go = form.querySelector('[data-part="go"]'), sum = form.querySelector('[data-part="sum"]');
    let busy = 0;

    function box(row) { return row.querySelector("input"); }

    function show(row, answer) {
      const cell = row.querySelector('[data-part="move"]');
      cell.replaceChildren();
      if (answer.problem || answer.error) {
        const why = answer.problem || { title: answer.error, cause: "", advice: "", decided: false };
        const word = why.decided ? gettext("would fail") : gettext("unknown");
        cell.append(il.el("span", why.decided ? "il-label il-bad" : "il-label il-warn", word));
        const reason = il.el("div", "il-second", why.title);
        reason.title = (why.cause + " " + why.advice).trim();
        cell.append(reason);
        return;
      }
      cell.append(il.el("strong", "", answer.bytes_to_move ? il.bytes(answer.bytes_to_move) : gettext("nothing, it is there already")));
      if (answer.bytes_reused && answer.bytes_to_move) {
        cell.append(il.el("div", "il-second", interpolate(gettext("saves %(size)s"), { size: il.bytes(answer.bytes_reused) }, true)));
      }
      if (!answer.runs_there) cell.append(il.el("div", "il-second il-warn-text", gettext("built for another platform")));
    }

    function ask(row) {
      if (found.has(row) || queue.includes(row)) return;
      queue.push(row);
      found.set(row, null);
      row.querySelector('[data-part="move"]').replaceChildren(il.el("span", "il-quiet", gettext("asking…")));
      next();
    }

    function next() {
      if (busy >= AT_ONCE || !queue.length) return;
      const row = queue.shift();
      busy += 1;
      fetch(form.dataset.estimate + "?image=" + form.dataset.image + "&node=" + row.dataset.node)
        .then(function (answer) { return answer.json(); })
        .catch(function () { return { error: gettext("no answer from this server") }; })
        .then(function (answer) {
          busy -= 1;
          found.set(row, answer);
          show(row, answer);
          total();
          next();
        });
      next();
    }

    function total() {
      const chosen = rows.filter(function (row) { return box(row).checked; });
      go.disabled = !chosen.length;
      all.checked = chosen.length === rows.length;
      all.indeterminate = chosen.length > 0 && chosen.length < rows.length;
      if (!chosen.length) { sum.textContent = gettext("Choose one node or more."); go.textContent = gettext("Pull"); return; }
      let bytes = 0, unknown = 0, waiting = 0;
      chosen.forEach(function (row) {
        const answer = found.get(row);
        if (!answer) waiting += 1;
        else if (answer.bytes_to_move === null || answer.bytes_to_move === undefined) unknown += 1;
        else bytes += answer.bytes_to_move;
      });
      const parts = [interpolate(gettext("%(size)s to move"), { size: il.bytes(bytes) }, true)];
      if (unknown) parts.push(interpolate(ngettext("%(n)s node unknown", "%(n)s nodes unknown", unknown), { n: unknown }, true));
      if (waiting) parts.push(interpolate(ngettext("%(n)s node still being asked", "%(n)s nodes still being asked", waiting), { n: waiting }, true));
      sum.textContent = parts.join(", ");
      go.textContent = interpolate(ngettext("Pull onto %(n)s node", "Pull onto %(n)s nodes", chosen.length), { n: chosen.length }, true);
    }

    const source = form.querySelector("#il-source"), file = form.querySelector("#il-archive-file");
    const archive = form.querySelector("[name=archive]"), uploading = form.querySelector('[data-part="upload"]');

    function showSource() {
      form.querySelectorAll("[data-source]").forEach(function (part) { part.hidden = part.dataset.source !== source.value; });
    }

    // The archive goes first, and the form with its id then.
    function upload() {
      const request = new XMLHttpRequest();
      request.open("POST", form.querySelector("[data-upload]").dataset.upload);
      request.setRequestHeader("X-CSRFToken", form.querySelector("[name=csrfmiddlewaretoken]").value);
      request.setRequestHeader("Content-Type", "application/x-tar");
      request.setRequestHeader("Accept", "application/json");
      request.upload.onprogress = function (event) {
        uploading.textContent = interpolate(gettext("%(done)s of %(total)s"), { done: il.bytes(event.loaded), total: il.bytes(event.total) }, true);
      };
      request.onload = function () {
        let answer = {};
        try { answer = JSON.parse(request.responseText); } catch (error) { answer = {}; }
        go.disabled = false;
        if (request.status === 201) {
          archive.value = answer.archive;
          form.submit();
        } else {
          uploading.textContent = answer.detail || gettext("no answer from this server");
        }
      };
      request.onerror = function () { go.disabled = false; uploading.textContent = gettext("no answer from this server"); };
      go.disabled = true;
      request.send(file.files[0]);
    }

    source.addEventListener("change", showSource);
    file.addEventListener("change", function () { archive.value = ""; uploading.textContent = ""; });
    form.addEventListener("submit", function (event) {
      if (source.value !== "archive" || archive.value || !file.files.length) return;
      event.preventDefault();
      upload();
    });
    showSource();

    rows.forEach(function (row) {
      box(row).addEventListener("change", function () { if (box(row).checked) ask(row); total(); });
      if (rows.length <= ASK_ALL || box(row).checked) ask(row);
    });
    all.addEventListener("change", function () {
      rows.forEach(function (row) { box(row).checked = all.checked; if (all.checked) ask(row); });
      total();
    });
    total();
  });
})();
