/** The area of interest: drawn on the globe or typed, and what the layers say about it. */

import * as api from "../api";
import { h, redraw, unique } from "../dom";
import { measured, type Area, type AreaStatistics, type Bbox, type Layer } from "../model";
import type { Page } from "../page";
import { number, quantity, say, t } from "../text";

const SIDES = ["west", "south", "east", "north"] as const;
const BOUNDS = [180, 90, 180, 90] as const;
const SQUARE_KM = 1e6;

/** A rectangle as an area. */
export function rectangle(bbox: Bbox): Area {
  const [west, south, east, north] = bbox;
  return { bbox, ring: [[west, south], [east, south], [east, north], [west, north]] };
}

/** The fields of the area; every one on the page shows the same area. */
export function areaFields(page: Page): HTMLElement {
  const { state } = page;
  const fieldset = h("fieldset", { class: "area" });
  const statistics = h("div", { class: "statistics" });

  const draw = (): void => {
    const area = state.get("area");
    const drawing = state.get("drawing");
    const inputs = SIDES.map((side, i) => sideInput(side, i, area, () => typed(page, fieldset)));
    const kinds = (["rectangle", "polygon"] as const).map((kind) =>
      h("button", { type: "button", "data-focus": kind, "aria-pressed": String(drawing === kind), disabled: !page.earth(), onclick: () => void begin(page, kind) }, t(`area.${kind}`)),
    );
    const bbox = state.get("catalogue")?.bbox;
    redraw(
      fieldset,
      h("legend", {}, t("area.title")),
      h("div", { class: "row" }, ...kinds),
      drawing ? h("p", { class: "hint drawing" }, t(drawing === "polygon" ? "area.drawPolygon" : "area.drawRectangle")) : null,
      drawing ? h("button", { type: "button", class: "quiet", "data-focus": "stop", onclick: () => page.earth()?.cancelDrawing() }, t("area.cancel")) : null,
      h("div", { class: "sides" }, ...inputs),
      h(
        "div",
        { class: "row" },
        bbox ? h("button", { type: "button", class: "quiet", "data-focus": "all", onclick: () => state.set({ area: rectangle(bbox) }) }, t("area.all")) : null,
        area ? h("button", { type: "button", class: "quiet", "data-focus": "clear", onclick: () => state.set({ area: null }) }, t("area.clear")) : null,
        area ? h("button", { type: "button", class: "quiet", "data-focus": "statistics", onclick: () => void count(page, area, statistics) }, t("area.statistics")) : null,
      ),
      statistics,
    );
  };
  state.on(["area"], () => statistics.replaceChildren());
  state.on(["area", "drawing", "language", "catalogue"], draw);
  draw();
  return fieldset;
}

function sideInput(side: (typeof SIDES)[number], i: number, area: Area | null, act: () => void): HTMLElement {
  const id = unique(side);
  const bound = BOUNDS[i] ?? 180;
  const value = area ? String(Number((area.bbox[i] ?? 0).toFixed(5))) : "";
  const input = h("input", { id, type: "number", min: -bound, max: bound, step: "any", value, "data-side": side, "data-focus": side, onchange: act });
  return h("div", {}, h("label", { for: id }, t(`area.${side}`)), input);
}

/** Take the typed sides as the area once all four are there and in order. */
function typed(page: Page, fieldset: HTMLElement): void {
  const inputs = SIDES.map((side) => fieldset.querySelector<HTMLInputElement>(`[data-side=${side}]`));
  if (inputs.some((input) => !input || input.value === "" || !input.checkValidity())) return;
  const [west, south, east, north] = inputs.map((input) => Number(input?.value)) as [number, number, number, number];
  if (west >= east || south >= north) return page.fail(t("area.bad"));
  page.state.set({ area: rectangle([west, south, east, north]) });
}

async function begin(page: Page, kind: "rectangle" | "polygon"): Promise<void> {
  const earth = page.earth();
  if (!earth) return;
  if (page.state.get("drawing")) earth.cancelDrawing();
  page.state.set({ drawing: kind });
  page.announce(t(kind === "polygon" ? "area.drawPolygon" : "area.drawRectangle"));
  try {
    const area = await earth.startDrawing(kind);
    page.state.set(area ? { drawing: null, area } : { drawing: null });
  } catch (error) {
    page.state.set({ drawing: null });
    page.fail(error);
  }
}

async function count(page: Page, area: Area, into: HTMLElement): Promise<void> {
  const layers = measured(page.state);
  if (layers.length === 0) return into.replaceChildren(h("p", { class: "hint" }, t("point.nothing")));
  into.replaceChildren(h("p", { class: "hint" }, t("app.loading")));
  try {
    const found = await Promise.all(layers.map(async (layer) => [layer, await api.statistics(layer.id, area)] as const));
    into.replaceChildren(h("dl", { class: "values" }, ...found.flatMap(([layer, counted]) => words(layer, counted))));
  } catch (error) {
    into.replaceChildren();
    page.fail(error);
  }
}

function words(layer: Layer, counted: AreaStatistics): HTMLElement[] {
  const seen = h("span", { class: "doubt" }, t("area.seen", { share: quantity(counted.seen_share * 100, "percent", 3) }));
  const classes = (counted.classes ?? []).map((entry) =>
    h("span", { class: "line" }, `${say(entry.title)}: ${quantity(entry.area_m2 / SQUARE_KM, "km2", 3)} (${quantity(entry.share * 100, "percent", 3)})`),
  );
  const range = `${quantity(counted.mean, counted.units)} (${number(counted.minimum)} – ${number(counted.maximum)})`;
  return [h("dt", {}, say(layer.title)), h("dd", {}, ...(classes.length > 0 ? classes : [h("strong", {}, range)]), seen)];
}
