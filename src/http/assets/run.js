// Follows the log of a run that has not ended. Without this script the page shows what there is; reloading shows more.
"use strict";
(() => {
  const log = document.getElementById("log");
  const follow = document.getElementById("follow");
  if (!log || !window.EventSource) return;
  follow.textContent = "following";
  const source = new EventSource(`/api/v1/runs/${log.dataset.run}/log?from=${log.dataset.next}`);
  source.onmessage = (event) => {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(JSON.parse(event.data).text);
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
