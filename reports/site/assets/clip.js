"use strict";
// A clip's page: players in step, a wipe between any two, curves and slices that follow the frame.

(() => {
  let data;
  let player;
  let chart;
  let metric;
  const marks = []; // markers on the slices
  const captions = new Map(); // method -> where its value at this frame is written

  const track = (id) => data.tracks.find((t) => t.id === id);
  const playable = () => data.tracks.filter((t) => t.video);

  function wish() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const frame = Number.parseInt(asked.get("frame"), 10);
    return { method: asked.get("method"), metric: asked.get("metric"), frame: Number.isNaN(frame) ? 0 : frame };
  }

  // ---- the frame that is shown -------------------------------------------------------------------
  function onFrame(frame) {
    document.querySelector("#frame").value = frame;
    document.querySelector("#frame-number").textContent = `frame ${frame} (0 to ${data.frames - 1})`;
    chart.show(frame);
    const place = `${((frame + 0.5) / data.frames) * 100}%`;
    for (const mark of marks) mark.style.left = place;
    for (const [method, caption] of captions) {
      const values = data.values[metric.id][method];
      caption.textContent = values ? Page.number(values[frame], metric.digits) : "";
    }
  }

  function transport() {
    const slider = document.querySelector("#frame");
    slider.max = data.frames - 1;
    slider.addEventListener("input", () => player.show(Number(slider.value)));
    const button = document.querySelector("#play");
    const toggle = () => {
      player.toggle();
      button.textContent = player.playing ? "Pause" : "Play";
    };
    button.addEventListener("click", toggle);
    document.querySelector("#speed").addEventListener("change", (e) => player.speed(Number(e.target.value)));
    document.addEventListener("keydown", (event) => {
      if (event.target.closest("input, select, button, a, [role=slider]") || event.altKey || event.ctrlKey) return;
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) player.show(player.frame + step);
      else if (event.key === " ") toggle();
      else return;
      event.preventDefault();
    });
  }

  // ---- wipe between two ----------------------------------------------------------------------------
  function wipe(asked) {
    const place = document.querySelector("#wipe");
    const [left, right] = [document.querySelector("#left"), document.querySelector("#right")];
    for (const select of [left, right]) {
      for (const t of playable()) select.append(Page.make("option", { value: t.id }, t.title));
    }
    const rivals = playable().filter((t) => !t.reference);
    right.value = (rivals.find((t) => t.id === asked) || rivals[0] || playable()[0]).id;
    const others = playable().filter((t) => t.id !== right.value);
    left.value = (others.find((t) => t.id === "_truth") || others[0] || playable()[0]).id;
    const fill = () => {
      for (const [side, select] of [["under", left], ["over", right]]) {
        const t = track(select.value);
        const video = player.video(t.video, t.poster, t.title);
        video.classList.toggle("small", Boolean(t.small));
        place.querySelector(`.${side}`).replaceChildren(video);
        player.load(video);
      }
      place.querySelector(".name.l").textContent = track(left.value).title;
      place.querySelector(".name.r").textContent = track(right.value).title;
    };
    // a clip is never shown against itself: the other side takes the next one
    const differ = (changed, other) => {
      if (changed.value === other.value && other.options.length > 1) {
        other.selectedIndex = (other.selectedIndex + 1) % other.options.length;
      }
      fill();
    };
    left.addEventListener("change", () => differ(left, right));
    right.addEventListener("change", () => differ(right, left));
    document.querySelector("#swap").addEventListener("click", () => {
      [left.value, right.value] = [right.value, left.value];
      fill();
    });
    const bar = place.querySelector(".handle");
    const move = (part) => {
      const at = Math.max(0, Math.min(1, part));
      place.style.setProperty("--at", `${at * 100}%`);
      bar.setAttribute("aria-valuenow", Math.round(at * 100));
    };
    const drag = (event) => {
      const box = place.getBoundingClientRect();
      move((event.clientX - box.left) / box.width);
    };
    place.addEventListener("pointerdown", (event) => {
      place.setPointerCapture(event.pointerId);
      drag(event);
      event.preventDefault();
    });
    place.addEventListener("pointermove", (event) => place.hasPointerCapture(event.pointerId) && drag(event));
    bar.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.05, ArrowRight: 0.05 }[event.key];
      if (step) move(Number(bar.getAttribute("aria-valuenow")) / 100 + step);
    });
    move(0.5);
    fill();
  }

  // ---- all of them -------------------------------------------------------------------------------
  function wall() {
    const place = document.querySelector("#wall");
    for (const t of playable()) {
      const value = Page.make("output", { className: "value" });
      captions.set(t.id, value);
      const video = player.video(t.video, t.poster, t.title);
      video.classList.toggle("small", Boolean(t.small));
      const name = Page.make("span", { className: "swatch", style: { "--hue": t.colour } }, t.title);
      place.append(Page.make("figure", {}, video, Page.make("figcaption", {}, name, value)));
    }
  }

  // ---- curves ------------------------------------------------------------------------------------
  function curves(asked) {
    const select = document.querySelector("#metric");
    for (const m of data.metrics) select.append(Page.make("option", { value: m.id }, m.title));
    if (data.metrics.some((m) => m.id === asked)) select.value = asked;
    const measured = data.tracks.filter((one) => data.metrics.some((m) => data.values[m.id][one.id]));
    const draw = () => {
      metric = data.metrics[select.selectedIndex];
      const shown = measured.filter((t) => data.values[metric.id][t.id] && legend.shows(t.id));
      const lines = shown.map((t) => ({
        ...t,
        values: data.values[metric.id][t.id],
        faint: legend.isFaint(t.id),
      }));
      chart.draw(lines, metric.digits, metric.threshold);
      for (const line of lines) legend.markBeyond(line.id, chart.beyond(line));
      onFrame(player.frame);
    };
    const legend = new Legend(document.querySelector("#legend"), measured, draw, Chart.icon);
    select.addEventListener("change", draw);
    draw();
  }

  // ---- slices --------------------------------------------------------------------------------------
  function slices() {
    const place = document.querySelector("#slices");
    for (const t of data.tracks.filter((one) => one.strip)) {
      const mark = Page.make("i");
      marks.push(mark);
      const strip = Page.make("img", { src: t.strip, alt: `Column over time, ${t.title}`, loading: "lazy" });
      const field = Page.make("div", { className: "strip" }, strip, mark);
      field.addEventListener("pointerdown", (event) => {
        const box = field.getBoundingClientRect();
        player.show(Math.floor(((event.clientX - box.left) / box.width) * data.frames));
      });
      place.append(Page.make("div", { className: "slice" }, Page.make("span", {}, t.title), field));
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    data = Page.read(document.querySelector("#clip-data"));
    const asked = wish();
    player = new Player(data.frames, data.fps, onFrame);
    chart = new Chart(document.querySelector("#chart"), data.frames, (frame) => player.show(frame));
    if (playable().length) {
      wipe(asked.method);
      wall();
    }
    slices();
    transport();
    curves(asked.metric);
    player.show(asked.frame);
    window.addEventListener("hashchange", () => player.show(wish().frame));
  });
})();
