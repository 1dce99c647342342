// Follows the log of a run that has not ended. Without this script the page shows what there is; reloading shows more.
"use strict";
(() => {
  const log = document.getElementById("log");
  const follow = document.getElementById("follow");
  if (!log || !window.EventSource) return;
  follow.textContent = "following";
  // The server has read the log's colours, for the page and for here: each stretch of text comes with names from the style sheet. Text
  // is only ever set as text, so nothing in a log can become an element.
  const add = ({ text, looks }) => {
    let at = 0;
    for (const [length, look] of looks ?? [[text.length, ""]]) {
      const piece = text.slice(at, at + length);
      at += length;
      if (!look) {
        log.append(piece);
        continue;
      }
      const span = document.createElement("span");
      span.className = look;
      span.textContent = piece;
      log.append(span);
    }
  };
  const source = new EventSource(`/api/v1/runs/${log.dataset.run}/log?from=${log.dataset.next}`);
  source.onmessage = (event) => {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    add(JSON.parse(event.data));
    if (atEnd) log.scrollTop = log.scrollHeight;
  };
  source.addEventListener("state", (event) => {
    const now = JSON.parse(event.data);
    const state = document.getElementById("state");
    state.textContent = now.state;
    state.className = `state ${now.state}`;
    document.getElementById("description").textContent = now.description;
  });
  source.addEventListener("end", () => {
    source.close();
    location.reload();
  });
  source.onerror = () => { follow.textContent = "connection lost, trying again"; };
  source.onopen = () => { follow.textContent = "following"; };
  log.scrollTop = log.scrollHeight;
})();
