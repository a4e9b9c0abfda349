"use strict";
// A legend whose entries are switched on and off, and isolated as long as the pointer or the focus is on them.

class Legend {
  /** `entries`: {id, title, colour}; `onChange()` hears of every switch. `icon(entry)` draws a sign before the name. */
  constructor(place, entries, onChange, icon) {
    this.hidden = new Set();
    this.alone = null; // the only entry that is not faint
    this.names = new Map();
    this.boxes = new Map();
    this.onChange = onChange;
    for (const entry of entries) place.append(this.entry(entry, icon));
    const both = Page.make("span", {});
    both.className = "all-or-none";
    for (const [text, on] of [["All", true], ["None", false]]) {
      const button = Page.make("button", { type: "button" }, text);
      button.addEventListener("click", () => this.all(on));
      both.append(button);
    }
    place.append(both);
  }

  entry(entry, icon) {
    const box = Page.make("input", { type: "checkbox", checked: true });
    box.addEventListener("change", () => {
      if (box.checked) this.hidden.delete(entry.id);
      else this.hidden.add(entry.id);
      this.onChange();
    });
    const name = Page.make("span", { style: { "--hue": entry.colour } }, entry.title);
    name.className = icon ? "named" : "swatch";
    if (icon) name.prepend(icon(entry));
    if (entry.weight === "strong") name.classList.add("strong");
    this.names.set(entry.id, name);
    this.boxes.set(entry.id, box);
    const label = Page.make("label", {}, box, name);
    label.addEventListener("pointerenter", () => this.isolate(entry.id));
    label.addEventListener("pointerleave", () => this.isolate(null));
    box.addEventListener("focus", () => this.isolate(entry.id));
    box.addEventListener("blur", () => this.isolate(null));
    return label;
  }

  isolate(id) {
    this.alone = id === null || this.hidden.has(id) ? null : id;
    for (const [other, name] of this.names) name.classList.toggle("alone", other === this.alone);
    this.onChange();
  }

  all(on) {
    for (const [id, box] of this.boxes) {
      box.checked = on;
      if (on) this.hidden.delete(id);
      else this.hidden.add(id);
    }
    this.onChange();
  }

  shows(id) {
    return !this.hidden.has(id);
  }

  /** Whether an entry steps back, as another one is isolated. */
  isFaint(id) {
    return this.alone !== null && id !== this.alone;
  }

  /** Say of an entry that it lies beyond the scale. */
  markBeyond(id, is) {
    this.names.get(id).classList.toggle("beyond", is);
  }
}
