"use strict";
// The board's page: under each split a table clip by clip, for the metric that is chosen, and two metrics against
// each other.

(() => {
  function table(data, metric) {
    const head = Page.make("tr", {}, Page.make("th", { scope: "col" }, "Clip"));
    for (const method of data.methods) head.append(Page.make("th", { scope: "col" }, method.title));
    const body = Page.make("tbody");
    data.clips.forEach((clip, i) => {
      const row = Page.make("tr", {}, Page.make("td", {}, linked(clip.href, clip.name)));
      const values = data.methods.map((method) => data.values[metric.id][method.id][i]);
      const best = bestOf(values, data.methods, metric);
      data.methods.forEach((method, j) => {
        const cell = Page.make("td", { data: { sort: Page.order(values[j]) } });
        const href = clip.href && `${clip.href}#method=${encodeURIComponent(method.id)}&metric=${metric.id}`;
        const text = Page.number(values[j], metric.digits);
        cell.append(linked(href, text));
        if (text === best && !method.reference) cell.className = "best"; // as printed: equal digits share it
        row.append(cell);
      });
      body.append(row);
    });
    const made = Page.make("table", { className: "board sortable n-last" }, Page.make("thead", {}, head), body);
    Page.sortable(made);
    return made;
  }

  /** The text, as a link where it leads anywhere. */
  function linked(href, text) {
    return href ? Page.make("a", { href }, text) : text;
  }

  /** The best value as it is printed. */
  function bestOf(values, methods, { direction, digits }) {
    const known = values.filter((v, j) => typeof v === "number" && !methods[j].reference);
    if (!known.length || direction === "none") return undefined;
    return Page.number(direction === "lower" ? Math.min(...known) : Math.max(...known), digits);
  }

  function explorer(place) {
    const data = Page.read(place.querySelector("script"));
    const menu = Page.metricMenu(data.metrics, "Metric", 0);
    const select = menu.querySelector("select");
    const scroll = Page.make("div", { className: "scroll", tabIndex: 0 });
    const bar = Page.make("div", { className: "bar" }, menu);
    const show = () => {
      const made = table(data, data.metrics[select.selectedIndex]);
      scroll.replaceChildren(made);
      bar.replaceChildren(menu, Page.filterField(made, "Filter clips"));
    };
    select.addEventListener("change", show);
    place.append(Page.make("h3", {}, "Clip by clip"), bar, scroll);
    show();
    if (data.metrics.length > 1) {
      const scatter = Page.make("div", { className: "scatter" });
      place.append(Page.make("h3", {}, "Two metrics, clip by clip"), scatter);
      new Scatter(scatter, data);
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".by-clip").forEach(explorer);
  });
})();
