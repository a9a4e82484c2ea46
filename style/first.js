// Light or dark before the first paint, so that nothing flashes. A file of its own: the page allows no inline script.
(function () {
  var root = document.documentElement;
  var system = matchMedia("(prefers-color-scheme: dark)");
  function chosen() {
    try {
      return localStorage.getItem("mailtally-theme");
    } catch (forbidden) {
      return null;
    }
  }
  function apply() {
    root.dataset.theme = chosen() || (system.matches ? "dark" : "light");
  }
  system.addEventListener("change", apply);
  // Paper is white.
  addEventListener("beforeprint", function () {
    root.dataset.theme = "light";
  });
  addEventListener("afterprint", apply);
  apply();
})();

// A link that signs in carries its secret behind the #, which no server and no log ever sees. It is used before the app
// is there, and outlives a page that is left at once; the app waits for it.
(function () {
  var link = /^#link=(\w+)$/.exec(location.hash);
  if (!link) {
    return;
  }
  history.replaceState(null, "", location.pathname + location.search);
  window.mailtallyLink = fetch("/api/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ link: link[1] }),
    keepalive: true,
  }).then(
    function (answer) {
      return answer.ok;
    },
    function () {
      return false;
    }
  );
})();

// Above the still frame, for whoever would wait for the app in vain.
window.mailtallyFailed = function (why) {
  var words = document.createElement("p");
  words.className = "no-app";
  words.textContent = why;
  document.body.prepend(words);
};

// The app's file may not come, or be too new for the browser: then nothing in it could say so.
addEventListener("load", function () {
  if (!window.mailtallyStarts) {
    mailtallyFailed("Mailtally could not be loaded. Load the page again.");
  }
});
