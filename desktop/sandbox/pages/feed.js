/* The calls that programs made, newest first, and what each of them changed. */

import { SECTIONS } from "./sections.js";
import { state } from "./state.js";
import { $, clock, counted, el, pill, plain, putInPlace, sentence, words } from "./words.js";

const FEED_SHOWN = 150;

/* ---- the feed ---- */

function changeNode(change, jump) {
  const kind = plain(change.kind);
  const id = plain(change.id);
  const known = state.names[kind] && state.names[kind].get(id);
  const text = `${sentence(kind)} ${known || `no. ${id}`} ${words(change.action)}`;
  const list = `${kind}s`;
  if (!known || !SECTIONS[list]) return el("span", "change", text);
  const button = el("button", "change", text);
  button.type = "button";
  button.addEventListener("click", () => jump(list, id));
  return button;
}

function entryNode(entry, jump) {
  const failed = Number(entry.status) >= 400 || !Number(entry.status);
  const changed = entry.changed || [];
  const tone = failed ? "bad" : changed.length ? "good" : "plain";
  const head = el("div", "call-head", el("span", "op", sentence(entry.op)), pill(plain(entry.status) || "No answer", tone),
    el("time", "soft", clock(entry.time)));
  const path = el("p", "path", `${plain(entry.method)} ${plain(entry.path)}`);
  path.title = path.textContent;
  const item = el("li", changed.length ? "call writes" : "call", head, path);
  if (entry.fault) item.append(el("p", "broken", `Broken on purpose: ${plain(entry.fault)}`));
  for (const change of changed.slice(0, 4)) item.append(changeNode(change, jump));
  if (changed.length > 4) item.append(el("span", "change faint", `and ${counted(changed.length - 4)} more`));
  return item;
}

const feedCache = new Map();

export const forgetFeed = () => feedCache.clear();

/* `jump(list, id)` shows a record that a call changed. */
export function renderFeed(jump) {
  const only = $("only-changes").checked;
  const mine = state.entries.filter((entry) => plain(entry.service) === state.service);
  const shown = mine.filter((entry) => !only || (entry.changed || []).length).slice(-FEED_SHOWN).reverse();
  const kept = new Set(shown.map((entry) => entry.sequence));
  for (const key of feedCache.keys()) if (!kept.has(key)) feedCache.delete(key);
  const nodes = shown.map((entry) => {
    let node = feedCache.get(entry.sequence);
    if (!node) {
      node = entryNode(entry, jump);
      const left = (entry.freshUntil || 0) - performance.now();
      if (left > 0) {
        const marked = node;
        marked.classList.add("fresh");
        setTimeout(() => marked.classList.remove("fresh"), left);
      }
      feedCache.set(entry.sequence, node);
    }
    return node;
  });
  putInPlace($("feed"), nodes);
  $("feed").hidden = nodes.length === 0;
  $("quiet").hidden = nodes.length > 0;
  $("quiet").textContent = mine.length
    ? "No call changed anything yet."
    : "No calls yet. As soon as a program talks to this service, each call appears here.";
}
