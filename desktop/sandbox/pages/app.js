/* The other side's books, as they change. Everything that came from the books is written as text, never as markup. */

import { forgetFeed, renderFeed } from "./feed.js";
import { SECTIONS } from "./sections.js";
import { indexBooks, state } from "./state.js";
import { $, counted, el, fold, plain, putInPlace, sentence } from "./words.js";

const SHOWN = 200;
const KEPT_CALLS = 2000;
const POLL_MS = 1500;
const FRESH_MS = 4000;
/* After how many looks the books are read again: when somebody called, and when nobody did (a hand edit is no call).
   Large books are megabytes, and reading them would slow down the very calls that people came to watch. */
const REREAD = { called: 1, quiet: 3 };
const REREAD_LARGE = { called: 4, quiet: 20 };
const LARGE_FROM = 2000;

const SERVICE_NAMES = { quickbooks: "QuickBooks", xero: "Xero", freshbooks: "FreshBooks", wave: "Wave" };

const haystacks = new WeakMap();

function matches(row, section, needles) {
  let text = haystacks.get(row);
  if (text === undefined) {
    text = fold(section.text(row).map(plain).join(" \n "));
    haystacks.set(row, text);
  }
  return needles.every((needle) => text.includes(needle));
}

const needlesOf = (query) => fold(query).split(/\s+/).filter(Boolean);

/* Newest first: the books list records in the order in which they were made. Accounts keep their order. */
function rowsOf(name) {
  const rows = (state.books && state.books[name]) || [];
  return name === "accounts" ? rows : rows.slice().reverse();
}

const rowCache = new Map();

function rowNodes(name, section, row) {
  const id = plain(row.id);
  const key = `${state.service}/${name}/${id}`;
  const fresh = (state.freshUntil.get(key) || 0) > performance.now();
  const open = state.open.has(key);
  const texts = section.columns.map(([, , read]) => read(row));
  const sign = JSON.stringify([row, open, fresh, texts.map((text) => (text instanceof Node ? text.textContent : text))]);
  const kept = rowCache.get(key);
  if (kept && kept.sign === sign && !open) return kept.nodes;

  const line = el("tr", fresh ? "fresh" : "");
  line.id = `row-${name}-${id}`;
  section.columns.forEach(([, className, ], at) => {
    const cell = el("td", className);
    cell.dir = "auto";
    if (className.includes("num") || className.includes("date")) cell.dir = "ltr";
    if (section.detail && at === 0) cell.append(opener(key, texts[at], open));
    else if (texts[at]) cell.append(texts[at]);
    if (typeof texts[at] === "string" && className.includes("wide")) cell.title = texts[at];
    line.append(cell);
  });
  const nodes = [line];
  if (section.detail) {
    line.classList.add("opens");
    line.addEventListener("click", (event) => {
      if (!event.target.closest("button") && !String(getSelection())) toggle(key);
    });
    if (open) {
      const cell = el("td", "", section.detail(row));
      cell.colSpan = [...$("head").children].filter((head) => head.offsetParent).length;
      nodes.push(el("tr", "under", cell));
    }
  }
  rowCache.set(key, { sign, nodes });
  return nodes;
}

function opener(key, text, open) {
  const button = el("button", "opener", text);
  button.type = "button";
  button.setAttribute("aria-expanded", String(open));
  button.dataset.key = key;
  button.addEventListener("click", () => toggle(key));
  return button;
}

function toggle(key) {
  if (!state.open.delete(key)) state.open.add(key);
  render();
}

function renderHead(section) {
  const cells = section.columns.map(([title, className]) => {
    const cell = el("th", className, title);
    cell.scope = "col";
    return cell;
  });
  $("head").replaceChildren(...cells);
}

function render() {
  const section = SECTIONS[state.section];
  renderTabs();
  if (!state.books) return;
  const focused = document.activeElement && document.activeElement.dataset.key;
  const all = rowsOf(state.section);
  const needles = needlesOf(state.query);
  const found = needles.length ? all.filter((row) => matches(row, section, needles)) : all;
  const shown = found.slice(0, SHOWN);
  if ($("table").dataset.section !== state.section) {
    $("table").dataset.section = state.section;
    renderHead(section);
  }
  putInPlace($("rows"), shown.flatMap((row) => rowNodes(state.section, section, row)));
  $("table").hidden = shown.length === 0;
  $("nothing").hidden = shown.length > 0;
  $("nothing").textContent = needles.length ? `Nothing found for \u201c${state.query.trim()}\u201d.` : section.empty;
  renderCount(shown.length, found.length, all.length, needles.length > 0);
  if (focused) document.querySelector(`button[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

function renderCount(shown, found, all, searched) {
  const title = SECTIONS[state.section].title.toLowerCase();
  let text = "";
  if (shown < found) text = `Showing ${counted(shown)} of ${counted(found)}${searched ? " found" : ` ${title}`}`;
  else if (searched && found) text = `${counted(found)} of ${counted(all)} ${title}`;
  if (text && !searched && state.section !== "accounts") text = `${text}, newest first`;
  if ($("count").textContent !== text) $("count").textContent = text;
}

function tab(id, label, count, selected, choose) {
  const button = el("button", "tab", label, count === null ? null : el("span", "n", counted(count)));
  button.type = "button";
  button.id = id;
  button.setAttribute("role", "tab");
  button.setAttribute("aria-selected", String(selected));
  button.tabIndex = selected ? 0 : -1;
  button.addEventListener("click", choose);
  return button;
}

function renderTabs() {
  const sections = [...Object.keys(SECTIONS), "calls"];
  const sign = JSON.stringify([state.section, showsCalls(), sections.map(countOf)]);
  if ($("sections").dataset.sign === sign) return;
  $("sections").dataset.sign = sign;
  const focused = document.activeElement && document.activeElement.id;
  const tabs = sections.map((name) => {
    const selected = name === "calls" ? showsCalls() : !showsCalls() && name === state.section;
    const label = name === "calls" ? "Calls" : SECTIONS[name].title;
    const button = tab(`tab-${name}`, label, countOf(name), selected, () => choose(name));
    if (name === "calls") button.classList.add("narrow-only");
    button.setAttribute("aria-controls", name === "calls" ? "calls" : "list");
    return button;
  });
  $("sections").replaceChildren(...tabs);
  $("list").setAttribute("aria-labelledby", `tab-${state.section}`);
  if (focused && focused.startsWith("tab-")) $(focused)?.focus();
}

const countOf = (name) => (name === "calls" ? null : state.books ? (state.books[name] || []).length : null);
const showsCalls = () => document.body.classList.contains("show-calls");

function choose(name) {
  document.body.classList.toggle("show-calls", name === "calls");
  if (name !== "calls") state.section = name;
  location.replace(`#${state.service}/${name}`);
  render();
}

function onTabKey(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [...event.currentTarget.querySelectorAll("[role=tab]")].filter((node) => node.offsetParent);
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  next.focus();
  next.click();
  event.preventDefault();
}

function jump(list, id) {
  $("search").value = state.query = "";
  const key = `${state.service}/${list}/${id}`;
  state.freshUntil.set(key, performance.now() + FRESH_MS);
  if (list === "invoices") state.open.add(key);
  choose(list);
  if (!$(`row-${list}-${id}`)) {
    $("search").value = state.query = state.names[list.slice(0, -1)].get(id) || "";
    render();
  }
  $(`row-${list}-${id}`)?.scrollIntoView({ block: "center" });
  settleFresh();
}

/* ---- reading ---- */

async function read(path) {
  const answer = await fetch(path, { cache: "no-store", headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.text();
}

/* Marks what is new or differs since the last look; the first look marks nothing. */
function markFresh(books) {
  const now = new Map();
  for (const name of Object.keys(SECTIONS)) {
    for (const row of books[name] || []) now.set(`${state.service}/${name}/${plain(row.id)}`, JSON.stringify(row));
  }
  if (state.signatures) {
    for (const [key, sign] of now) {
      if (state.signatures.get(key) !== sign) state.freshUntil.set(key, performance.now() + FRESH_MS);
    }
  }
  state.signatures = now;
}

async function readBooks() {
  const service = state.service;
  const text = await read(`/books/${encodeURIComponent(service)}.json`);
  if (service !== state.service || text === state.booksText) return;
  const books = JSON.parse(text);
  state.booksText = text;
  markFresh(books);
  state.books = books;
  indexBooks(books);
  const company = books.company && plain(books.company.name);
  $("company").textContent = company || "Practice books";
  $("about").textContent = aboutText();
  document.title = `${company || "Practice books"} \u00b7 practice books`;
  for (const key of rowCache.keys()) if (!state.signatures.has(key)) rowCache.delete(key);
  forgetFeed();
  render();
  renderFeed(jump);
  settleFresh();
}

function aboutText() {
  const name = SERVICE_NAMES[state.service] || sentence(state.service);
  return `Practice books, imitating ${name} on this computer. No real service, no real customers, no real money.`;
}

let settling = 0;

function settleFresh() {
  clearTimeout(settling);
  if (!state.freshUntil.size) return;
  settling = setTimeout(() => {
    const now = performance.now();
    for (const [key, until] of state.freshUntil) if (until <= now) state.freshUntil.delete(key);
    render();
    settleFresh();
  }, FRESH_MS + 50);
}

/* True when somebody called since the last look. */
async function readEvents() {
  let answer = JSON.parse(await read(`/events-since/${state.last}.json`));
  if (Number(answer.last) < state.last) {
    state.entries = [];
    state.signatures = null;
    forgetFeed();
    answer = JSON.parse(await read("/events-since/0.json"));
  }
  const moved = Number(answer.last) !== state.last;
  const first = state.last === 0 && state.entries.length === 0;
  state.last = Number(answer.last);
  const added = answer.entries || [];
  if (!first) for (const entry of added) entry.freshUntil = performance.now() + FRESH_MS;
  state.entries.push(...added);
  state.entries.splice(0, Math.max(0, state.entries.length - KEPT_CALLS));
  if (moved || first) renderFeed(jump);
  return moved;
}

function showLive(tone, word) {
  $("live").dataset.tone = tone;
  if ($("live-word").textContent !== word) $("live-word").textContent = word;
}

let timer = 0;
let running = false;

async function look() {
  clearTimeout(timer);
  if (running) return;
  running = true;
  try {
    if (await readEvents()) state.moved = true;
    const wait = state.books && (state.books.customers || []).length > LARGE_FROM ? REREAD_LARGE : REREAD;
    state.looks += 1;
    if (!state.books || state.looks >= (state.moved ? wait.called : wait.quiet)) {
      state.looks = 0;
      state.moved = false;
      await readBooks();
    }
    showLive("good", "Live");
  } catch (problem) {
    /* Whatever went wrong, the next look may succeed; the reason is for whoever opens the console. */
    console.warn(problem);
    showLive("bad", "Not answering, trying again");
  } finally {
    running = false;
    if (!document.hidden) timer = setTimeout(look, POLL_MS);
  }
}

function chooseService(service) {
  if (service !== state.service) {
    Object.assign(state, { service, books: null, booksText: "", signatures: null, looks: 0, moved: false });
    rowCache.clear();
    $("rows").replaceChildren();
    renderFeed(jump);
  }
  $("about").textContent = aboutText();
  const tabs = state.services.map((name) =>
    tab(`service-${name}`, SERVICE_NAMES[name] || sentence(name), null, name === service, () => {
      chooseService(name);
      choose(state.section);
      look();
    }),
  );
  $("services").replaceChildren(...tabs);
  $("services").setAttribute("role", "tablist");
  $("services").hidden = tabs.length < 2;
}

async function start() {
  try {
    state.services = JSON.parse(await read("/services.json"));
  } catch (problem) {
    console.warn(problem);
    state.services = ["quickbooks"];
  }
  const [service, section] = decodeURIComponent(location.hash.slice(1)).split("/");
  if (SECTIONS[section]) state.section = section;
  document.body.classList.toggle("show-calls", section === "calls");
  chooseService(state.services.includes(service) ? service : state.services[0]);
  render();
  await look();
}

let typing = 0;
$("search").addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    state.query = event.target.value;
    render();
  }, 80);
});
$("only-changes").addEventListener("change", () => renderFeed(jump));
$("sections").addEventListener("keydown", onTabKey);
$("services").addEventListener("keydown", onTabKey);
for (const width of [640, 1080]) matchMedia(`(max-width: ${width}px)`).addEventListener("change", render);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});
start();
