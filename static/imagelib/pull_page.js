// The page of one pull: everything on it is drawn from the snapshot, the first one and every later one.
(function () {
  "use strict";
  const WORRY_AT = 0.5; // share of the stall limit at which the age of the last data turns amber
  const LOG_PAUSE = 1500; // milliseconds between two readings of the history

  document.addEventListener("DOMContentLoaded", function () {
    const il = window.imagelib, view = il.pullView;
    const page = document.getElementById("il-pull");
    const stallAfter = Number(page.dataset.stall);
    const marked = il.partsOf(page), parts = marked.parts, text = marked.text;
    let current = JSON.parse(document.getElementById("il-snapshot").textContent);
    let receivedAt = performance.now(), logTimer = null, logWritten = "";

    function drawHead(s) {
      il.jobPage.drawHead(marked, s);
      text("phase", s.state === "running" ? view.phaseName(s.phase) : "");
      view.drawBar(parts.bar, s);
      const whole = view.total(s), fill = function (sentence, size) {
        return interpolate(sentence, { done: il.bytes(size), total: whole }, true);
      };
      text("downloaded", fill(gettext("Downloaded %(done)s of %(total)s"), s.bytes_downloaded));
      text("extracted", fill(gettext("Unpacked %(done)s of %(total)s"), s.bytes_extracted));
      parts.reused.hidden = !s.bytes_reused;
      text("reused", interpolate(gettext("Saved %(size)s: on the node already"), { size: il.bytes(s.bytes_reused) }, true));
      text("digest", s.digest ? interpolate(gettext("Digest %(digest)s"), { digest: s.digest }, true) : "");
    }

    function drawFacts(s) {
      const moving = s.state === "running" && s.phase === "downloading";
      text("speed", moving ? il.speed(s.speed_bps) : "–");
      text("eta", s.eta_range_seconds ? il.range(...s.eta_range_seconds) : "–");
      text("attempt", s.attempt ? interpolate(gettext("%(n)s of %(most)s"), { n: s.attempt, most: s.max_attempts }, true) : "–");
    }

    // Ages grow between snapshots. Their beginning is the server's: this browser's clock may be wrong.
    function tick() {
      const passed = (performance.now() - receivedAt) / 1000;
      const age = current.state === "running" && current.last_byte_age_seconds !== null
        ? current.last_byte_age_seconds + passed : null;
      text("age", age === null ? "–" : il.ago(age));
      // Amber early: at the limit itself the attempt ends. An engine that unpacks may be silent for long.
      const silent = age !== null && current.phase === "downloading" && age >= stallAfter * WORRY_AT;
      parts["age-card"].classList.toggle("il-warn", silent);
      text("age-note", silent
        ? interpolate(gettext("the attempt ends after %(time)s without data"), { time: il.duration(stallAfter) }, true) : "");
      const running = current.running_seconds === null || current.state === "queued" ? null
        : current.running_seconds + (current.finished_at ? 0 : passed);
      text("time", running === null ? "–" : il.duration(running));
      if (current.next_attempt_in_seconds !== null) {
        const wait = current.next_attempt_in_seconds - passed;
        text("error-next", wait > 0
          ? interpolate(gettext("The next attempt starts in %(time)s."), { time: il.duration(wait) }, true)
          : gettext("The next attempt starts as soon as there is room."));
      }
    }

    function layerState(state) {
      return {
        waiting: gettext("waiting"), downloading: gettext("downloading"), retrying: gettext("trying again"),
        checking: gettext("checking"), downloaded: gettext("downloaded"), extracting: gettext("unpacking"),
        done: gettext("done"), reused: gettext("on the node already"),
      }[state] || state;
    }

    function drawLayers(s) {
      parts["layers-card"].hidden = !s.layers.length;
      text("layers-title", interpolate(ngettext("%(n)s layer", "%(n)s layers", s.layers.length), { n: s.layers.length }, true));
      const strip = parts.layers, rows = parts["layer-rows"];
      while (strip.children.length > s.layers.length) { strip.lastChild.remove(); rows.lastChild.remove(); }
      s.layers.forEach(function (layer, index) {
        if (!strip.children[index]) {
          const block = il.el("div", "il-layer");
          block.append(il.el("span", "il-downloaded"), il.el("span", "il-extracted"));
          strip.append(block);
          const row = il.el("tr");
          row.append(il.el("td", "il-mono"), il.el("td", "il-num"), il.el("td", "il-num"), il.el("td", "il-num"), il.el("td"));
          rows.append(row);
        }
        drawLayer(strip.children[index], rows.children[index], layer, s.state);
      });
    }

    function drawLayer(block, row, layer, state) {
      const size = layer.size || 0, name = layerState(layer.state);
      block.style.flexGrow = Math.max(size, 1);
      block.className = "il-layer" + (layer.state === "reused" ? " il-reused" : "") +
        (layer.state === "retrying" ? " il-retrying" : "") + (state === "succeeded" && layer.state !== "reused" ? " il-finished" : "");
      const share = function (done) { return (size ? 100 * Math.min(done / size, 1) : 0) + "%"; };
      block.children[0].style.width = layer.state === "reused" ? "0" : share(layer.downloaded);
      block.children[1].style.width = layer.state === "reused" ? "0" : share(layer.extracted);
      block.title = layer.id + " · " + il.bytes(layer.size) + " · " + name;
      [layer.id, il.bytes(layer.size), il.bytes(layer.downloaded), il.bytes(layer.extracted), name].forEach(function (value, i) {
        if (row.children[i].textContent !== value) row.children[i].textContent = value;
      });
    }

    // All entries, page by page; null when the server does not answer well.
    function history(number, before) {
      const at = page.dataset.history + "?page_size=100&page=" + number;
      return fetch(at, { headers: { Accept: "application/json" } }).then(function (answer) {
        return answer.ok ? answer.json() : null;
      }).then(function (found) {
        if (!found) return null;
        const entries = before.concat(found.results);
        return found.next ? history(number + 1, entries) : entries;
      });
    }

    function readLog() {
      logTimer = null;
      history(1, []).then(function (entries) {
        const key = entries && JSON.stringify(entries);
        if (!entries || key === logWritten) return;
        logWritten = key;
        parts.log.replaceChildren.apply(parts.log, entries.map(function (entry) {
          const item = il.el("li"), time = il.el("time", "", il.clock(entry.at));
          time.dateTime = entry.at;
          time.title = il.moment(entry.at);
          item.append(time, il.el("span", "", entry.text));
          return item;
        }));
        parts.log.scrollTop = parts.log.scrollHeight;
      }).catch(function () { logWritten = ""; }); // the next snapshot asks again
    }

    function draw(s) {
      current = s;
      receivedAt = performance.now();
      drawHead(s);
      drawFacts(s);
      il.jobPage.drawError(marked, s);
      parts["error-next"].hidden = !s.next_attempt_at;
      drawLayers(s);
      tick();
      if (il.isFinal(s.state)) showLink("");
      if (!logTimer) logTimer = setTimeout(readLog, logWritten ? LOG_PAUSE : 0);
    }

    function showLink(link) {
      il.jobPage.showLink(marked, current, link);
    }

    draw(current);
    setInterval(tick, 500);
    if (!il.isFinal(current.state)) il.watchJobs("/api/pulls/", [current.id], draw, showLink);
  });
})();
