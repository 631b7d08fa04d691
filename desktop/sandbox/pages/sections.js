/* Which columns each list has, what its search looks at, and what an opened invoice shows. */

import { nameOf, state } from "./state.js";
import { day, el, isZero, money, pill, plain, quantity, sentence, words } from "./words.js";

/* ---- the lists ---- */

const STATUS_TONE = { paid: "good", overdue: "bad", void: "off", voided: "off", deleted: "off", draft: "off" };

function statusPill(value) {
  const word = sentence(value);
  return word ? pill(word, STATUS_TONE[words(value).toLowerCase()]) : null;
}

const useState = (row) => (row.active === false ? pill("Inactive", "off") : null);

function place(address) {
  if (!address) return "";
  return [address.line1, address.city, address.region].map(plain).filter(Boolean).join(", ");
}

const lineText = (line) => plain(line.description) || nameOf("item", line.item_id);
const amountOf = (value) => el("span", isZero(value) ? "faint" : "", money(value));

export const SECTIONS = {
  invoices: {
    title: "Invoices",
    empty: "No invoices yet. Send one, and it appears here.",
    columns: [
      ["No.", "key", (row) => plain(row.number) || "\u2014"],
      ["Customer", "wide strong", (row) => nameOf("customer", row.customer_id)],
      ["Lines", "wide soft spare", (row) => (row.lines || []).map(lineText).join(", ")],
      ["Date", "date soft", (row) => day(row.date)],
      ["Total", "num", (row) => money(row.total)],
      ["Balance", "num roomy", (row) => amountOf(row.balance)],
      ["Status", "state", (row) => statusPill(row.status)],
    ],
    text: (row) => [row.number, nameOf("customer", row.customer_id), row.total, row.date, ...(row.lines || []).map(lineText)],
    detail: invoiceDetail,
  },
  payments: {
    title: "Payments",
    empty: "No payments yet.",
    columns: [
      ["Date", "date soft", (row) => day(row.date)],
      ["Customer", "wide strong", (row) => nameOf("customer", row.customer_id)],
      ["Paid", "wide soft", paidInvoices],
      ["Method", "soft", (row) => plain(row.method)],
      ["Reference", "soft spare", (row) => plain(row.reference)],
      ["Amount", "num", (row) => money(row.amount)],
      ["Status", "state spare", (row) => statusPill(row.status)],
    ],
    text: (row) => [nameOf("customer", row.customer_id), row.amount, row.reference, row.method, paidInvoices(row)],
  },
  customers: {
    title: "Customers",
    empty: "No customers yet.",
    columns: [
      ["Name", "wide strong", (row) => plain(row.display_name)],
      ["E-mail", "wide soft", (row) => plain(row.email)],
      ["Phone", "soft nowrap spare", (row) => plain(row.phone)],
      ["Address", "wide soft spare", (row) => place(row.address)],
      ["Balance", "num", (row) => amountOf(row.balance)],
      ["", "state", useState],
    ],
    text: (row) => [row.display_name, row.company_name, row.email, row.phone, place(row.address)],
  },
  items: {
    title: "Items",
    empty: "No items yet.",
    columns: [
      ["Name", "wide strong", (row) => plain(row.name)],
      ["Type", "soft", (row) => sentence(plain(row.type).replace(/([a-z])([A-Z])/g, "$1 $2").replace("Non ", "Non-"))],
      ["Income account", "wide soft", (row) => nameOf("account", row.income_account_id) || pill("None chosen", "wait")],
      ["Price", "num", (row) => money(row.unit_price)],
      ["", "state", useState],
    ],
    text: (row) => [row.name, row.type, nameOf("account", row.income_account_id)],
  },
  accounts: {
    title: "Accounts",
    empty: "No accounts.",
    columns: [
      ["Name", "wide strong", (row) => plain(row.name)],
      ["Type", "wide soft", (row) => (row.type === "cogs" ? "Cost of goods sold" : sentence(row.type))],
      ["", "state", useState],
    ],
    text: (row) => [row.name, row.type],
  },
};

function paidInvoices(row) {
  const numbers = (row.allocations || []).map((part) => nameOf("invoice", part.invoice_id));
  const unapplied = isZero(row.unapplied) ? "" : `${money(row.unapplied)} not applied`;
  return [numbers.length ? `Invoice ${numbers.join(", ")}` : "", unapplied].filter(Boolean).join("; ");
}

function invoiceDetail(row) {
  const cell = (className, text) => el("td", className, text);
  const body = el("tbody", "");
  for (const line of row.lines || []) {
    body.append(
      el("tr", "", cell("", lineText(line)), cell("num", quantity(line.quantity)), cell("num", money(line.unit_price)),
        cell("num", money(line.amount))),
    );
  }
  const sums = [["Tax", row.tax], ["Total", row.total]];
  for (const payment of state.books.payments || []) {
    for (const part of payment.allocations || []) {
      if (plain(part.invoice_id) !== plain(row.id)) continue;
      const how = plain(payment.method) ? `, ${plain(payment.method)}` : "";
      sums.push([`Paid ${day(payment.date)}${how}`, `-${plain(part.amount)}`]);
    }
  }
  sums.push(["Balance", row.balance]);
  const foot = el("tfoot", "");
  for (const [label, value] of sums) {
    const head = el("th", "", label);
    head.colSpan = 3;
    head.scope = "row";
    foot.append(el("tr", label === "Balance" ? "sum" : "", head, cell("num", money(value))));
  }
  const titles = ["Item", "Quantity", "Price", "Amount"].map((title, at) => el("th", at ? "num" : "", title));
  const table = el("table", "lines", el("thead", "", el("tr", "", ...titles)), body, foot);
  return el("div", "detail", el("p", "due", row.due_date ? `Due ${day(row.due_date)}` : "No due date"), table);
}
