"use strict";
// The home page: rows of all boards are filtered at once; what is chosen stands in the address, to be shared.

(() => {
  const MENUS = ["division", "year", "licence", "verdict", "lab"];

  document.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector("#filters");
    const count = form.querySelector("output");
    const boards = [...document.querySelectorAll("section.on-board")];
    const rows = boards.map((board) => [...board.querySelectorAll("tbody.method tr")]);

    function chosen() {
      const found = {};
      for (const name of MENUS) if (form.elements[name].value) found[name] = form.elements[name].value;
      return found;
    }

    function show() {
      const menus = Object.entries(chosen());
      const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
      const narrowed = menus.length > 0 || words.length > 0;
      let shown = 0;
      let all = 0;
      boards.forEach((board, i) => {
        let here = 0;
        for (const row of rows[i]) {
          const name = row.cells[0].textContent.toLowerCase();
          row.hidden = !menus.every(([key, value]) => row.dataset[key] === value) || !words.every((w) => name.includes(w));
          here += row.hidden ? 0 : 1;
        }
        board.hidden = narrowed && here === 0;
        shown += here;
        all += rows[i].length;
      });
      document.body.classList.toggle("without-papers", !form.elements.papers.checked);
      count.textContent = narrowed ? `${shown} of ${all} rows` : `${all} rows`;
    }

    function remember() {
      const asked = new URLSearchParams(chosen());
      if (form.elements.words.value) asked.set("words", form.elements.words.value);
      const text = asked.toString();
      history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
      show();
    }

    const asked = new URLSearchParams(location.hash.slice(1));
    for (const name of [...MENUS, "words"]) if (asked.has(name)) form.elements[name].value = asked.get(name);
    form.addEventListener("input", remember);
    form.addEventListener("reset", () => setTimeout(remember));
    form.addEventListener("submit", (event) => event.preventDefault());
    show();
  });
})();
