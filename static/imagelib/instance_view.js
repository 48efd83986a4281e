// How the state of an instance is drawn, and how a page follows it.
(function () {
  "use strict";
  const il = window.imagelib;
  const TONES = {
    running: "il-good", creating: "il-info", pulling: "il-info", restarting: "il-warn", paused: "il-warn", removing: "il-warn",
    dead: "il-bad", gone: "il-bad", failed: "il-bad",
  };

  function stateName(state) {
    return {
      creating: gettext("creating"), pulling: gettext("pulling"), created: gettext("created"), running: pgettext("container", "running"),
      paused: gettext("paused"), restarting: gettext("restarting"), removing: gettext("removing"), exited: gettext("exited"),
      dead: gettext("dead"), gone: gettext("gone"), failed: gettext("failed"),
    }[state] || state;
  }

  function operationName(operation) {
    return {
      create: gettext("being created"), start: gettext("being started"), stop: gettext("being stopped"),
      restart: gettext("being restarted"), remove: gettext("being removed"),
    }[operation.kind] || operation.kind;
  }

  function label(state) {
    return il.el("span", "il-label " + (TONES[state] || ""), stateName(state));
  }

  function get(address) {
    return fetch(address, { headers: { Accept: "application/json" } });
  }

  // The snapshot now; null once the instance is removed. What is being removed is looked for in the list, where it may
  // be absent without an error.
  function ask(s) {
    const removing = s.state === "removing" || (s.operation && s.operation.kind === "remove");
    const found = removing
      ? "/api/instances/?page_size=100&name=" + encodeURIComponent(s.name) + "&user=" + encodeURIComponent(s.user)
      : "/api/instances/" + s.id + "/";
    return get(found).then(function (answer) {
      if (answer.status === 404) return null;
      if (!answer.ok) throw new Error(answer.status);
      return answer.json().then(function (body) {
        return removing ? body.results.find(function (one) { return one.id === s.id; }) || null : body;
      });
    });
  }

  // Follow instances from these snapshots on: onSnapshot(snapshot or {id, state: "removed"}), onLink as of `watchKind`.
  function follow(snapshots, onSnapshot, onLink) {
    const known = new Map(snapshots.map(function (s) { return [s.id, s]; }));
    il.watchKind({
      path: "/api/instances/",
      ends: function (s) { return s.state === "removed"; },
      ask: function (id) {
        return ask(known.get(id)).then(function (s) { return s || { id: id, state: "removed" }; });
      },
    }, Array.from(known.keys()), function (s) {
      if (s.state !== "removed") known.set(s.id, s);
      onSnapshot(s);
    }, onLink);
  }

  il.instanceView = { stateName, operationName, label, follow, get };
})();
