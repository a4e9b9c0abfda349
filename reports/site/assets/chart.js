"use strict";
// Curves over time as SVG: one line a method, a marker at the frame that is shown.

class Chart {
  /** `onFrame(frame)` hears where the reader points. */
  constructor(place, frames, onFrame) {
    this.frames = frames;
    this.width = Chart.fitting(place);
    this.height = 260;
    this.edge = { left: 58, right: 12, top: 12, bottom: 30 };
    this.svg = Chart.node("svg", {
      viewBox: `0 0 ${this.width} ${this.height}`,
      role: "img",
      "aria-label": "Values over time",
    });
    place.append(this.svg);
    new ResizeObserver(() => {
      if (this.lines && Chart.fitting(place) !== this.width) {
        this.width = Chart.fitting(place);
        this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
        this.draw(this.lines, this.digits, this.threshold);
      }
    }).observe(place);
    const point = (event) => {
      const box = this.svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * this.width;
      onFrame(Math.round(((x - this.edge.left) / this.plotWidth) * (this.frames - 1)));
    };
    this.svg.addEventListener("pointerdown", (event) => {
      this.svg.setPointerCapture(event.pointerId);
      point(event);
    });
    this.svg.addEventListener("pointermove", (event) => {
      if (event.buttons || event.pointerType === "mouse") point(event);
    });
  }

  /** One unit is one pixel, so that text stays readable on a narrow screen. */
  static fitting(place) {
    return Math.max(300, Math.min(1200, Math.round(place.clientWidth)));
  }

  static node(tag, attributes, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  get plotWidth() {
    return this.width - this.edge.left - this.edge.right;
  }

  get plotHeight() {
    return this.height - this.edge.top - this.edge.bottom;
  }

  x(frame) {
    return this.edge.left + (frame / Math.max(1, this.frames - 1)) * this.plotWidth;
  }

  y(value) {
    const [low, high] = this.range;
    return this.edge.top + (1 - (value - low) / (high - low)) * this.plotHeight;
  }

  /** Draw `lines`: {values, colour, dash, reference, title, faint}. Reference rows do not stretch the scale.
   *  `threshold` {value, beyond}: a line across, if the metric has one. */
  draw(lines, digits, threshold) {
    Object.assign(this, { lines, digits, threshold });
    const rivals = lines.filter((line) => !line.reference);
    const known = (rivals.length ? rivals : lines).flatMap((l) => l.values).filter(Number.isFinite);
    let low = known.length ? Math.min(...known) : 0;
    let high = known.length ? Math.max(...known) : 1;
    if (threshold) [low, high] = [Math.min(low, threshold.value), Math.max(high, threshold.value)];
    const pad = (high - low) * 0.08 || 0.5;
    this.range = [low - pad, high + pad];
    const clip = Chart.node(
      "clipPath",
      { id: "plot" },
      Chart.node("rect", {
        x: this.edge.left,
        y: this.edge.top - 2,
        width: this.plotWidth,
        height: this.plotHeight + 4,
      }),
    );
    const curves = Chart.node("g", { "clip-path": "url(#plot)" });
    if (threshold) curves.append(...this.across(threshold));
    const order = { strong: 1 }; // what stands out lies on top
    const layered = [...lines].sort((a, b) => (order[a.weight] || 0) - (order[b.weight] || 0));
    for (const line of layered) curves.append(...this.line(line));
    this.marker = Chart.node("line", { class: "marker", y1: this.edge.top, y2: this.height - this.edge.bottom });
    this.svg.replaceChildren(clip, ...this.axes(digits), curves, this.marker);
    this.show(this.frame || 0);
  }

  /** The threshold's line, and what lies beyond it. */
  across({ value, beyond }) {
    const right = this.width - this.edge.right;
    const [x1, x2, y] = [this.edge.left, right, this.y(value)];
    const label = Chart.node("text", { class: "threshold", x: right - 4, y: y - 4, "text-anchor": "end" });
    label.textContent = beyond;
    return [Chart.node("line", { class: "threshold", x1, x2, y1: y, y2: y }), label];
  }

  /** A line in pieces: it breaks where a frame has no value. */
  line({ values, colour, dash, title, faint, weight }) {
    const pieces = [];
    let piece = [];
    values.forEach((value, frame) => {
      if (Number.isFinite(value)) {
        piece.push(`${this.x(frame).toFixed(1)},${this.y(value).toFixed(1)}`);
      } else if (piece.length) {
        pieces.push(piece);
        piece = [];
      }
    });
    if (piece.length) pieces.push(piece);
    return pieces.map((points) => {
      const made = Chart.node("polyline", {
        points: points.join(" "),
        fill: "none",
        style: `--hue: ${colour}`,
        "stroke-width": weight === "strong" ? 3.2 : 1.8,
        "stroke-dasharray": dash.map((d) => d * 1.8).join(" "),
        class: faint ? "faint" : weight || "",
      });
      const name = Chart.node("title", {});
      name.textContent = title;
      made.append(name);
      return made;
    });
  }

  /** A piece of a method's line, for a legend. */
  static icon({ colour, dash, weight }) {
    const stroke = Chart.node("line", {
      x1: 0, x2: 30, y1: 6, y2: 6,
      style: `--hue: ${colour}`,
      "stroke-width": weight === "strong" ? 3.6 : 2.2,
      "stroke-dasharray": dash.map((d) => d * 1.8).join(" "),
    });
    return Chart.node("svg", { viewBox: "0 0 30 12", width: 30, height: 12, "aria-hidden": "true" }, stroke);
  }

  /** Whether no value of a line lies within the scale. */
  beyond(line) {
    const [low, high] = this.range;
    return !line.values.some((v) => Number.isFinite(v) && v >= low && v <= high);
  }

  axes(digits) {
    const parts = [];
    for (const value of Chart.ticks(...this.range, 5)) {
      const y = this.y(value);
      parts.push(Chart.node("line", { class: "grid", x1: this.edge.left, x2: this.width - this.edge.right, y1: y, y2: y }));
      const label = Chart.node("text", { class: "tick", x: this.edge.left - 6, y: y + 4, "text-anchor": "end" });
      label.textContent = Chart.label(value, this.range, 5, digits);
      parts.push(label);
    }
    for (const frame of Chart.ticks(0, this.frames - 1, this.width / 90).filter(Number.isInteger)) {
      const label = Chart.node("text", { class: "tick", x: this.x(frame), y: this.height - 8, "text-anchor": "middle" });
      label.textContent = String(frame);
      parts.push(label);
    }
    return parts;
  }

  /** A tick's text, with no more digits than `count` ticks of the range need. */
  static label(value, range, count, digits) {
    const levels = Chart.ticks(...range, count);
    const step = levels.length > 1 ? levels[1] - levels[0] : 1;
    const needed = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
    return Page.number(value, Math.min(Math.max(digits, 1), needed));
  }

  /** Round values between low and high, about `count` of them. */
  static ticks(low, high, count) {
    if (!(high > low)) return [low];
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
    const found = [];
    for (let i = Math.ceil(low / step); i * step <= high * (1 + 1e-9); i += 1) found.push(i * step);
    return found;
  }

  /** Move the marker to a frame. */
  show(frame) {
    this.frame = frame;
    if (!this.marker) return;
    const x = this.x(frame);
    this.marker.setAttribute("x1", x);
    this.marker.setAttribute("x2", x);
    this.marker.dataset.frame = frame;
  }
}
