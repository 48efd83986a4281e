// The log of a container as it is written: what went to stderr is coloured, a line that a program writes over is written
// over, and the end stays in view unless the reader has scrolled away from it.
(function () {
  "use strict";
  const MOST_LINES = 12000, LONGEST_LINE = 20000, MOST_WAITING = 2000000; // characters that were not drawn yet
  const REST_AFTER = 30000; // milliseconds out of sight
  const NEAR = 24; // pixels from the end that count as being there
  const COLOURS_OF_TERMINALS = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\^_])/g;
  const BEGUN = /\u001b[^\u001b]{0,40}$/; // a sequence whose end has not come yet

  window.imagelib.instanceLog = function (parts, page) {
    const il = window.imagelib, box = parts.log;
    let stream = null, of = null, live = false, atEnd = true;
    let waiting = [], size = 0, drawing = false, resting = null, rested = false;
    let line = null, over = false, carried = { stdout: "", stderr: "" };

    function note(text) { parts["log-note"].textContent = text; }

    function clear() {
      box.replaceChildren();
      waiting = [];
      size = 0;
      line = null;
      over = false;
      carried = { stdout: "", stderr: "" };
      box.hidden = parts["log-key"].hidden = true;
    }

    function newLine() {
      line = il.el("div", "il-log-line");
      box.append(line);
      while (box.childElementCount > MOST_LINES) box.firstElementChild.remove();
    }

    function write(text, name) {
      if (!text) return;
      if (!line || line.textContent.length > LONGEST_LINE) newLine();
      if (over) line.replaceChildren();
      over = false;
      line.append(il.el("span", name === "stderr" ? "il-stderr" : "", text));
    }

    function draw() {
      drawing = false;
      const pieces = waiting;
      waiting = [];
      size = 0;
      pieces.forEach(function (piece) {
        let text = (carried[piece.stream] + piece.text).replace(COLOURS_OF_TERMINALS, "").replace(/\r+\n/g, "\n");
        const begun = /\r$/.test(text) ? text.match(/\r+$/) : text.match(BEGUN);
        carried[piece.stream] = begun ? begun[0] : "";
        if (begun) text = text.slice(0, begun.index);
        text.split(/([\n\r])/).forEach(function (part) {
          if (part === "\n") { if (!line) newLine(); line = null; over = false; }
          else if (part === "\r") over = true;
          else write(part, piece.stream);
        });
      });
      const empty = !box.childElementCount;
      box.hidden = parts["log-key"].hidden = empty;
      if (!empty && live) note("");
      if (atEnd) box.scrollTop = box.scrollHeight;
    }

    // Once for each picture that the browser draws. A hidden page draws none, and what is too old by then is not wanted.
    function take(piece) {
      waiting.push(piece);
      size += piece.text.length;
      while (size > MOST_WAITING && waiting.length > 1) size -= waiting.shift().text.length;
      if (!drawing) {
        drawing = true;
        if (document.hidden) setTimeout(draw, 500);
        else requestAnimationFrame(draw);
      }
    }

    function close(why) {
      if (stream) stream.close();
      stream = null;
      live = false;
      if (why !== undefined) note(why);
    }

    function open() {
      close();
      clear();
      note(gettext("Reading…"));
      stream = new EventSource("/api/instances/" + page.id + "/logs/?follow=1&tail=" + parts.tail.value);
      stream.addEventListener("begin", function () { // also after the connection was lost
        clear();
        live = true;
        note(gettext("The container has written nothing yet."));
      });
      stream.addEventListener("output", function (event) { take(JSON.parse(event.data)); });
      stream.addEventListener("end", function (event) {
        const end = JSON.parse(event.data);
        close(end.message);
      });
      stream.onerror = function () {
        if (!stream) return;
        live = false;
        if (stream.readyState === EventSource.CLOSED) close(gettext("The server did not answer. Switch following off and on again."));
        else note(gettext("connection lost, trying again"));
      };
    }

    function show() {
      atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
      parts["log-end"].hidden = atEnd;
    }

    box.addEventListener("scroll", show);
    parts["log-end"].addEventListener("click", function () {
      box.scrollTop = box.scrollHeight;
      show();
    });
    parts.tail.addEventListener("change", function () { if (of && parts.follow.checked) open(); });
    parts.follow.addEventListener("change", function () {
      if (!parts.follow.checked) close(gettext("Not followed. What is shown stays."));
      else if (of) open();
    });
    window.addEventListener("pagehide", function () { close(); });
    // Browsers open six connections to a server at most: tabs that nobody looks at must not use them up.
    document.addEventListener("visibilitychange", function () {
      clearTimeout(resting);
      if (document.hidden) resting = setTimeout(function () { if (stream) { close(); rested = true; } }, REST_AFTER);
      else if (rested) {
        rested = false;
        if (of && parts.follow.checked) open();
      }
    });

    // `run` names one life of a container: when it is started again, its log goes on.
    return {
      of: function (run) {
        if (run === of) return;
        of = run;
        if (run && parts.follow.checked) open();
      },
      none: function (why) {
        of = null;
        close(why);
      },
    };
  };
})();
