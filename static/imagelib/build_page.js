// The page of one build: everything on it is drawn from the snapshot, the log beside it.
(function () {
  "use strict";
  document.addEventListener("DOMContentLoaded", function () {
    const il = window.imagelib;
    const page = document.getElementById("il-build");
    const marked = il.partsOf(page), parts = marked.parts, text = marked.text;
    let current = JSON.parse(document.getElementById("il-snapshot").textContent), receivedAt = performance.now();
    const log = il.buildLog(parts, page.dataset.log), steps = il.buildSteps(parts["steps-card"], parts.steps, log);
    const fill = il.el("span", "il-downloaded");
    parts.bar.append(fill);

    // A line of the facts that is not known is not there.
    function fact(name, value) {
      text(name, value);
      parts[name].hidden = parts[name].previousElementSibling.hidden = !value;
    }

    function phaseName(phase) {
      return { preparing: gettext("preparing"), building: gettext("building"), pushing: gettext("pushing"), verifying: gettext("asking the registry") }[phase] || "";
    }

    function waiting(s) {
      if (!s.next_attempt_at) return gettext("Waits for its turn on a builder.");
      const values = { n: s.attempt + 1, most: s.max_attempts, time: il.clock(s.next_attempt_at) };
      return interpolate(gettext("Attempt %(n)s of %(most)s begins at %(time)s."), values, true);
    }

    function doing(s) {
      if (s.state === "queued") return waiting(s);
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
      return s.source.version ? interpolate(gettext("version %(n)s of the files"), { n: s.source.version }, true) : "";
    }

    function where(s) {
      if (s.node) return interpolate(gettext("on %(node)s"), { node: s.node.name }, true);
      return il.isFinal(s.state) ? gettext("on no node") : gettext("no node chosen yet");
    }

    function tick() {
      const passed = current.state === "running" ? (performance.now() - receivedAt) / 1000 : 0;
      const known = current.running_seconds !== null && current.state !== "queued";
      parts.time.hidden = parts["time-name"].hidden = !known;
      if (known) text("time", il.duration(current.running_seconds + passed));
      steps.tick(known && current.state === "running" ? current.running_seconds + passed : null);
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
      text("where", where(s));
      fact("image", s.image);
      fact("digest", s.digest);
      fact("size", s.size === null ? "" : il.bytes(s.size));
      fact("source", madeFrom(s));
      fact("revision", s.revision);
      fact("builder", s.builder);
      parts.submit.hidden = s.state !== "succeeded";
      if (parts.edit) parts.edit.hidden = s.state !== "failed";
      parts["follow-label"].hidden = il.isFinal(s.state);
      steps.draw(s);
      il.jobPage.drawError(marked, s);
      tick();
      log.show(s.log_lines, il.isFinal(s.state));
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
