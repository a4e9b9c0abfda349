"use strict";
// Provenance: every job, filtered by what the address asks for; a row opens to all that is known of it.

(() => {
  function details(job) {
    const list = Page.make("dl", { className: "facts" });
    for (const [name, value] of job.facts) {
      list.append(Page.make("dt", {}, name), Page.make("dd", {}, value));
    }
    return list;
  }

  function row(job) {
    const made = Page.make("tr", {
      tabIndex: 0,
      attrs: { "aria-expanded": "false" },
      data: { method: job.method, split: job.split, clip: job.clip },
    });
    for (const text of [job.title, job.split, job.clip, job.status, job.key]) made.append(Page.make("td", {}, text));
    const open = () => {
      const below = made.nextElementSibling;
      if (below && below.classList.contains("details")) {
        below.remove();
        made.setAttribute("aria-expanded", "false");
        return;
      }
      const cell = Page.make("td", { colSpan: 5 }, details(job));
      made.after(Page.make("tr", { className: "details" }, cell));
      made.setAttribute("aria-expanded", "true");
    };
    made.addEventListener("click", open);
    made.addEventListener("keydown", (event) => event.key === "Enter" && open());
    return made;
  }

  document.addEventListener("DOMContentLoaded", () => {
    const jobs = Page.read(document.querySelector("#jobs-data"));
    const table = document.querySelector("#jobs");
    const body = Page.make("tbody");
    for (const job of jobs) body.append(row(job));
    table.append(body);
    table.addEventListener("sort-start", () => {
      for (const open of table.querySelectorAll("tr.details")) open.remove();
    });
    const asked = new URLSearchParams(location.hash.slice(1));
    const words = ["method", "split", "clip"].map((key) => asked.get(key)).filter(Boolean);
    if (!words.length) return;
    for (const one of table.tBodies[0].rows) {
      one.hidden = !["method", "split", "clip"].every((k) => !asked.get(k) || one.dataset[k] === asked.get(k));
    }
    const note = document.querySelector("#asked");
    note.append(`Shown: ${words.join(", ")}. `, Page.make("a", { href: "provenance.html" }, "Show all"));
    note.querySelector("a").addEventListener("click", () => setTimeout(() => location.reload()));
  });
})();
