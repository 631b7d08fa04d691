/* Words, money and days as people read them, and the one way an element is made: what comes in is text. */

export const $ = (id) => document.getElementById(id);

export function el(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function pill(word, tone) {
  return el("span", `pill ${tone || "plain"}`, word);
}

/* Puts `nodes` in place and touches nothing that already stands where it should. */
export function putInPlace(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  let at = parent.firstElementChild;
  for (const node of nodes) {
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
}

export const plain = (value) => (value === null || value === undefined ? "" : String(value));
export const counted = (n) => n.toLocaleString("en-US");
export const words = (name) => plain(name).replace(/[_-]+/g, " ").trim();
export const sentence = (name) => words(name).charAt(0).toUpperCase() + words(name).slice(1).toLowerCase();

/* Grouped by text alone: a money amount never becomes a floating-point number. */
export function money(value) {
  const parts = /^(-?)(\d+)(?:\.(\d+))?$/.exec(plain(value));
  if (!parts) return plain(value);
  const cents = (parts[3] || "").padEnd(2, "0");
  return `${parts[1] ? "\u2212" : ""}${parts[2].replace(/\B(?=(\d{3})+$)/g, ",")}.${cents}`;
}

export const isZero = (value) => /^-?0*(\.0*)?$/.test(plain(value));

export function quantity(value) {
  return plain(value).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export function day(value) {
  const parts = /^(\d{4})-(\d\d)-(\d\d)/.exec(plain(value));
  const month = parts && MONTHS[Number(parts[2]) - 1];
  return month ? `${Number(parts[3])} ${month} ${parts[1]}` : plain(value);
}

export function clock(value) {
  const when = new Date(value);
  return Number.isNaN(when.getTime()) ? plain(value) : CLOCK.format(when);
}

export function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
