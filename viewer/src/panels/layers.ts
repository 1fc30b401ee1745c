/** The layers by field: switch, legend with units, opacity, uncertainty, evidence. */

import { h, redraw, unique } from "../dom";
import { keyOf, type Field, type Layer } from "../model";
import type { Page } from "../page";
import { number, say, t, time, unit } from "../text";
import { legend } from "./legend";

/** One row: a layer, or the layers of one time series. */
interface Row {
  readonly key: string;
  readonly layers: readonly Layer[];
}

/** The panel with every layer. */
export function layersPanel(page: Page): HTMLElement {
  const { state } = page;
  const list = h("div", { class: "fields" });
  const filter = h("input", { type: "search", autocomplete: "off" });
  const label = h("label", { class: "visually-hidden" });
  filter.id = unique("filter");
  label.htmlFor = filter.id;
  const shut = new Set<string>();

  const draw = (): void => {
    const sought = filter.value.trim().toLowerCase();
    label.textContent = t("layers.filter");
    filter.placeholder = t("layers.filter");
    const rows = rowsOf(state.get("layers")).filter((row) => matches(row, sought));
    const fields = fieldsOf(state.get("catalogue")?.fields ?? [], rows);
    const drawn = fields.map((field) => fieldset(page, field, rows.filter((row) => row.layers[0]?.field === field.id), shut, sought !== ""));
    redraw(list, ...(drawn.length > 0 ? drawn : [h("p", { class: "hint" }, sought ? t("layers.nothing") : "")]));
  };
  const retime = (): void => {
    const drawn = new Map(state.drawn().map((layer) => [keyOf(layer), layer]));
    for (const said of list.querySelectorAll<HTMLElement>("[data-instant]")) {
      const layer = drawn.get(said.dataset.instant ?? "");
      said.textContent = layer ? time(layer.datetime) : t("layers.earlier");
    }
  };
  filter.addEventListener("input", draw);
  state.on(["layers", "shown", "language"], draw);
  state.on(["layers", "shown", "language", "time"], retime);
  draw();
  retime();
  return h("div", {}, h("div", { class: "row" }, label, filter), list);
}

function rowsOf(layers: readonly Layer[]): Row[] {
  const rows = new Map<string, Layer[]>();
  for (const layer of layers) {
    const key = keyOf(layer);
    const known = rows.get(key);
    if (known) known.push(layer);
    else rows.set(key, [layer]);
  }
  return [...rows].map(([key, members]) => ({ key, layers: members }));
}

function matches(row: Row, sought: string): boolean {
  if (!sought) return true;
  return row.layers.some((layer) => [layer.title.en, layer.title.ja, layer.group.title.en, layer.group.title.ja, layer.id].some((s) => s.toLowerCase().includes(sought)));
}

/** The declared fields that have rows, then those that only a layer names. */
function fieldsOf(declared: readonly Field[], rows: readonly Row[]): Field[] {
  const used = new Set(rows.map((row) => row.layers[0]?.field ?? ""));
  const known = new Set(declared.map((field) => field.id));
  const others = [...used].filter((id) => !known.has(id)).map((id) => ({ id, title: { en: id, ja: id } }));
  return [...declared.filter((field) => used.has(field.id)), ...others];
}

function fieldset(page: Page, field: Field, rows: readonly Row[], shut: Set<string>, all: boolean): HTMLElement {
  const on = rows.filter((row) => page.state.get("shown").has(row.key)).length;
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const id = row.layers[0]?.group.id ?? "";
    groups.set(id, [...(groups.get(id) ?? []), row]);
  }
  const toggle = (event: Event): void => {
    if ((event.target as HTMLDetailsElement).open) shut.delete(field.id);
    else shut.add(field.id);
  };
  const body = [...groups.values()].map((members) =>
    h(
      "section",
      { class: "group" },
      members[0]?.layers[0] ? h("h3", {}, say(members[0].layers[0].group.title)) : null,
      h("ul", { class: "layers" }, ...members.map((row) => rowItem(page, row))),
    ),
  );
  return h(
    "details",
    { class: "field", open: all || !shut.has(field.id), ontoggle: toggle },
    h("summary", { "data-focus": `field ${field.id}` }, h("h2", {}, say(field.title)), h("span", { class: "count" }, `${on} / ${rows.length}`)),
    ...body,
  );
}

function rowItem(page: Page, row: Row): HTMLElement {
  const { state } = page;
  const shown = state.get("shown").has(row.key);
  const layer = state.drawn().find((candidate) => keyOf(candidate) === row.key) ?? row.layers[row.layers.length - 1];
  if (!layer) return h("li");
  const id = unique("layer");
  const box = h("input", { type: "checkbox", id, checked: shown, "data-focus": `show ${row.key}`, onchange: () => toggle(page, row.key) });
  const units = unit(layer.units);
  const title = h("label", { for: id }, h("span", { class: "name" }, say(layer.title)), units ? h("span", { class: "units" }, `[${units}]`) : null);
  const simulated = layer.simulated ? h("span", { class: "tag" }, t("layers.simulated")) : null;
  return h("li", { class: shown ? "layer on" : "layer" }, h("div", { class: "head" }, box, title, simulated), shown && details(page, row, layer));
}

function toggle(page: Page, key: string): void {
  const shown = new Set(page.state.get("shown"));
  if (!shown.delete(key)) shown.add(key);
  page.state.set({ shown });
}

function details(page: Page, row: Row, layer: Layer): HTMLElement {
  const { state } = page;
  const many = row.layers.length > 1;
  const slider = h("input", {
    type: "range",
    min: 0,
    max: 100,
    step: 5,
    value: Math.round(state.opacityOf(layer) * 100),
    "aria-label": `${t("layers.opacity")}: ${say(layer.title)}`,
    "data-focus": `opacity ${row.key}`,
    oninput: () => state.set({ opacity: { ...state.get("opacity"), [row.key]: Number(slider.value) / 100 } }),
  });
  const evidence = layer.bundle
    ? h("button", { class: "quiet", "data-focus": `evidence ${row.key}`, onclick: () => openEvidence(page, layer.bundle) }, t("layers.evidence"))
    : null;
  return h(
    "div",
    { class: "details" },
    layer.datetime === null
      ? null
      : h("p", { class: "instant" }, h("span", { "data-instant": row.key }, time(layer.datetime)), many ? ` · ${t("layers.instants", { count: number(row.layers.length) })}` : ""),
    legend(layer),
    h("label", { class: "opacity" }, h("span", {}, t("layers.opacity")), slider),
    h(
      "div",
      { class: "row" },
      uncertainty(page, layer),
      h("button", { class: "quiet", "data-focus": `zoom ${row.key}`, onclick: () => page.earth()?.flyTo(layer.bbox) }, t("layers.zoom")),
      evidence,
    ),
    layer.noUncertainty && !layer.uncertainty ? h("p", { class: "hint" }, t("layers.noUncertainty", { reason: layer.noUncertainty })) : null,
  );
}

function openEvidence(page: Page, bundle: string | null): void {
  page.state.set({ bundle });
  page.open("evidence");
}

/** The switch of the layer that says how sure this one is. */
function uncertainty(page: Page, layer: Layer): HTMLElement | null {
  const paired = page.state.layer(layer.uncertainty);
  if (!paired) return null;
  const key = keyOf(paired);
  const on = page.state.get("shown").has(key);
  return h("button", { class: "quiet", "aria-pressed": String(on), "data-focus": `uncertainty ${layer.id}`, onclick: () => toggle(page, key) }, t("layers.uncertainty"));
}
