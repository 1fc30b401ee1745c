/** Before and after, side by side: two choices and a divider that mouse, finger and keys move. */

import { h, icon, redraw } from "../dom";
import { instant, type Layer } from "../model";
import type { Page } from "../page";
import { say, t, time } from "../text";

/** The pair to begin with: of the first shown series its earliest and latest, else the two lowest layers. */
export function firstPair(page: Page): [string, string] | null {
  const { state } = page;
  const candidates = comparable(page);
  const shown = candidates.filter((layer) => state.isShown(layer));
  for (const layer of [...shown, ...candidates]) {
    if (layer.series === null) continue;
    const members = candidates.filter((other) => other.series === layer.series).sort((a, b) => (instant(a) ?? 0) - (instant(b) ?? 0));
    const [first, last] = [members[0], members[members.length - 1]];
    if (first && last && first !== last) return [first.id, last.id];
  }
  const [first, second] = [...shown, ...candidates.filter((layer) => !shown.includes(layer))];
  return first && second ? [first.id, second.id] : null;
}

function comparable(page: Page): Layer[] {
  return page.state.get("layers").filter((layer) => layer.tiles !== null);
}

/** The button that starts and ends the comparison. */
export function swipeButton(page: Page): HTMLElement {
  const { state } = page;
  const button = h("button", { class: "tool" });
  button.addEventListener("click", () => {
    const swipe = state.get("swipe");
    if (swipe.on) return state.set({ swipe: { ...swipe, on: false } });
    const pair = state.layer(swipe.before) && state.layer(swipe.after) ? null : firstPair(page);
    if (!swipe.before && !pair) return page.fail(t("swipe.none"));
    return state.set({ swipe: { ...swipe, on: true, before: pair?.[0] ?? swipe.before, after: pair?.[1] ?? swipe.after } });
  });
  const draw = (): void => {
    button.setAttribute("aria-pressed", String(state.get("swipe").on));
    button.title = t("swipe.title");
    button.setAttribute("aria-label", t("swipe.title"));
    button.replaceChildren(icon("compare"), t("swipe.short"));
  };
  state.on(["swipe", "language"], draw);
  draw();
  return button;
}

/** The divider over the globe and the choice of both sides. */
export function swipeOverlay(page: Page): HTMLElement {
  const { state } = page;
  const overlay = h("div", { class: "swipe" });
  const line = h("div", { class: "divider", "aria-hidden": "true" });

  const place = (): void => line.style.setProperty("left", `${state.get("swipe").position * 100}%`);
  const draw = (): void => {
    const swipe = state.get("swipe");
    overlay.hidden = !swipe.on;
    if (!swipe.on) return redraw(overlay);
    const handle = h("input", {
      type: "range", min: 0, max: 100, step: 1, value: Math.round(swipe.position * 100), class: "handle", "aria-label": t("swipe.handle"), "data-focus": "handle",
      oninput: () => {
        state.set({ swipe: { ...state.get("swipe"), position: Number(handle.value) / 100 } });
        place();
      },
    });
    place();
    return redraw(overlay, line, handle, choice(page, "before"), choice(page, "after"));
  };
  let drawn = "";
  const changed = (): void => {
    const { on, before, after } = state.get("swipe");
    const now = JSON.stringify([on, before, after]);
    if (now !== drawn) draw();
    drawn = now;
  };
  state.on(["swipe"], changed);
  state.on(["layers", "language"], draw);
  draw();
  return overlay;
}

function choice(page: Page, side: "before" | "after"): HTMLElement {
  const { state } = page;
  const groups = new Map<string, Layer[]>();
  for (const layer of comparable(page)) {
    const name = say(layer.group.title);
    groups.set(name, [...(groups.get(name) ?? []), layer]);
  }
  const option = (layer: Layer): HTMLElement =>
    h("option", { value: layer.id }, layer.datetime === null ? say(layer.title) : `${say(layer.title)} · ${time(layer.datetime)}`);
  const select = h(
    "select",
    { class: side, "aria-label": t(`swipe.${side}`), "data-focus": side, onchange: () => state.set({ swipe: { ...state.get("swipe"), [side]: select.value } }) },
    ...[...groups].map(([name, layers]) => h("optgroup", { label: name }, ...layers.map(option))),
  );
  select.value = state.get("swipe")[side] ?? "";
  return select;
}
