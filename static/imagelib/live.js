// Live snapshots of pulls, builds or instances: one event stream for the page; when it cannot be opened, the same by polling.
(function () {
  "use strict";
  const FINAL = ["succeeded", "failed", "cancelled"];
  const POLL_EVERY = 2000;
  const PATIENCE = 6000; // without a first event by then, something between us and the server holds streams back

  // kind: its `path` in the API, whether a snapshot `ends` it, and how to `ask` for one. onSnapshot(snapshot) for every
  // change, onLink("live" | "polling" | "offline") when the way changes.
  function watchKind(kind, ids, onSnapshot, onLink) {
    const open = new Set(ids.map(Number));
    const versions = new Map();
    let stream = null, timer = null, link = "";
    if (!open.size) return;

    function say(next) {
      if (next !== link && onLink) onLink(next);
      link = next;
    }

    function take(snapshot) {
      if ((versions.get(snapshot.id) || 0) >= snapshot.version) return;
      versions.set(snapshot.id, snapshot.version);
      onSnapshot(snapshot);
      if (kind.ends(snapshot)) open.delete(snapshot.id);
      if (!open.size) stop();
    }

    function stop() {
      if (stream) stream.close();
      clearInterval(timer);
      stream = timer = null;
    }

    function poll() {
      Promise.all(Array.from(open, function (id) {
        return kind.ask(id).then(take);
      })).then(function () { if (timer) say("polling"); }, function () { if (timer) say("offline"); });
    }

    function startPolling() {
      if (!timer && open.size) { timer = setInterval(poll, POLL_EVERY); poll(); }
    }

    stream = new EventSource(kind.path + "events/?" + ids.map(function (id) { return "id=" + Number(id); }).join("&"));
    const patience = setTimeout(startPolling, PATIENCE);
    stream.addEventListener("snapshot", function (event) {
      clearTimeout(patience);
      if (timer) { clearInterval(timer); timer = null; }
      say("live");
      take(JSON.parse(event.data));
    });
    stream.onerror = function () {
      if (!stream) return;
      say("offline");
      startPolling(); // ends with the next event of the stream, which reconnects by itself
    };
    window.addEventListener("pagehide", stop);
  }

  function isFinal(state) { return FINAL.includes(state); }

  // What the API keeps below `path` are jobs: pulls or builds.
  function watchJobs(path, ids, onSnapshot, onLink) {
    watchKind({
      path: path,
      ends: function (snapshot) { return isFinal(snapshot.state); },
      ask: function (id) {
        return fetch(path + id + "/", { headers: { Accept: "application/json" } })
          .then(function (answer) { if (!answer.ok) throw new Error(answer.status); return answer.json(); });
      },
    }, ids, onSnapshot, onLink);
  }

  Object.assign(window.imagelib, { watchKind, watchJobs, isFinal });
})();
