// The page of one build: everything on it is drawn from the snapshot, the log beside it.
(function () {
  "use strict";
  document.addEventListener("DOMContentLoaded", function () {
    const il = window.imagelib;
    const page = document.getElementById("il-build");
    const marked = il.partsOf(page), parts = marked.parts, text = marked.text;
    let current = JSON.parse(document.getElementById("il-snapshot").textContent), receivedAt = performance.now();
    const showLog = il.buildLog(parts, page.dataset.log);
    const fill = il.el("span", "il-downloaded");
    parts.bar.append(fill);

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

    function besideState(s) {
      if (s.state === "running") return phaseName(s.phase);
      return s.cancelled_by ? interpolate(gettext("cancelled by %(user)s"), { user: s.cancelled_by }, true) : "";
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
        const words = step.added ? step.text + " · " + gettext("added by this product") : step.text;
        row.append(il.el("td", "il-num", String(step.step)), il.el("td", "il-mono", words), il.el("td", step.state === "failed" ? "il-stderr" : "", names[step.state] || step.state),
          il.el("td", "il-num", step.seconds === null ? "–" : il.duration(step.seconds)));
        return row;
      }));
    }

    function tick() {
      const passed = current.state === "running" ? (performance.now() - receivedAt) / 1000 : 0;
      text("time", current.running_seconds === null || current.state === "queued" ? "–" : il.duration(current.running_seconds + passed));
    }

    function draw(s) {
      current = s;
      receivedAt = performance.now();
      il.jobPage.drawHead(marked, s);
      text("phase", besideState(s));
      fill.style.width = s.percent + "%";
      parts.bar.classList.toggle("il-done", s.state === "succeeded");
      parts.bar.classList.toggle("il-failed", s.state === "failed");
      parts.bar.classList.toggle("il-stopped", s.state === "cancelled");
      text("doing", doing(s));
      text("where", s.node ? interpolate(gettext("on %(node)s"), { node: s.node.name }, true) : gettext("no node chosen yet"));
      text("image", s.image || "–");
      text("digest", s.digest || "–");
      text("size", il.bytes(s.size));
      text("source", madeFrom(s));
      text("revision", s.revision || "–");
      text("builder", s.builder || "–");
      parts.submit.hidden = s.state !== "succeeded";
      drawSteps(s);
      il.jobPage.drawError(marked, s);
      tick();
      showLog(s.log_lines, il.isFinal(s.state));
      if (il.isFinal(s.state)) showLink("");
    }

    function showLink(link) {
      il.jobPage.showLink(marked, current, link);
    }

    draw(current);
    setInterval(tick, 500);
    if (!il.isFinal(current.state)) il.watchJobs("/api/builds/", [current.id], draw, showLink);
  });
})();
