// The steps of a build as a table: what each took, what came from the cache, and the way to its lines in the log.
(function () {
  "use strict";
  const TONES = { running: "il-info", done: "il-good", cached: "", failed: "il-bad", stopped: "" };

  // `log`: of `buildLog`. Returns `draw(snapshot)` and `tick(seconds since the attempt began)`.
  window.imagelib.buildSteps = function (card, body, log) {
    const il = window.imagelib;
    let drawn = "", running = [];

    function stateName(state) {
      return {
        running: gettext("running"), done: gettext("done"), cached: gettext("from the cache"),
        failed: gettext("failed"), stopped: gettext("stopped"),
      }[state] || state;
    }

    function line(step, ended) {
      const row = il.el("tr"), state = ended && step.state === "running" ? "stopped" : step.state;
      const text = step.added ? "LABEL … · " + gettext("added by this product") : step.text; // the log has all of it
      const words = il.el("td", "il-mono"), jump = il.el("button", "il-jump", text), time = il.el("td", "il-num");
      jump.type = "button";
      jump.title = gettext("Show it in the log");
      jump.addEventListener("click", function () { log.jump(step.step); });
      words.append(jump);
      const label = il.el("td");
      label.append(il.el("span", "il-label " + (TONES[state] || ""), stateName(state)));
      time.textContent = step.seconds === null || state === "cached" ? "" : il.duration(step.seconds);
      if (state === "running") running.push({ step: step.step, cell: time });
      row.append(il.el("td", "il-num", String(step.step)), words, label, time);
      return row;
    }

    return {
      draw: function (s) {
        const ended = il.isFinal(s.state), now = JSON.stringify([ended, s.timings]);
        if (now === drawn) return; // a redrawn button loses the keyboard
        drawn = now;
        running = [];
        card.hidden = !s.timings.length;
        body.replaceChildren.apply(body, s.timings.map(function (step) { return line(step, ended); }));
      },
      tick: function (seconds) {
        running.forEach(function (one) {
          const began = log.began(one.step);
          if (seconds !== null && began !== null) one.cell.textContent = il.duration(Math.max(seconds - began, 0));
        });
      },
    };
  };
})();
