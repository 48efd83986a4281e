// Sizes, speeds, durations and ages in the reader's language. Decimal units: 1 GB = 1,000,000,000 bytes.
(function () {
  "use strict";
  const language = document.documentElement.lang || "en";
  const numbers = new Map();

  function number(value, digits) {
    if (!numbers.has(digits)) {
      numbers.set(digits, new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
    }
    return numbers.get(digits).format(value);
  }

  // 950 B, 12.3 kB, 199 MB, 6.20 GB
  function bytes(size) {
    if (size === null || size === undefined) return "–";
    const units = ["B", "kB", "MB", "GB", "TB", "PB"];
    let value = size, unit = 0;
    while (value >= 999.5 && unit < units.length - 1) { value /= 1000; unit += 1; }
    const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    return number(value, digits) + " " + units[unit];
  }

  function speed(bytesPerSecond) {
    return bytesPerSecond === null || bytesPerSecond === undefined ? "–" : bytes(bytesPerSecond) + "/s";
  }

  function percent(value) {
    return number(value, value > 0 && value < 100 ? 1 : 0) + " %";
  }

  // Seconds as at most two units: 42 s, 3 min 20 s, 5 h 12 min, 2 d 3 h
  function duration(seconds) {
    const whole = Math.max(Math.round(seconds), 0);
    const parts = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60];
    if (parts[0]) return interpolate(gettext("%(d)s d %(h)s h"), { d: parts[0], h: parts[1] }, true);
    if (parts[1]) return interpolate(gettext("%(h)s h %(m)s min"), { h: parts[1], m: parts[2] }, true);
    if (parts[2]) return interpolate(gettext("%(m)s min %(s)s s"), { m: parts[2], s: parts[3] }, true);
    return interpolate(gettext("%(s)s s"), { s: parts[3] }, true);
  }

  // Seconds as a stopwatch shows them: 0:07, 12:40, 1:02:03
  function stopwatch(seconds) {
    const whole = Math.max(Math.floor(seconds), 0), pad = function (n) { return String(n).padStart(2, "0"); };
    const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    return (hours ? hours + ":" + pad(minutes) : String(minutes)) + ":" + pad(whole % 60);
  }

  // An estimate is a range; equal ends are one number.
  function range(low, high) {
    const texts = [duration(low), duration(high)];
    return texts[0] === texts[1] ? texts[0] : texts.join(" – ");
  }

  function ago(seconds) {
    if (seconds < 2) return gettext("just now");
    if (seconds < 60) return interpolate(gettext("%(n)s s ago"), { n: Math.floor(seconds) }, true);
    if (seconds < 3600) return interpolate(gettext("%(n)s min ago"), { n: Math.floor(seconds / 60) }, true);
    if (seconds < 172800) return interpolate(gettext("%(n)s h ago"), { n: Math.floor(seconds / 3600) }, true);
    return interpolate(gettext("%(n)s days ago"), { n: Math.floor(seconds / 86400) }, true);
  }

  function moment(text) {
    return text ? new Date(text).toLocaleString(language, { dateStyle: "medium", timeStyle: "medium" }) : "–";
  }

  function clock(text) {
    return new Date(text).toLocaleTimeString(language, { hour12: false });
  }

  // <time data-age="SECONDS">: the server says how old it was when the page was made, so no two clocks are compared.
  function countAges() {
    const passed = performance.now() / 1000;
    document.querySelectorAll("[data-age]").forEach(function (node) {
      if (!node.title && node.dateTime) node.title = moment(node.dateTime);
      node.textContent = ago(Number(node.dataset.age) + passed);
    });
  }

  // <time data-moment>: the server writes its own time zone, people read theirs.
  function writeMoments() {
    document.querySelectorAll("time[data-moment]").forEach(function (node) {
      const short = { dateStyle: "medium", timeStyle: "short" };
      node.textContent = new Date(node.dateTime).toLocaleString(language, short);
      node.title = moment(node.dateTime);
    });
    document.querySelectorAll("[data-seconds]").forEach(function (node) { node.textContent = duration(Number(node.dataset.seconds)); });
  }

  function writeSizes() {
    document.querySelectorAll("[data-bytes]").forEach(function (node) {
      node.textContent = bytes(Number(node.dataset.bytes));
    });
  }

  function el(tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  // The elements that the script of a page writes to, by their data-part.
  function partsOf(page) {
    const parts = {};
    page.querySelectorAll("[data-part]").forEach(function (node) { parts[node.dataset.part] = node; });
    function text(name, value) {
      if (parts[name].textContent !== value) parts[name].textContent = value;
    }
    return { parts, text };
  }

  window.imagelib = { bytes, speed, percent, duration, stopwatch, range, ago, moment, clock, el, partsOf };
  document.addEventListener("DOMContentLoaded", function () {
    writeSizes();
    writeMoments();
    countAges();
    setInterval(countAges, 1000);
  });
})();
