// The check page: asks the API, shows what the registry says.
(function () {
  "use strict";
  document.addEventListener("DOMContentLoaded", function () {
    const il = window.imagelib;
    const page = document.getElementById("il-check");
    const part = function (name) { return page.querySelector('[data-part="' + name + '"]'); };

    function fact(list, name, value, mono) {
      if (value === "" || value === null || value === undefined) return;
      const row = il.el("div", mono ? "il-fact il-wide" : "il-fact");
      row.append(il.el("dt", "", name), il.el("dd", mono ? "il-mono" : "", value));
      list.append(row);
    }

    function problem(body, error) {
      body.append(il.el("p", "", error.cause), il.el("p", "", error.advice));
      if (error.evidence) body.append(il.el("div", "il-pre", error.evidence));
    }

    function verdict(answer) {
      if ("exists" in answer) {
        if (answer.exists) return ["il-good", gettext("The image is there.")];
        if (answer.exists === false) return ["il-bad", gettext("The registry does not have this image.")];
        return ["il-warn", gettext("It is not known whether the image is there.")];
      }
      if (answer.accepted) return ["il-good", gettext("The registry answers and accepts this endpoint.")];
      if (answer.reachable) return ["il-bad", gettext("The registry answers, but does not accept this endpoint.")];
      return ["il-bad", gettext("The registry cannot be reached from this server.")];
    }

    function show(answer) {
      const body = part("body"), said = verdict(answer);
      body.replaceChildren();
      part("result").className = "il-card " + said[0];
      part("verdict").textContent = said[1];
      if (answer.error) problem(body, answer.error);
      const facts = il.el("dl", "il-facts");
      fact(facts, gettext("What is pulled"), answer.effective_reference, true);
      fact(facts, gettext("Digest"), answer.digest, true);
      if ("credentials" in answer) {
        fact(facts, gettext("Registry endpoint"), answer.registry ? answer.registry.name : gettext("none"));
        fact(facts, gettext("Credentials"), answer.credentials ? gettext("are sent") : gettext("none"));
      }
      (answer.platforms || []).forEach(function (item) {
        fact(facts, item.platform, item.size_bytes === null ? gettext("size unknown") : il.bytes(item.size_bytes));
      });
      if (facts.children.length) body.append(facts);
      (answer.warnings || []).forEach(function (text) { body.append(il.el("p", "il-warn-text", text)); });
    }

    function ask() {
      part("waiting").hidden = false;
      part("result").hidden = true;
      part("again").disabled = true;
      fetch(page.dataset.url, {
        method: "POST",
        headers: { "X-CSRFToken": page.querySelector("[name=csrfmiddlewaretoken]").value, Accept: "application/json" },
      }).then(function (answer) {
        return answer.json().then(function (data) {
          if (!answer.ok) throw new Error(data.detail || data.title);
          show(data);
        });
      }).catch(function (error) {
        part("result").className = "il-card il-bad";
        part("verdict").textContent = gettext("The check itself failed.");
        part("body").replaceChildren(il.el("p", "", error.message));
      }).finally(function () {
        part("waiting").hidden = true;
        part("result").hidden = false;
        part("again").disabled = false;
      });
    }

    part("again").addEventListener("click", ask);
    ask();
  });
})();
