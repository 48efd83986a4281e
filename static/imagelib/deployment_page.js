// The page of a deployment: while it is looked at, what changes is fetched again with the page.
(function () {
  "use strict";
  const EVERY = 2000; // ms
  const LIVE = "il-deployment-live";

  function take(answer) {
    if (answer.status === 404) {
      document.getElementById("il-deployment-gone").hidden = false;
      document.getElementById(LIVE).hidden = true;
      return null;
    }
    if (!answer.ok || answer.redirected) return ask(); // a server that is away for a moment, or the end of the login
    return answer.text().then(function (text) {
      const next = new DOMParser().parseFromString(text, "text/html").getElementById(LIVE);
      const now = document.getElementById(LIVE);
      if (next && !next.isEqualNode(now)) now.replaceChildren(...next.childNodes);
      return ask();
    });
  }

  function ask() {
    setTimeout(function () {
      if (document.hidden) return ask();
      return fetch(window.location.href, { headers: { Accept: "text/html" } }).then(take, ask);
    }, EVERY);
  }

  document.addEventListener("DOMContentLoaded", ask);
})();
