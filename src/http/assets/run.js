// Follows the log of a run that has not ended, and asks which commits it brings. Without this script the page shows what there is;
// reloading shows more, and a link asks for the commits.
"use strict";
(() => {
  const log = document.getElementById("log");
  const follow = document.getElementById("follow");
  if (!log || !log.dataset.live || !window.EventSource) return;
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
    const said = now.description.split("`");
    // as the server shows sentences: what stands between backticks is code
    document.getElementById("description").replaceChildren(...(said.length % 2 ? said : [now.description]).map((text, at) => {
      if (at % 2 === 0) return text;
      const code = document.createElement("code");
      code.textContent = text;
      return code;
    }));
  });
  source.addEventListener("end", () => {
    source.close();
    location.reload();
  });
  source.onerror = () => { follow.textContent = "connection lost, trying again"; };
  source.onopen = () => { follow.textContent = "following"; };
  log.scrollTop = log.scrollHeight;
})();
(() => {
  const section = document.getElementById("commits");
  if (!section || !section.dataset.wanted || !window.fetch) return;
  const says = document.getElementById("commits-says");
  const make = (name, ...inside) => {
    const element = document.createElement(name);
    element.append(...inside);
    return element;
  };
  // what would change how others are shown is seen instead
  const plain = (text) => text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g, "\ufffd");
  const many = (count) => (count === 1 ? "1 commit" : `${count} commits`);
  const table = (commits) => {
    const head = make("tr", ...["Commit", "Title", "Author"].map((title) => {
      const cell = make("th", title);
      cell.scope = "col";
      return cell;
    }));
    const rows = commits.toReversed().map((one) => {
      const link = make("a", make("code", one.sha.slice(0, 8)));
      link.href = `${section.dataset.repository}/commit/${one.sha}`;
      link.rel = "noreferrer";
      return make("tr", make("td", link), make("td", plain(one.title)), make("td", plain(one.author ?? "")));
    });
    const region = make("div", make("table", make("thead", head), make("tbody", ...rows)));
    region.className = "scroll";
    region.tabIndex = 0;
    region.setAttribute("role", "region");
    region.setAttribute("aria-label", "Commits");
    return region;
  };
  fetch(`/api/v1/runs/${section.dataset.run}/commits`)
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.status))))
    .then(({ before, brings, url }) => {
      if (!before) {
        says.textContent = "Nothing ran here before: all of it was new.";
        return;
      }
      const short = before.slice(0, 8);
      says.textContent = brings
        ? `${short} ran here before; ${many(brings.ahead)} new${brings.behind ? ` and ${many(brings.behind)} gone` : ""}.`
        : `${short} ran here before; GitHub knows no connection between the two.`;
      if (url) {
        const link = make("a", "Compare on GitHub");
        link.href = url;
        link.rel = "noreferrer";
        says.append(" ", link);
      }
      if (brings?.commits.length) section.append(table(brings.commits));
    })
    .catch(() => says.append(" (GitHub does not answer now)"));
})();
