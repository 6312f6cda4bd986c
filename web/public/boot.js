// Before first paint: theme, language, direction, text size; an opened invite, link or bridge page becomes a fragment.
(function () {
  var d = document.documentElement, l = "en", n = navigator.languages || [], i, w, s, m;
  function read(k) { try { return localStorage.getItem("zajil." + k); } catch { return null; } }
  w = read("language");
  if (/^(en|ar|ru)$/.test(w)) l = w;
  else for (i = 0; i < n.length; i++) { w = n[i].slice(0, 2).toLowerCase(); if (/^(en|ar|ru)$/.test(w)) { l = w; break; } }
  d.lang = l;
  d.dir = l === "ar" ? "rtl" : "ltr";
  w = read("theme");
  if (w === "light" || w === "dark") d.dataset.theme = w;
  s = Number(read("text-size"));
  if (s >= 85 && s <= 150) d.style.setProperty("--text-scale", s / 100);
  // What the first screen needs beyond the entry: words of this language; and the start, for who has no account here.
  w = document.currentScript.dataset.ahead;
  (w ? w.split(" ") : []).forEach(function (f) {
    var k = document.createElement("link"), c = /css$/.test(f);
    if (/messages-/.test(f) && f.indexOf("messages-" + l) < 0 || read("account") === "yes" && !/-first-|runtime-/.test(f)) return;
    k.rel = c ? "preload" : "modulepreload";
    k.as = c ? "style" : "script";
    k.crossOrigin = "";
    k.href = "./" + f;
    d.firstChild.appendChild(k);
  });
  m = /^(.*\/)([ilgb])$/.exec(location.pathname);
  if (m) history.replaceState(null, "", m[1] + "#/" + m[2] + "/" + location.hash.slice(1));
})();
