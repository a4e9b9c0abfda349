"use strict";
// Videos that always show the same frame. One clock; the videos follow it.

class Player {
  /** `onFrame(frame)` is told whenever another frame is shown. */
  constructor(frames, fps, onFrame) {
    Object.assign(this, { frames, fps, onFrame, frame: 0, rate: 1, playing: false, videos: new Set() });
    this.lazy = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) this.load(entry.target);
    }, { rootMargin: "100px" });
  }

  /** A video element for `source`, fetched when it comes into view. */
  video(source, poster, title) {
    const made = Page.make("video", {
      muted: true,
      playsInline: true,
      preload: "none",
      poster: poster || "",
      title,
      data: { source },
      attrs: { "aria-label": title },
    });
    this.lazy.observe(made);
    return made;
  }

  load(video) {
    this.lazy.unobserve(video);
    if (video.dataset.loaded) return;
    video.dataset.loaded = "yes";
    video.preload = "auto";
    video.src = video.dataset.source;
    video.addEventListener("loadeddata", () => {
      this.videos.add(video);
      this.seek(video);
      if (this.playing) this.start(video);
    }, { once: true });
  }

  /** The middle of the frame's time: neither neighbour can be meant. */
  time(frame) {
    return (frame + 0.5) / this.fps;
  }

  seek(video) {
    video.currentTime = this.time(this.frame);
  }

  start(video) {
    video.playbackRate = this.rate;
    video.play().catch(() => {}); // a video that went out of the page meanwhile
  }

  show(frame) {
    const next = Math.max(0, Math.min(this.frames - 1, frame));
    const moved = next !== this.frame;
    this.frame = next;
    if (this.playing) this.restart();
    else for (const video of this.live()) this.seek(video);
    if (moved) this.onFrame(next);
  }

  /** Videos that are still on the page. */
  live() {
    for (const video of this.videos) if (!video.isConnected) this.videos.delete(video);
    return this.videos;
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    this.playing = true;
    if (this.frame >= this.frames - 1) this.frame = 0;
    this.restart();
    const turn = () => {
      if (!this.playing) return;
      this.tick();
      requestAnimationFrame(turn);
    };
    requestAnimationFrame(turn);
  }

  restart() {
    this.base = performance.now();
    this.from = this.frame;
    for (const video of this.live()) {
      this.seek(video);
      this.start(video);
    }
  }

  tick() {
    const passed = ((performance.now() - this.base) / 1000) * this.fps * this.rate;
    const frame = Math.floor(this.from + passed);
    if (frame >= this.frames) {
      this.frame = 0;
      this.restart();
    } else if (frame !== this.frame) {
      this.frame = frame;
      this.onFrame(frame);
      for (const video of this.live()) {
        if (Math.abs(video.currentTime - this.time(frame)) > 2.5 / this.fps) this.seek(video);
      }
    }
  }

  pause() {
    this.playing = false;
    for (const video of this.live()) {
      video.pause();
      this.seek(video);
    }
    this.onFrame(this.frame);
  }

  speed(rate) {
    this.rate = rate;
    if (this.playing) this.restart();
  }
}
