/** One layer on the globe: its instant, legend with units, opacity, uncertainty and evidence. */

import { h, icon } from "../dom";
import { keyOf, type Layer } from "../model";
import type { Page } from "../page";
import { number, say, t, time, unit } from "../text";
import { legend } from "./legend";

/** Switch a layer, or a series, on or off. */
export function toggle(page: Page, key: string): void {
  const shown = new Set(page.state.get("shown"));
  if (!shown.delete(key)) shown.add(key);
  page.state.set({ shown });
}

/** Say again which instant of each series is drawn. */
export function retime(page: Page, list: HTMLElement): void {
  const drawn = new Map(page.state.drawn().map((layer) => [keyOf(layer), layer]));
  for (const said of list.querySelectorAll<HTMLElement>("[data-instant]")) {
    const layer = drawn.get(said.dataset.instant ?? "");
    said.textContent = layer ? time(layer.datetime) : t("layers.earlier");
  }
}

/** The card of a layer that is shown. */
export function layerCard(page: Page, key: string, members: readonly Layer[]): HTMLElement {
  const { state } = page;
  const drawn = state.drawn().find((candidate) => keyOf(candidate) === key);
  const layer = drawn ?? members[0];
  if (!layer) return h("li");
  const name = say(layer.title);
  const units = unit(layer.units);
  const slider = h("input", {
    type: "range",
    min: 0,
    max: 100,
    step: 5,
    value: Math.round(state.opacityOf(layer) * 100),
    "aria-label": `${t("layers.opacity")}: ${name}`,
    "data-focus": `opacity ${key}`,
    oninput: () => state.set({ opacity: { ...state.get("opacity"), [key]: Number(slider.value) / 100 } }),
  });
  return h(
    "li",
    { class: "layer on", "data-shown": key },
    h(
      "div",
      { class: "head" },
      h("h4", {}, name, units ? h("span", { class: "units" }, `[${units}]`) : null),
      layer.simulated ? h("span", { class: "tag" }, t("layers.simulated")) : null,
      h("button", { class: "plain square", "data-focus": `hide ${key}`, "aria-label": `${t("layers.hide")}: ${name}`, title: t("layers.hide"), onclick: () => toggle(page, key) }, icon("close")),
    ),
    instantLine(key, members, layer, drawn !== undefined),
    legend(layer, state.get("layers")),
    h("label", { class: "opacity" }, h("span", {}, t("layers.opacity")), slider),
    h("div", { class: "row" }, uncertainty(page, layer), zoom(page, key, layer), evidence(page, key, layer)),
    layer.noUncertainty && !layer.uncertainty ? h("p", { class: "hint" }, t("layers.noUncertainty", { reason: say(layer.noUncertainty) })) : null,
  );
}

function instantLine(key: string, members: readonly Layer[], layer: Layer, drawn: boolean): HTMLElement | null {
  if (layer.datetime === null) return null;
  const instants = new Set(members.map((member) => member.datetime)).size;
  const said = h("span", { "data-instant": key }, drawn ? time(layer.datetime) : t("layers.earlier"));
  return h("p", { class: "hint" }, said, instants > 1 ? ` · ${t("layers.instants", { count: number(instants) })}` : "");
}

function zoom(page: Page, key: string, layer: Layer): HTMLElement {
  return h("button", { class: "quiet", "data-focus": `zoom ${key}`, onclick: () => page.earth()?.flyTo(layer.bbox) }, t("layers.zoom"));
}

function evidence(page: Page, key: string, layer: Layer): HTMLElement | null {
  const { bundle } = layer;
  if (bundle === null) return null;
  const open = (): void => {
    page.state.set({ bundle });
    page.open("evidence");
  };
  return h("button", { class: "quiet", "data-focus": `evidence ${key}`, onclick: open }, t("layers.evidence"));
}

/** The switch of the layer that says how sure this one is. */
function uncertainty(page: Page, layer: Layer): HTMLElement | null {
  const paired = page.state.layer(layer.uncertainty);
  if (!paired) return null;
  const key = keyOf(paired);
  const on = page.state.get("shown").has(key);
  return h("button", { class: "quiet", "aria-pressed": String(on), "data-focus": `uncertainty ${layer.id}`, onclick: () => toggle(page, key) }, t("layers.uncertainty"));
}
