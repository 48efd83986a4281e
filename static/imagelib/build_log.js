// The log of a build, asked for line by line: whoever comes late, loses the connection or reads slowly gets every line once.
(function () {
  "use strict";
  const TOGETHER = 200; // lines that browsers lay out by themselves: a new line does not move every other one
  const MOST_GROUPS = 60; // drawn; the whole log is a download
  const NEAR = 24; // pixels from the end that count as being there
  const AGAIN = 2000; // milliseconds after an answer that did not come

  // `parts`: log, log-note, follow, wrap. Returns `show(count, ended)`, `jump(step)` and `began(step)`.
  window.imagelib.buildLog = function (parts, at) {
    const il = window.imagelib, box = parts.log, steps = new Map();
    let group = null, next = 0, wanted = 0, asking = false, complete = false;

    function said(kind, text) {
      if (kind === "cached") return gettext("from the cache");
      if (kind === "done") return interpolate(gettext("took %(time)s"), { time: il.duration(Number(text)) }, true);
      if (kind === "failed") return interpolate(gettext("failed after %(time)s"), { time: il.duration(Number(text)) }, true);
      return text;
    }

    function line(entry) {
      const [seconds, step, kind, text] = entry;
      const row = il.el("div", "il-log-line il-log-" + kind), words = said(kind, text);
      const numbered = step && ["step", "cached", "done", "failed"].includes(kind);
      row.append(il.el("span", "il-log-at", il.stopwatch(seconds)), il.el("span", "", numbered ? "#" + step + " " + words : words));
      if (kind === "step") steps.set(step, { row: row, seconds: seconds }); // of the last attempt
      return row;
    }

    function atEnd() {
      return box.scrollHeight - box.scrollTop - box.clientHeight <= NEAR;
    }

    function draw(lines) {
      if (!lines.length) return;
      lines.forEach(function (entry) {
        if (!group || group.childElementCount >= TOGETHER) {
          group = il.el("div", "il-log-group");
          box.append(group);
        }
        group.append(line(entry));
      });
      while (box.childElementCount > MOST_GROUPS) box.firstElementChild.remove();
      box.hidden = false;
      parts["log-note"].hidden = true;
      if (parts.follow.checked) box.scrollTop = box.scrollHeight;
    }

    function ask() {
      if (asking || complete) return;
      asking = true;
      fetch(at + "?from=" + next, { headers: { Accept: "application/json" } }).then(function (answer) {
        if (!answer.ok) throw new Error(answer.status);
        return answer.json();
      }).then(function (page) {
        asking = false;
        draw(page.lines);
        const moved = page.next > next;
        next = page.next;
        complete = page.complete;
        if (complete && !next) parts["log-note"].textContent = gettext("Nothing was written.");
        if (!complete && moved && next < wanted) ask();
      }).catch(function () { asking = false; setTimeout(ask, AGAIN); });
    }

    parts.follow.addEventListener("change", function () { if (parts.follow.checked) box.scrollTop = box.scrollHeight; });
    // Who scrolls back reads: new lines do not take that place away until the reader is at the end again.
    box.addEventListener("scroll", function () { parts.follow.checked = atEnd(); });
    parts.wrap.addEventListener("change", function () {
      box.classList.toggle("il-unwrapped", !parts.wrap.checked);
      if (parts.follow.checked) box.scrollTop = box.scrollHeight;
    });

    return {
      // The log has `count` lines by now; `ended`: no more will come, the last ones are asked for in any case.
      show: function (count, ended) {
        wanted = count;
        if (count > next || ended) ask();
      },
      jump: function (step) {
        const found = steps.get(step);
        if (!found || !found.row.isConnected) return;
        parts.follow.checked = false;
        box.scrollIntoView({ block: "nearest" });
        box.scrollTop += found.row.getBoundingClientRect().top - box.getBoundingClientRect().top - 8;
        box.focus({ preventScroll: true });
      },
      began: function (step) { return steps.has(step) ? steps.get(step).seconds : null; },
    };
  };
})();
