"use strict";
// Shared by all pages. Text is always set as text, never as markup: names come from files.

const Page = {
  /** An element with properties, attributes (`attrs`), data (`data`) and children (nodes or texts). */
  make(tag, { attrs = {}, data = {}, style = {}, ...props } = {}, ...children) {
    const node = Object.assign(document.createElement(tag), props);
    for (const [name, value] of Object.entries(attrs)) node.setAttribute(name, value);
    Object.assign(node.dataset, data);
    for (const [name, value] of Object.entries(style)) node.style.setProperty(name, value);
    node.append(...children);
    return node;
  },

  /** The JSON in a script element. */
  read(node) {
    return JSON.parse(node.textContent);
  },

  /** A figure as printed; a dash for none. */
  number(value, digits) {
    if (value === null || value === undefined) return "–";
    if (typeof value === "string") return value === "Infinity" ? "∞" : "−∞";
    const text = Page.rounded(Math.abs(value), digits);
    return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
  },

  /** Twelve significant digits, then halves up, as `reports.tables.rounding` does it: 30.125 is 30.13. */
  rounded(size, digits) {
    const [mantissa, exponent] = size.toExponential(11).split("e");
    const shift = Number(exponent) - 11 + digits;
    let whole = BigInt(mantissa.replace(".", ""));
    if (shift >= 0) {
      whole *= 10n ** BigInt(shift);
    } else {
      const unit = 10n ** BigInt(-shift);
      whole = (2n * whole + unit) / (2n * unit);
    }
    const text = whole.toString().padStart(digits + 1, "0");
    return digits ? `${text.slice(0, -digits)}.${text.slice(-digits)}` : text;
  },

  /** Values that a table sorts by: none is empty, which goes last. */
  order(value) {
    return value === null || value === undefined ? "" : String(value);
  },

  /** A menu of metrics with a label; `chosen` is the number of the one that is shown first. */
  metricMenu(metrics, label, chosen) {
    const select = Page.make("select");
    for (const metric of metrics) select.append(Page.make("option", { value: metric.id }, metric.title));
    select.selectedIndex = chosen;
    return Page.make("label", { className: "menu" }, label, " ", select);
  },

  /** Headings of sortable tables answer to the keyboard, too. */
  sortable(table) {
    for (const head of table.tHead.rows[0].cells) {
      head.tabIndex = 0;
      head.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          head.click();
        }
      });
    }
  },

  /** Rows of the table that do not hold every word of the text are hidden. */
  filter(table, text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const body of table.tBodies) {
      for (const row of body.rows) {
        const content = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => content.includes(word));
        shown += row.hidden ? 0 : 1;
      }
    }
    return shown;
  },

  /** An input field that filters a table, with the number of rows left. */
  filterField(table, label) {
    const count = Page.make("output", { className: "count" });
    const field = Page.make("input", { type: "search", placeholder: label, ariaLabel: label });
    field.addEventListener("input", () => {
      const shown = Page.filter(table, field.value);
      count.textContent = field.value ? `${shown} rows` : "";
    });
    return Page.make("div", { className: "filter" }, field, count);
  },
};

document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("table.sortable")) {
    Page.sortable(table);
    if (table.dataset.filter) {
      const scroll = table.closest(".scroll") || table;
      scroll.before(Page.filterField(table, table.dataset.filter));
    }
  }
});
