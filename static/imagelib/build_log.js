// The log of a build, asked for line by line: whoever comes late, loses the connection or reads slowly gets every line once.
(function () {
  "use strict";
  const MOST_LINES = 12000; // drawn; the whole log is a download
  const NEAR = 24; // pixels from the end that count as being there
  const AGAIN = 2000; // milliseconds after an answer that did not come

  window.imagelib.buildLog = function (parts, at) {
    const il = window.imagelib, box = parts.log;
    let next = 0, wanted = 0, asking = false, complete = false;

    function line(entry) {
      const [seconds, , kind, text] = entry;
      const row = il.el("div", "il-log-line il-log-" + kind);
      row.append(il.el("span", "il-log-at", seconds.toFixed(1)));
      const words = kind === "cached" ? gettext("from the cache")
        : kind === "done" ? interpolate(gettext("took %(time)s"), { time: il.duration(Number(text)) }, true) : text;
      row.append(il.el("span", kind === "failed" ? "il-stderr" : "", words));
      return row;
    }

    function draw(lines) {
      if (!lines.length) return;
      const stay = !parts.follow.checked || box.scrollHeight - box.scrollTop - box.clientHeight > NEAR && !box.hidden;
      const rows = document.createDocumentFragment();
      lines.forEach(function (entry) { rows.append(line(entry)); });
      box.append(rows);
      while (box.childElementCount > MOST_LINES) box.firstElementChild.remove();
      box.hidden = false;
      parts["log-note"].hidden = true;
      if (!stay) box.scrollTop = box.scrollHeight;
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
        if (!complete && moved && next < wanted) ask();
      }).catch(function () { asking = false; setTimeout(ask, AGAIN); });
    }

    parts.follow.addEventListener("change", function () { if (parts.follow.checked) box.scrollTop = box.scrollHeight; });
    // The log has `count` lines by now; `ended`: no more will come, the last ones are asked for in any case.
    return function (count, ended) {
      wanted = count;
      if (count > next || ended) ask();
    };
  };
})();
