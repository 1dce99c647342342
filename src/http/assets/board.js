// Keeps a page of what runs and waits up to date. Without this script it shows how things stood when it was opened.
"use strict";
(() => {
  const follow = document.getElementById("follow");
  if (!follow || !window.EventSource) return;
  const say = (text) => { follow.textContent = text; follow.hidden = false; };
  let waiting = false, busy = false, again = false;

  // Somebody who fills in or chooses something is not to lose it.
  const inUse = (live) => live.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");

  // The server makes the page anew. It is read as a document in which no script runs, and only what belongs to the page is taken
  // from it: this page's elements are never made of strings.
  const refresh = () => {
    if (busy) { again = true; return; }
    busy = true;
    const request = new XMLHttpRequest();
    request.open("GET", location.href);
    request.responseType = "document";
    request.onloadend = () => {
      busy = false;
      const live = document.getElementById("live");
      const fresh = request.status === 200 && request.response && request.response.getElementById("live");
      if (!fresh) { say("not up to date: the page could not be read; reload it"); return; }
      if (inUse(live)) { again = true; setTimeout(refresh, 2000); return; }
      const focused = live.contains(document.activeElement) ? document.activeElement.id : "";
      live.replaceWith(document.adoptNode(fresh));
      if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
      say("up to date");
      if (again) { again = false; later(); }
    };
    request.send();
  };

  // Events come in rushes: one look serves them all.
  const later = () => {
    if (waiting || document.hidden) { again = again || document.hidden; return; }
    waiting = true;
    setTimeout(() => { waiting = false; refresh(); }, 700);
  };

  let told = false;
  const source = new EventSource("/api/v1/events");
  source.addEventListener("run", later);
  source.addEventListener("gap", later);
  // The first one only tells how things stood when we came.
  source.addEventListener("locks", () => { if (told) later(); told = true; });
  source.onopen = () => say("up to date");
  source.onerror = () => say(source.readyState === EventSource.CLOSED ? "not followed: reload to see what is new" : "connection lost, trying again");
  document.addEventListener("visibilitychange", () => { if (!document.hidden && again) { again = false; later(); } });
  // Times and what GitHub says of branches change without an event of ours.
  setInterval(later, 60000);
})();
