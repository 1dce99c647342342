// Rolls through all lines of a log: only those that can be seen are on the page, and they are fetched when they are. Without this
// script the page shows a window of the lines, and links to the others.
"use strict";
(() => {
  const box = document.getElementById("lines");
  if (!box || !window.fetch) return;
  const FETCHED = 200; // lines at once
  const REMEMBERED = 20000; // lines
  const AROUND = 30; // lines beside those that are seen
  const TALLEST = 8e6; // pixels; browsers have a limit
  const base = `/api/v1/runs/${box.dataset.run}/log`;
  const lines = new Map();
  const asked = new Set();
  let kept = JSON.parse(box.dataset.kept);
  let ended = box.dataset.ended === "true";
  let wanted = Number(box.dataset.line) || 0;
  let following = !ended && !wanted;
  const first = box.querySelector(".line:not(.gap)");

  const total = () => kept.reduce((sum, [, count]) => sum + count, 0);
  const indexOf = (number) =>
    kept.reduce((sum, [from, count]) => sum + Math.max(0, Math.min(count, number - from)), 0);
  const numberAt = (index) => {
    for (const [from, count] of kept) {
      if (index < count) return from + index;
      index -= count;
    }
    return 0;
  };
  const last = () => numberAt(total() - 1);

  const make = (name, className, text) => {
    const element = document.createElement(name);
    element.className = className;
    if (text) element.textContent = text;
    return element;
  };
  // Text is only ever set as text, so nothing in a log can become an element.
  const said = (line) => {
    const all = make("span", "said");
    let at = 0;
    for (const [length, look] of line.looks ?? [[line.text.length, ""]]) {
      const piece = line.text.slice(at, at + length);
      at += length;
      all.append(look ? make("span", look, piece) : piece);
    }
    if (line.cut) all.append(" ", make("span", "odd", `${line.cut} bytes more`));
    return all;
  };
  const row = (number) => {
    const line = lines.get(number);
    const element = make("div", number === wanted ? "line wanted" : "line");
    element.id = `L${number}`;
    const link = make("a", "no", String(number));
    link.href = `?line=${number}#L${number}`;
    element.append(link, " ");
    if (!line) {
      element.append(make("span", "said", "…"));
      return element;
    }
    const time = make("time", "", line.at.slice(11, 19));
    time.dateTime = line.at;
    element.append(time, " ", said(line));
    return element;
  };

  const sheet = make("div", "tall");
  const rows = make("div", "rows");
  sheet.append(rows);
  box.classList.add("rolling");
  const height = (first && first.getBoundingClientRect().height) || 20;
  box.replaceChildren(sheet);
  document.getElementById("ways").hidden = true;

  const geometry = () => {
    const all = total();
    const tall = Math.min(all * height, TALLEST);
    // before anything is measured: the box grows with what is in it
    sheet.style.height = `${tall}px`;
    const shown = Math.max(1, Math.floor(box.clientHeight / height));
    const most = Math.max(0, all - shown);
    const room = Math.max(1, tall - box.clientHeight);
    return { all, tall, shown, most, room, exact: tall === all * height };
  };
  const topIndex = (g) => (g.exact ? box.scrollTop / height : (box.scrollTop / g.room) * g.most);
  const scrollTo = (index) => {
    const g = geometry();
    box.scrollTop = g.exact ? index * height : (index / Math.max(1, g.most)) * g.room;
  };

  const draw = () => {
    const g = geometry();
    const exact = Math.max(0, Math.min(topIndex(g), g.all));
    const from = Math.max(0, Math.floor(exact) - AROUND);
    const to = Math.min(g.all, Math.floor(exact) + g.shown + 1 + AROUND);
    rows.style.transform = `translateY(${box.scrollTop - (exact - from) * height}px)`;
    const all = [];
    let missing = 0;
    for (let index = from; index < to; index += 1) {
      const number = numberAt(index);
      if (!missing && !lines.has(number)) missing = number;
      all.push(row(number));
    }
    // whoever is at a line with the keyboard stays there
    const here = rows.contains(document.activeElement) && document.activeElement.closest(".line")?.id;
    rows.replaceChildren(...all);
    if (here) document.getElementById(here)?.querySelector("a")?.focus({ preventScroll: true });
    if (missing) ask(missing);
  };
  let drawing = 0;
  const soon = () => {
    if (!drawing) drawing = requestAnimationFrame(() => { drawing = 0; draw(); });
  };

  const take = (answer) => {
    if (lines.size > REMEMBERED) lines.clear();
    for (const line of answer.lines) lines.set(line.number, line);
    kept = answer.kept;
    document.getElementById("count").textContent = `${total()} lines`;
    if (following) scrollTo(total());
    soon();
  };
  const ask = (from) => {
    if (asked.has(from) || asked.size > 1) return;
    asked.add(from);
    fetch(`${base}/lines?from=${from}&count=${FETCHED}`)
      .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.status))))
      .then((answer) => { asked.delete(from); take(answer); })
      .catch(() => setTimeout(() => { asked.delete(from); soon(); }, 2000));
  };

  const jump = (number) => {
    wanted = number;
    following = false;
    scrollTo(Math.max(0, indexOf(number) - 8));
    soon();
  };
  box.addEventListener("scroll", () => {
    following = !ended && box.scrollTop + box.clientHeight >= box.scrollHeight - 2 * height;
    soon();
  }, { passive: true });
  rows.addEventListener("click", (event) => {
    const link = event.target.closest("a.no");
    if (!link) return;
    event.preventDefault();
    wanted = Number(link.textContent);
    history.replaceState(null, "", `?line=${wanted}#L${wanted}`);
    soon();
  });
  const named = () => Number(/^#L(\d+)$/.exec(location.hash)?.[1]) || 0;
  window.addEventListener("hashchange", () => { if (named()) jump(named()); });
  window.addEventListener("resize", soon);
  document.querySelector("form.search").addEventListener("submit", () => {
    const top = Math.floor(topIndex(geometry()));
    document.getElementById("at").value = wanted || Math.max(0, numberAt(top) - 1);
  });

  if (!ended) {
    const follow = document.getElementById("follow");
    const button = make("button", "small", "Follow");
    button.type = "button";
    button.addEventListener("click", () => { following = true; scrollTo(total()); soon(); });
    follow?.replaceChildren(button);
    let due = 0;
    const grew = () => {
      if (due) return;
      // what was last may have been half a line
      due = setTimeout(() => { due = 0; lines.delete(last()); ask(Math.max(1, last())); }, 200);
    };
    const source = new EventSource(`${base}?from=${box.dataset.size}`);
    source.onmessage = grew;
    source.addEventListener("state", (event) => {
      const now = JSON.parse(event.data);
      const state = document.getElementById("state");
      state.textContent = now.state;
      state.className = `state ${now.state}`;
    });
    source.addEventListener("end", () => {
      source.close();
      grew();
      ended = true;
      follow?.replaceChildren("it has ended");
    });
  }
  if (named() || wanted) jump(named() || wanted);
  else if (following) scrollTo(total());
  soon();
})();
