// The page of one build: everything on it is drawn from the snapshot, the log beside it.
(function () {
  "use strict";
  document.addEventListener("DOMContentLoaded", function () {
    const il = window.imagelib, view = il.pullView;
    const page = document.getElementById("il-build");
    const parts = {};
    page.querySelectorAll("[data-part]").forEach(function (node) { parts[node.dataset.part] = node; });
    let current = JSON.parse(document.getElementById("il-snapshot").textContent), receivedAt = performance.now();
    const showLog = il.buildLog(parts, page.dataset.log);
    const fill = il.el("span", "il-downloaded");
    parts.bar.append(fill);

    function text(name, value) {
      if (parts[name].textContent !== value) parts[name].textContent = value;
    }

    function phaseName(phase) {
      return { preparing: gettext("preparing"), building: gettext("building"), pushing: gettext("pushing"), verifying: gettext("asking the registry") }[phase] || "";
    }

    function doing(s) {
      if (s.state !== "running") return "";
      if (s.phase === "building" && s.step) {
        const step = s.timings.find(function (one) { return one.step === s.step; });
        const count = s.steps ? interpolate(gettext("Step %(n)s of %(most)s"), { n: s.step, most: s.steps }, true)
          : interpolate(gettext("Step %(n)s"), { n: s.step }, true);
        return step ? count + " · " + step.text : count;
      }
      if (s.phase === "pushing" && s.bytes_total) {
        return interpolate(gettext("Pushed %(done)s of %(total)s, not compressed"), { done: il.bytes(s.bytes_pushed), total: il.bytes(s.bytes_total) }, true);
      }
      return "";
    }

    function madeFrom(s) {
      if (s.source.git_url) return s.source.git_url + " · " + s.source.git_branch + " · " + s.source.git_path;
      return s.source.version ? interpolate(gettext("version %(n)s of the files"), { n: s.source.version }, true) : "–";
    }

    function drawSteps(s) {
      parts["steps-card"].hidden = !s.timings.length;
      const names = { running: gettext("running"), done: gettext("done"), cached: gettext("from the cache"), failed: gettext("failed") };
      parts.steps.replaceChildren.apply(parts.steps, s.timings.map(function (step) {
        const row = il.el("tr");
        row.append(il.el("td", "il-num", String(step.step)), il.el("td", "il-mono", step.text), il.el("td", step.state === "failed" ? "il-stderr" : "", names[step.state] || step.state),
          il.el("td", "il-num", step.seconds === null ? "–" : il.duration(step.seconds)));
        return row;
      }));
    }

    function drawError(s) {
      parts.error.hidden = !s.error;
      if (!s.error) return;
      parts.error.classList.toggle("il-bad", s.state === "failed");
      parts.error.classList.toggle("il-warn", s.state !== "failed");
      text("error-title", s.error.title);
      text("error-cause", s.error.cause);
      text("error-advice", s.error.advice);
      parts["error-evidence"].hidden = !s.error.evidence;
      text("error-evidence", s.error.evidence);
    }

    function tick() {
      const passed = current.state === "running" ? (performance.now() - receivedAt) / 1000 : 0;
      text("time-name", current.finished_at ? gettext("Took") : gettext("Running for"));
      text("time", current.running_seconds === null || current.state === "queued" ? "–" : il.duration(current.running_seconds + passed));
    }

    function draw(s) {
      current = s;
      receivedAt = performance.now();
      text("percent", il.percent(s.percent));
      parts.state.replaceChildren(view.label(s.state));
      text("phase", s.state === "running" ? phaseName(s.phase) : "");
      fill.style.width = s.percent + "%";
      parts.bar.classList.toggle("il-done", s.state === "succeeded");
      parts.bar.classList.toggle("il-failed", s.state === "failed");
      parts.bar.classList.toggle("il-stopped", s.state === "cancelled");
      text("doing", doing(s));
      text("where", s.node ? interpolate(gettext("on %(node)s"), { node: s.node.name }, true) : gettext("no node chosen yet"));
      text("created", il.moment(s.created_at));
      text("image", s.image || "–");
      text("digest", s.digest || "–");
      text("size", il.bytes(s.size));
      text("source", madeFrom(s));
      text("revision", s.revision || "–");
      text("builder", s.builder || "–");
      parts.cancel.hidden = s.state !== "queued" && s.state !== "running";
      parts.submit.hidden = s.state !== "succeeded";
      parts.retry.hidden = s.state !== "failed" && s.state !== "cancelled";
      drawSteps(s);
      drawError(s);
      tick();
      showLog(s.log_lines, il.isFinal(s.state));
      if (il.isFinal(s.state)) showLink("");
    }

    function showLink(state) {
      text("link", il.isFinal(current.state) ? "" : { live: "● " + gettext("live"), polling: gettext("updated every 2 s"), offline: gettext("connection lost, trying again") }[state] || "");
    }

    const BUILDS = {
      path: "/api/builds/",
      ends: function (snapshot) { return il.isFinal(snapshot.state); },
      ask: function (id) {
        return fetch("/api/builds/" + id + "/", { headers: { Accept: "application/json" } })
          .then(function (answer) { if (!answer.ok) throw new Error(answer.status); return answer.json(); });
      },
    };
    draw(current);
    setInterval(tick, 500);
    if (!il.isFinal(current.state)) il.watchKind(BUILDS, [current.id], draw, showLink);
  });
})();
