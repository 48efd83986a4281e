// Where an image comes from: another node, or an archive, which is uploaded before its form is sent.
(function () {
  "use strict";

  // The theme writes the file's name into a text field beside it, and stumbles where there is none.
  const picker = document.getElementById("il-archive-file");
  if (picker) picker.hasChangeListener = true;

  document.addEventListener("DOMContentLoaded", function () {
    const place = document.querySelector("[data-upload]");
    if (!place) return;
    const il = window.imagelib, form = place.closest("form"), go = form.querySelector('[data-part="go"]');
    const source = form.querySelector("#il-source"), file = form.querySelector("#il-archive-file");
    const archive = form.querySelector("[name=archive]"), uploading = form.querySelector('[data-part="upload"]');

    function showSource() {
      form.querySelectorAll("[data-source]").forEach(function (part) { part.hidden = part.dataset.source !== source.value; });
    }

    // The archive goes first, and the form with its id then.
    function upload() {
      const request = new XMLHttpRequest();
      request.open("POST", place.dataset.upload);
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
      if (event.submitter && event.submitter.name === "again") return; // asks for the form once more
      event.preventDefault();
      upload();
    });
    showSource();
  });
})();
