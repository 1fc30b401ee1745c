/** The card of a clicked point: each value with its uncertainty, and its series as a plot. */

import * as api from "../api";
import { h, icon, redraw, unique } from "../dom";
import { measured, type Layer, type Picked, type Series, type Uncertainty, type Value } from "../model";
import type { Page } from "../page";
import { hasBars, plot, table } from "../plot";
import { place, quantity, say, t } from "../text";

const MOST_LAYERS = 8;

/** The card; hidden until a point is picked. */
export function pointCard(page: Page): HTMLElement {
  const { state } = page;
  const card = h("section", { class: "card", hidden: true, tabindex: -1 });
  let left = new AbortController();
  let plotted: string | null = null;

  const close = (): void => state.set({ picked: null });
  card.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  const draw = (): void => {
    left.abort();
    left = new AbortController();
    const picked = state.get("picked");
    card.hidden = picked === null;
    card.setAttribute("aria-label", t("point.title"));
    if (!picked) return redraw(card);
    const layers = measured(state).slice(0, MOST_LAYERS);
    const rows = layers.map((layer) => valueRow(page, layer, picked, left.signal));
    const head = h(
      "div",
      { class: "head" },
      h("h2", {}, t("point.title")),
      h("button", { class: "plain square", "aria-label": t("app.close"), "data-focus": "close", onclick: close }, icon("close")),
    );
    const series = layers.filter((layer) => layer.series !== null);
    if (!series.some((layer) => layer.id === plotted)) plotted = longest(page, series);
    return redraw(
      card,
      head,
      h("p", { class: "place" }, place(picked.lon, picked.lat)),
      feature(page, picked),
      layers.length > 0 ? h("dl", { class: "values" }, ...rows.flat()) : picked.feature ? null : h("p", { class: "hint" }, t("point.nothing")),
      plotted === null ? null : seriesPart(page, series, plotted, picked, left.signal, (id) => (plotted = id)),
    );
  };
  state.on(["picked", "shown", "language", "layers"], draw);
  let pause = 0;
  state.on(["time"], () => {
    window.clearTimeout(pause);
    if (state.get("picked")) pause = window.setTimeout(draw, 300);
  });
  return card;
}

/** Of several layers the one whose series has most instants; the topmost of equals. */
function longest(page: Page, layers: readonly Layer[]): string | null {
  const count = (layer: Layer): number => page.state.get("layers").filter((other) => other.series === layer.series).length;
  return [...layers].sort((a, b) => count(b) - count(a))[0]?.id ?? null;
}

function feature(page: Page, picked: Picked): HTMLElement | null {
  if (!picked.feature) return null;
  const layer = page.state.layer(picked.feature.layer);
  const rows = Object.entries(picked.feature.properties)
    .filter(([, value]) => value !== null && typeof value !== "object")
    .slice(0, 16)
    .flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))]);
  return h("div", { class: "feature" }, h("h3", {}, layer ? say(layer.title) : t("point.feature")), h("dl", { class: "pairs" }, ...rows));
}

function valueRow(page: Page, layer: Layer, picked: Picked, signal: AbortSignal): HTMLElement[] {
  const said = h("dd", {}, t("app.loading"));
  void api
    .value(layer.id, picked.lon, picked.lat, signal)
    .then((value) => said.replaceChildren(...valueWords(value, layer, page.state.layer(layer.uncertainty))))
    .catch((error: unknown) => {
      said.replaceChildren("–");
      page.fail(error);
    });
  return [h("dt", {}, say(layer.title)), said];
}

function valueWords(value: Value, layer: Layer, paired: Layer | null): HTMLElement[] {
  if (!value.observed) return [h("span", { class: "unseen" }, say(value.reason) || t("point.unobserved"))];
  const main = h("strong", {}, value.class ? say(value.class.title) : quantity(value.value, value.units));
  const doubt = uncertaintyWords(value.uncertainty, value.units, paired);
  return [main, h("span", { class: "doubt" }, doubt || say(value.reason) || say(layer.noUncertainty) || t("point.noUncertainty"))];
}

function uncertaintyWords(doubt: Uncertainty | null, units: string | null, paired: Layer | null): string {
  if (!doubt || doubt.value === null) return "";
  if (doubt.kind === "probability") {
    const share = quantity(doubt.value * 100, "percent", 3);
    return paired ? `${say(paired.title)} ${share}` : t("point.probability", { value: share });
  }
  const said = quantity(doubt.value, doubt.units ?? units, 3);
  return t(doubt.kind === "interval" ? "point.interval" : "point.standard", { value: said });
}

function seriesPart(page: Page, layers: readonly Layer[], chosen: string, picked: Picked, signal: AbortSignal, choose: (id: string) => void): HTMLElement {
  const id = unique("series");
  const body = h("div", { class: "series" }, h("p", { class: "hint" }, t("app.loading")));
  const load = async (layer: string): Promise<void> => {
    try {
      const series = await api.series(layer, picked.lon, picked.lat, signal);
      body.replaceChildren(...seriesView(series));
    } catch (error) {
      body.replaceChildren();
      page.fail(error);
    }
  };
  const select = h("select", { id, "data-focus": "series" }, ...layers.map((layer) => h("option", { value: layer.id }, say(layer.title))));
  select.value = chosen;
  select.addEventListener("change", () => {
    choose(select.value);
    void load(select.value);
  });
  void load(chosen);
  return h("div", {}, h("div", { class: "row" }, h("label", { for: id }, t("point.series")), select), body);
}

function seriesView(series: Series): (HTMLElement | SVGElement)[] {
  const picture = plot(series);
  const numbers = h("details", {}, h("summary", {}, t("point.table")), table(series));
  if (!picture) return [h("p", { class: "hint" }, t("point.noSeries")), numbers];
  return hasBars(series) ? [picture, h("p", { class: "hint" }, t("plot.bars")), numbers] : [picture, numbers];
}
