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
