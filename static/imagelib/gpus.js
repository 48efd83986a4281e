// Slices of a card as wide as their share of its memory.
document.addEventListener("DOMContentLoaded", function () {
  "use strict";
  document.querySelectorAll("[data-grow]").forEach(function (slice) {
    slice.style.flexGrow = Math.max(Number(slice.dataset.grow), 1);
  });
});
