// The page of one instance: state, pull and problem as they change, load and log as they are asked for.
(function () {
  "use strict";
  const STATS_EVERY = 5000;

  document.addEventListener("DOMContentLoaded", function () {
    const il = window.imagelib, view = il.instanceView;
    const page = document.getElementById("il-instance");
    const { parts, text } = il.partsOf(page);
    let current = JSON.parse(document.getElementById("il-snapshot").textContent);
    let receivedAt = performance.now(), serverDrew = drawnByServer(current), watched = null;

    const log = il.instanceLog(parts, current), terminal = il.instanceTerminal(parts, current);

    // A creation that failed has taken its container away again; the row keeps the id.
    function hasContainer(s) {
      return Boolean(s && s.container_id) && !["failed", "gone", "removing"].includes(s.state);
    }

    // Memory is handed out in GiB, so it is measured in them too.
    function memory(size) {
      const mib = size / 1048576, whole = mib >= 1024;
      return (whole ? mib / 1024 : mib).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 }) + (whole ? " GiB" : " MiB");
    }

    function drawState(s) {
      parts.state.replaceChildren(view.label(s.state));
      text("doing", s.operation ? view.operationName(s.operation) : "");
      text("created", interpolate(gettext("created %(time)s"), { time: il.moment(s.created_at) }, true));
      const ended = s.state === "exited" || s.state === "dead";
      parts.ended.hidden = !s.oom_killed && (!ended || s.exit_code === null);
      text("ended", s.oom_killed && !ended ? gettext("A program in it was ended because the container needed more memory than it may have.")
        : s.oom_killed ? gettext("It was ended because it needed more memory than it may have.")
        : interpolate(gettext("It ended with exit code %(code)s."), { code: s.exit_code }, true));
      parts.problem.hidden = !s.problem;
      text("problem-text", s.problem ? s.problem.text : "");
      parts["problem-evidence"].hidden = !(s.problem && s.problem.evidence);
      text("problem-evidence", s.problem ? s.problem.evidence : "");
    }

    function drawButtons(s) {
      const free = !s.operation && hasContainer(s);
      const runs = s.state === "running" || s.state === "paused" || s.state === "restarting";
      parts.start.hidden = !free || runs;
      parts.stop.hidden = parts.restart.hidden = !free || !runs;
      parts.remove.hidden = Boolean(s.operation) && !(s.operation.kind === "create" && s.operation.state === "queued");
    }

    function drawContainer(s) {
      text("ports", s.ports.map(function (port) {
        return page.dataset.host + ":" + port.host_port + " → " + port.container_port + "/" + port.protocol;
      }).join(", ") || "–");
      text("container-name", s.container_name || "–");
      text("container-id", s.container_id || "–");
      text("digest", s.digest || "–");
      text("restarts", String(s.restarts));
    }

    function drawPull(s) {
      const pull = s.operation && s.operation.pull;
      parts.pull.hidden = !pull;
      if (!pull || watched === pull.id) return;
      watched = pull.id;
      parts["pull-link"].href = page.dataset.pulls + pull.id + "/change/";
      parts.bar.textContent = il.percent(pull.percent);
      il.watchJobs("/api/pulls/", [pull.id], function (snapshot) { il.pullView.drawRow(parts.bar, snapshot); });
    }

    // What went to the engine, and what was asked for, is drawn by the server: it changes with an operation.
    function drawnByServer(s) {
      return JSON.stringify([s.plan, s.operation && [s.operation.id, s.operation.state]]);
    }

    function drawPlan(s) {
      const now = drawnByServer(s);
      if (now === serverDrew) return;
      serverDrew = now;
      fetch(page.dataset.self).then(function (answer) { return answer.text(); }).then(function (markup) {
        const page = new DOMParser().parseFromString(markup, "text/html");
        ["plan", "history"].forEach(function (name) {
          const fresh = page.querySelector('[data-part="' + name + '"]');
          if (!fresh) return;
          parts[name].replaceWith(fresh);
          parts[name] = fresh;
        });
      }).catch(function () { serverDrew = ""; });
    }

    // Ages grow between snapshots. Their beginning is the server's: this browser's clock may be wrong.
    function tick() {
      const passed = (performance.now() - receivedAt) / 1000;
      text("age", current.state_age_seconds === null ? "" : il.ago(current.state_age_seconds + passed));
    }

    function draw(s) {
      current = s;
      receivedAt = performance.now();
      drawState(s);
      drawButtons(s);
      drawContainer(s);
      drawPull(s);
      drawPlan(s);
      tick();
      parts.stats.hidden = s.state !== "running";
      terminal.runs(s.state === "running");
      if (hasContainer(s)) log.of(s.container_id + (s.state === "running" ? " running" : ""));
      else log.none(s.container_id ? gettext("The container is not there any more.") : gettext("There is no container yet."));
    }

    function drawRemoved() {
      parts.removed.hidden = false;
      parts.buttons.hidden = true;
      parts.stats.hidden = parts.problem.hidden = parts.pull.hidden = true;
      terminal.runs(false);
      log.none(gettext("The container is not there any more."));
      parts.state.replaceChildren(il.el("span", "il-label", gettext("removed")));
      ["age", "doing", "link"].forEach(function (name) { text(name, ""); });
      current = null;
    }

    function follow(s) {
      if (s.state !== "removed") { draw(s); return; }
      clearInterval(ticking);
      drawRemoved();
    }

    function drawLink(link) {
      if (!current) return;
      text("link", { live: gettext("live"), polling: gettext("updated every 2 s"), offline: gettext("connection lost, trying again") }[link]);
    }

    function readStats() {
      if (!current) return;
      const later = function () { setTimeout(readStats, STATS_EVERY); };
      if (current.state !== "running" || document.hidden) { later(); return; }
      view.get("/api/instances/" + current.id + "/stats/").then(function (answer) {
        if (answer.status === 200) return answer.json().then(drawStats);
        parts.stats.hidden = true;
      }).catch(function () {}).then(later);
    }

    function drawStats(s) {
      if (!current) return;
      parts.stats.hidden = false;
      text("cpu", il.percent(s.cpu_percent));
      text("cpu-note", s.cpu_of_limit_percent === null ? gettext("100 % is one core")
        : interpolate(gettext("%(share)s of what it may use"), { share: il.percent(s.cpu_of_limit_percent) }, true));
      text("memory", memory(s.memory_bytes));
      text("memory-note", s.memory_limit_bytes ? interpolate(gettext("of %(size)s"), { size: memory(s.memory_limit_bytes) }, true) : "");
      text("network", il.bytes(s.network_rx_bytes) + " · " + il.bytes(s.network_tx_bytes));
      text("disk", il.bytes(s.block_read_bytes) + " · " + il.bytes(s.block_write_bytes));
      text("pids", String(s.pids));
      parts["gpu-memory-fact"].hidden = s.gpu_memory_limit_bytes === null;
      text("gpu-memory", s.gpu_memory_bytes === null ? "–" : memory(s.gpu_memory_bytes));
      text("gpu-memory-note", s.gpu_memory_limit_bytes ? interpolate(gettext("of %(size)s"), { size: memory(s.gpu_memory_limit_bytes) }, true) : "");
    }

    const ticking = setInterval(tick, 1000);
    draw(current);
    view.follow([current], follow, drawLink);
    readStats();
  });
})();
