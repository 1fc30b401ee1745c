/** The time slider: the instants of what is shown, step by step or played. */

import { h, icon, redraw } from "../dom";
import { keyOf } from "../model";
import type { Page } from "../page";
import { t, time } from "../text";

const FRAME_MS = 1200;
const PATIENCE_FRAMES = 5;

/** The instants of the series on the globe, else of every series; sorted, each once. */
export function instants(page: Page): string[] {
  const { state } = page;
  const series = state.get("layers").filter((layer) => layer.series !== null && (layer.start ?? layer.datetime) !== null);
  const shown = series.filter((layer) => state.get("shown").has(keyOf(layer)));
  const of = (layers: typeof series): string[] => [...new Set(layers.map((layer) => new Date(layer.start ?? layer.datetime ?? "").toISOString()))].sort();
  const seen = of(shown);
  return seen.length > 1 ? seen : of(series);
}

/** The bar under the globe. */
export function timeBar(page: Page): HTMLElement {
  const { state } = page;
  const bar = h("section", { class: "timebar" });
  let timer = 0;
  let waited = 0;

  const index = (known: readonly string[]): number => {
    const at = state.get("time");
    if (at === null) return known.length - 1;
    let found = 0;
    known.forEach((instant, i) => {
      if (instant <= at) found = i;
    });
    return found;
  };
  const go = (known: readonly string[], to: number): void => state.set({ time: known[Math.min(Math.max(to, 0), known.length - 1)] ?? null });
  const tick = (): void => {
    const earth = page.earth();
    if (earth && !earth.isIdle() && (waited += 1) < PATIENCE_FRAMES) return;
    waited = 0;
    const known = instants(page);
    const now = index(known);
    if (now >= known.length - 1) state.set({ playing: false });
    else go(known, now + 1);
  };
  const play = (): void => {
    const known = instants(page);
    const playing = !state.get("playing");
    if (playing && index(known) >= known.length - 1) go(known, 0);
    state.set({ playing });
  };
  const pace = (): void => {
    window.clearInterval(timer);
    if (state.get("playing")) timer = window.setInterval(tick, FRAME_MS);
  };
  const button = (name: "back" | "play" | "pause" | "on", focus: string, act: () => void): HTMLElement =>
    h("button", { class: "plain square", "aria-label": t(`time.${name}`), title: t(`time.${name}`), "data-focus": focus, onclick: act }, icon(name));

  const draw = (): void => {
    const known = instants(page);
    bar.setAttribute("aria-label", t("time.title"));
    bar.hidden = state.get("layers").length === 0;
    if (known.length < 2) {
      redraw(bar, h("p", { class: "hint" }, t("time.none")));
      return;
    }
    const now = index(known);
    const slider = h("input", {
      type: "range", min: 0, max: known.length - 1, step: 1, value: now, "aria-label": t("time.title"), "aria-valuetext": time(known[now]),
      "data-focus": "slider", oninput: () => go(known, Number(slider.value)),
    });
    const choice = h(
      "select",
      { "aria-label": t("time.list"), "data-focus": "instants", onchange: () => go(known, Number(choice.value)) },
      ...known.map((instant, i) => h("option", { value: i }, time(instant))),
    );
    choice.value = String(now);
    const ticks = h("div", { class: "instants", "aria-hidden": "true" }, ...marks(known));
    redraw(
      bar,
      button("back", "back", () => go(known, now - 1)),
      button(state.get("playing") ? "pause" : "play", "play", play),
      button("on", "on", () => go(known, now + 1)),
      h("div", { class: "track" }, slider, ticks),
      choice,
    );
  };
  const move = (): void => {
    const slider = bar.querySelector<HTMLInputElement>("input[type=range]");
    const choice = bar.querySelector("select");
    const known = instants(page);
    if (!slider || !choice) return;
    const now = index(known);
    slider.value = String(now);
    slider.setAttribute("aria-valuetext", time(known[now]));
    choice.value = String(now);
  };
  state.on(["layers", "shown", "language", "playing"], draw);
  state.on(["playing"], pace);
  state.on(["time"], move);
  draw();
  return bar;
}

function marks(known: readonly string[]): HTMLElement[] {
  const last = Math.max(known.length - 1, 1);
  return known.map((_, i) => h("i", { at: { left: `${(i / last) * 100}%` } }));
}
