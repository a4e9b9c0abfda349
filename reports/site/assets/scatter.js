"use strict";
// Two metrics against each other: a point a clip and method. The pointer or the arrow keys choose a point, which is
// named below; Enter or a click leads to the clip.

class Scatter {
  /** `data`: as `board_clips` of clip_data.py has it. */
  constructor(place, data) {
    this.data = data;
    this.height = 340;
    this.edge = { left: 62, right: 14, top: 12, bottom: 44 };
    const first = Page.metricMenu(data.metrics, "Across", 0);
    const second = Page.metricMenu(data.metrics, "Up", Scatter.second(data.metrics));
    [this.across, this.up] = [first, second].map((menu) => menu.querySelector("select"));
    this.field = Page.make("div", { className: "scatter-field" });
    this.says = Page.make("output", { className: "says", attrs: { "aria-live": "polite" } });
    const legend = Page.make("div", { className: "legend" });
    place.append(Page.make("div", { className: "bar" }, first, second), this.field, this.says, legend);
    this.svg = Chart.node("svg", { tabindex: 0, role: "group" });
    this.field.append(this.svg);
    this.legend = new Legend(legend, data.methods, () => this.draw(), (method) => Scatter.icon(method));
    this.width = Chart.fitting(this.field);
    for (const select of [this.across, this.up]) select.addEventListener("change", () => this.draw());
    new ResizeObserver(() => {
      if (Chart.fitting(this.field) === this.width) return;
      this.width = Chart.fitting(this.field);
      this.draw();
    }).observe(this.field);
    this.svg.addEventListener("pointermove", (event) => this.choose(this.nearest(event)));
    this.svg.addEventListener("pointerleave", () => this.choose(-1));
    this.svg.addEventListener("click", (event) => this.open(this.nearest(event)));
    this.svg.addEventListener("keydown", (event) => this.key(event));
    this.draw();
  }

  /** The metric that goes up at first: identity, else the second. */
  static second(metrics) {
    const found = metrics.findIndex((m, i) => i > 0 && m.identity);
    return found > 0 ? found : Math.min(1, metrics.length - 1);
  }

  /** A method's marker, as figures have it, around (0, 0). */
  static shape(marker, r) {
    const ring = (count, turn, radius) =>
      Array.from({ length: count }, (_, i) => {
        const angle = turn + (2 * Math.PI * i) / count;
        const size = Array.isArray(radius) ? radius[i % radius.length] : radius;
        return [size * Math.sin(angle), -size * Math.cos(angle)];
      });
    const cross = (turn) => {
      const [a, b] = [r / 3, r];
      const arms = [[-a, -b], [a, -b], [a, -a], [b, -a], [b, a], [a, a], [a, b], [-a, b], [-a, a], [-b, a], [-b, -a], [-a, -a]];
      const [s, c] = [Math.sin(turn), Math.cos(turn)];
      return arms.map(([x, y]) => [x * c - y * s, x * s + y * c]);
    };
    const corners = {
      s: () => ring(4, Math.PI / 4, r * 1.2),
      D: () => ring(4, 0, r * 1.2),
      "^": () => ring(3, 0, r * 1.2),
      v: () => ring(3, Math.PI, r * 1.2),
      "<": () => ring(3, -Math.PI / 2, r * 1.2),
      ">": () => ring(3, Math.PI / 2, r * 1.2),
      h: () => ring(6, 0, r * 1.1),
      p: () => ring(5, 0, r * 1.1),
      "*": () => ring(10, 0, [r * 1.4, r * 0.55]),
      P: () => cross(0),
      X: () => cross(Math.PI / 4),
    }[marker];
    if (!corners) {
      const size = marker === "." ? r * 0.7 : r;
      return `M${-size},0a${size},${size} 0 1,0 ${2 * size},0a${size},${size} 0 1,0 ${-2 * size},0z`;
    }
    return `M${corners().map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join("L")}z`;
  }

  static icon(method) {
    const path = Chart.node("path", { d: Scatter.shape(method.marker, 5), class: "point", style: `--hue: ${method.colour}` });
    return Chart.node("svg", { viewBox: "-8 -8 16 16", width: 15, height: 15, "aria-hidden": "true" }, path);
  }

  get metrics() {
    return [this.across, this.up].map((select) => this.data.metrics[select.selectedIndex]);
  }

  /** Every clip and method that have both values; reference rows do not stretch the scale. */
  points() {
    const [x, y] = this.metrics;
    return this.data.methods.flatMap((method) =>
      this.data.clips.map((clip, i) => ({
        method,
        clip,
        x: this.data.values[x.id][method.id][i],
        y: this.data.values[y.id][method.id][i],
      })),
    ).filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y));
  }

  scale(values, from, to) {
    const [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
    const pad = (high - low) * 0.06 || 0.5;
    const range = [low - pad, high + pad];
    return Object.assign((v) => from + ((v - range[0]) / (range[1] - range[0])) * (to - from), { range });
  }

  draw() {
    const [mx, my] = this.metrics;
    const { left, right, top, bottom } = this.edge;
    const every = this.points();
    const rivals = every.filter((p) => !p.method.reference);
    const own = rivals.length ? rivals : every;
    this.x = this.scale(own.map((p) => p.x), left, this.width - right);
    this.y = this.scale(own.map((p) => p.y), this.height - bottom, top);
    const inside = (v, [low, high]) => v >= low && v <= high;
    const near = (p) => inside(p.x, this.x.range) && inside(p.y, this.y.range);
    for (const method of this.data.methods) {
      const mine = every.filter((p) => p.method === method);
      this.legend.markBeyond(method.id, mine.length > 0 && !mine.some(near));
    }
    this.shown = every.filter((p) => near(p) && this.legend.shows(p.method.id));
    this.shown.sort((a, b) => a.x - b.x || a.y - b.y);
    const order = { muted: 0, plain: 1, strong: 2 };
    this.shapes = this.shown.map((p) => this.shape(p));
    const layered = this.shapes.map((shape, i) => [order[this.shown[i].method.weight] || 0, shape]);
    layered.sort(([a], [b]) => a - b);
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    const what = `${mx.title} against ${my.title}, ${this.shown.length} points; arrow keys go from point to point`;
    this.svg.setAttribute("aria-label", what);
    this.ring = Chart.node("circle", { r: 11, class: "ring", visibility: "hidden" });
    this.svg.replaceChildren(...this.axes(mx, my), ...layered.map(([, shape]) => shape), this.ring);
    this.choose(-1);
  }

  shape({ method, clip, x, y }) {
    const classes = ["point", this.legend.isFaint(method.id) ? "faint" : method.weight];
    const made = Chart.node("path", {
      d: Scatter.shape(method.marker, method.weight === "strong" ? 6.5 : 4.6),
      transform: `translate(${this.x(x).toFixed(1)},${this.y(y).toFixed(1)})`,
      class: classes.join(" "),
      style: `--hue: ${method.colour}`,
    });
    Object.assign(made.dataset, { method: method.id, clip: clip.name });
    return made;
  }

  axes(mx, my) {
    const parts = [];
    const { left, right, top, bottom } = this.edge;
    const [floor, wall] = [this.height - bottom, this.width - right];
    const text = (value, attributes, name = "tick") => {
      const label = Chart.node("text", { class: name, ...attributes });
      label.textContent = value;
      parts.push(label);
    };
    for (const value of Chart.ticks(...this.x.range, this.width / 110)) {
      const at = this.x(value);
      parts.push(Chart.node("line", { class: "grid", x1: at, x2: at, y1: top, y2: floor }));
      text(Chart.label(value, this.x.range, this.width / 110, mx.digits), { x: at, y: floor + 16, "text-anchor": "middle" });
    }
    for (const value of Chart.ticks(...this.y.range, 5)) {
      const at = this.y(value);
      parts.push(Chart.node("line", { class: "grid", x1: left, x2: wall, y1: at, y2: at }));
      text(Chart.label(value, this.y.range, 5, my.digits), { x: left - 6, y: at + 4, "text-anchor": "end" });
    }
    const middle = (top + floor) / 2;
    text(mx.title, { x: (left + wall) / 2, y: this.height - 6, "text-anchor": "middle" }, "axis");
    text(my.title, { transform: `translate(13,${middle}) rotate(-90)`, "text-anchor": "middle" }, "axis");
    return parts;
  }

  /** The point next to the pointer, -1 if none is near. */
  nearest(event) {
    const box = this.svg.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top].map((v) => (v * this.width) / box.width);
    let best = -1;
    let least = 18 ** 2;
    this.shown.forEach((p, i) => {
      const far = (this.x(p.x) - px) ** 2 + (this.y(p.y) - py) ** 2;
      if (far < least) [best, least] = [i, far];
    });
    return best;
  }

  choose(at) {
    this.at = at;
    const point = this.shown[at];
    this.ring.setAttribute("visibility", point ? "visible" : "hidden");
    this.svg.style.cursor = point && point.clip.href ? "pointer" : "";
    if (!point) {
      this.says.replaceChildren("Point at a mark, or use the arrow keys: it is named here.");
      return;
    }
    this.ring.setAttribute("cx", this.x(point.x));
    this.ring.setAttribute("cy", this.y(point.y));
    const [mx, my] = this.metrics;
    const values = `${mx.title} ${Page.number(point.x, mx.digits)}, ${my.title} ${Page.number(point.y, my.digits)}`;
    this.says.replaceChildren(Page.make("b", {}, `${point.method.title}, ${point.clip.name}`), `: ${values}`);
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    const last = this.shown.length - 1;
    if (last < 0 || event.altKey || event.ctrlKey) return;
    if (step) this.choose(this.at < 0 ? (step > 0 ? 0 : last) : Math.max(0, Math.min(last, this.at + step)));
    else if (event.key === "Home") this.choose(0);
    else if (event.key === "End") this.choose(last);
    else if (event.key === "Escape") this.choose(-1);
    else if (event.key === "Enter") this.open(this.at);
    else return;
    event.preventDefault();
  }

  /** To the point's clip, if it has a page. */
  open(at) {
    const point = this.shown[at];
    if (!point || !point.clip.href) return;
    const asked = new URLSearchParams({ method: point.method.id, metric: this.metrics[1].id });
    location.href = `${point.clip.href}#${asked}`;
  }
}
