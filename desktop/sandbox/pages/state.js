/* What this page knows of the books. */

import { money, plain } from "./words.js";

export const state = {
  services: [],
  service: "",
  section: "invoices",
  query: "",
  books: null,
  booksText: "",
  looks: 0,
  moved: false,
  last: 0,
  entries: [],
  open: new Set(),
  freshUntil: new Map(),
  signatures: null,
  names: { customer: new Map(), item: new Map(), account: new Map(), invoice: new Map(), payment: new Map() },
};

export function indexBooks(books) {
  const index = (list, name) => new Map((list || []).map((row) => [plain(row.id), name(row)]));
  state.names = {
    customer: index(books.customers, (row) => plain(row.display_name)),
    item: index(books.items, (row) => plain(row.name)),
    account: index(books.accounts, (row) => plain(row.name)),
    invoice: index(books.invoices, (row) => plain(row.number) || "without a number"),
    payment: index(books.payments, (row) => money(row.amount)),
  };
}

export function nameOf(kind, id) {
  if (id === null || id === undefined) return "";
  return state.names[kind].get(plain(id)) ?? `no. ${plain(id)}`;
}
