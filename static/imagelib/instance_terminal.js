// A shell in the container: xterm.js draws it, a WebSocket carries it.
(function () {
  "use strict";
  const PIECE = 16000; // characters of a paste that go at once
  const DARK = { background: "#111827", foreground: "#e5e7eb", cursor: "#e5e7eb", selectionBackground: "#475569" };
  const LIGHT = {
    background: "#f8fafc", foreground: "#1e293b", cursor: "#1e293b", selectionBackground: "#bfdbfe",
    black: "#1e293b", red: "#b91c1c", green: "#15803d", yellow: "#a16207", blue: "#1d4ed8", magenta: "#a21caf", cyan: "#0e7490",
    white: "#64748b", brightBlack: "#475569", brightRed: "#dc2626", brightGreen: "#16a34a", brightYellow: "#ca8a04",
    brightBlue: "#2563eb", brightMagenta: "#c026d3", brightCyan: "#0891b2", brightWhite: "#334155",
  };

  window.imagelib.instanceTerminal = function (parts, page) {
    const WORDS = {
      1000: gettext("The shell has ended."),
      1006: gettext("The connection was lost, or the server refused it."),
      1009: gettext("Too much was sent at once."),
      1012: gettext("The server is being restarted. Connect again in a moment."),
    };
    let terminal = null, fit = null, socket = null, told = "", runs = null;
    const first = parts["terminal-note"].textContent;

    function note(text) { parts["terminal-note"].textContent = text; }

    function theme() { return document.documentElement.classList.contains("dark") ? DARK : LIGHT; }

    function make() {
      terminal = new window.Terminal({ cursorBlink: true, fontSize: 13, scrollback: 5000, theme: theme() });
      fit = new window.FitAddon.FitAddon();
      terminal.loadAddon(fit);
      terminal.open(parts.terminal);
      terminal.onData(function (data) {
        for (let at = 0; at < data.length; at += PIECE) send({ type: "input", data: data.slice(at, at + PIECE) });
      });
      terminal.onResize(function (size) { send({ type: "resize", cols: size.cols, rows: size.rows }); });
      new ResizeObserver(function () { if (!parts.terminal.hidden) fit.fit(); }).observe(parts.terminal);
      new MutationObserver(function () { terminal.options.theme = theme(); })
        .observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
    }

    function send(frame) {
      if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
    }

    function buttons() {
      parts["terminal-open"].hidden = parts.shell.hidden = Boolean(socket);
      parts["terminal-close"].hidden = !socket;
      parts["terminal-open"].disabled = !runs;
    }

    function open() {
      parts.terminal.hidden = false;
      if (!terminal) make();
      terminal.reset();
      fit.fit();
      told = "";
      note(gettext("Connecting…"));
      const address = new URL("/api/instances/" + page.id + "/terminal/?shell=" + parts.shell.value, location.href);
      address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
      const opened = socket = new WebSocket(address);
      opened.binaryType = "arraybuffer";
      opened.onopen = function () {
        send({ type: "resize", cols: terminal.cols, rows: terminal.rows });
        terminal.focus();
      };
      opened.onmessage = function (event) {
        if (typeof event.data === "string") {
          told = JSON.parse(event.data).message;
          note(told);
        } else {
          if (!told) note("");
          told = "";
          terminal.write(new Uint8Array(event.data));
        }
      };
      opened.onclose = function (event) {
        if (socket !== opened) return;
        socket = null;
        note(told || WORDS[event.code] || WORDS[1006]);
        parts["terminal-open"].textContent = gettext("Connect again");
        buttons();
      };
      buttons();
    }

    parts["terminal-open"].addEventListener("click", open);
    parts["terminal-close"].addEventListener("click", function () {
      told = gettext("Closed. The shell and what ran in it have been ended.");
      socket.close();
    });
    buttons();

    function follow(now) {
      if (now === runs) return;
      runs = now;
      if (!terminal) note(now ? first : gettext("A terminal can be opened while the container runs."));
      buttons();
    }

    return { runs: follow };
  };
})();
