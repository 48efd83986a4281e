// The page of a deployment: whenever one of its instances changes, what the page says of them is fetched again.
(function () {
  "use strict";
  const PAUSE = 500, LATER = 2000; // ms: between two, and after one that failed

  document.addEventListener("DOMContentLoaded", function () {
    const live = document.getElementById("il-deployment-live");
    const address = document.getElementById("il-deployment").dataset.live;
    let waits = false, asks = false, changed = false;

    function take(answer) {
      if (answer.redirected) return null; // the end of the login
      if (answer.status === 204) {
        document.getElementById("il-deployment-gone").hidden = false;
        live.hidden = true;
        return null;
      }
      if (!answer.ok) throw new Error(answer.status);
      return answer.text().then(function (text) {
        const next = new DOMParser().parseFromString(text, "text/html").getElementById(live.id);
        if (next && !next.isEqualNode(live)) live.replaceChildren(...next.childNodes);
      });
    }

    function show(pause) {
      changed = true;
      if (waits || asks) return;
      waits = true;
      setTimeout(function () {
        waits = changed = false;
        asks = true;
        fetch(address, { headers: { Accept: "text/html" } }).then(take).then(function () {
          asks = false;
          if (changed) show(PAUSE);
        }, function () {
          asks = false;
          show(LATER);
        });
      }, pause);
    }

    window.imagelib.instanceView.follow(
      JSON.parse(document.getElementById("il-instances").textContent), function () { show(PAUSE); }
    );
  });
})();
