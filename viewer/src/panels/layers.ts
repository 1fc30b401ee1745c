/** What is on the globe, each with its legend; below it every layer by field. */

import { h, redraw, unique } from "../dom";
import { keyOf, type Field, type Layer } from "../model";
import type { Page } from "../page";
import { number, say, t } from "../text";
import { layerCard, retime, toggle } from "./layercard";

/** One row: a layer, or the layers of one time series. */
interface Row {
  readonly key: string;
  readonly layers: readonly Layer[];
}

/** The panel with every layer. */
export function layersPanel(page: Page): HTMLElement {
  const { state } = page;
  const shown = h("section", { class: "shown" });
  const list = h("div", { class: "fields" });
  const filter = h("input", { type: "search", autocomplete: "off", id: unique("filter") });
  const label = h("label", { class: "visually-hidden", for: filter.id });
  const open = new Map<string, boolean>();

  const draw = (): void => {
    const sought = filter.value.trim().toLowerCase();
    label.textContent = filter.placeholder = t("layers.filter");
    drawShown(page, shown);
    const rows = rowsOf(state.get("layers")).filter((row) => matches(row, sought));
    const fields = fieldsOf(state.get("catalogue")?.fields ?? [], rows).map((field) =>
      fieldPart(page, field, rows.filter((row) => row.layers[0]?.field === field.id), open, sought !== ""),
    );
    redraw(list, ...(fields.length > 0 ? fields : [h("p", { class: "hint" }, sought ? t("layers.nothing") : "")]));
  };
  filter.addEventListener("input", draw);
  state.on(["layers", "shown", "language"], draw);
  let comparing = false;
  state.on(["swipe"], () => {
    const before = comparing;
    comparing = state.get("swipe").on;
    if (comparing !== before) drawShown(page, shown);
  });
  state.on(["time"], () => retime(page, shown));
  draw();
  return h("div", { class: "stack" }, shown, h("div", { class: "row" }, label, filter), list);
}

function drawShown(page: Page, into: HTMLElement): void {
  const { state } = page;
  const on = state.get("shown");
  const members = rowsOf(state.get("layers")).filter((row) => on.has(row.key));
  const drawn = state.drawn().map(keyOf);
  members.sort((a, b) => drawn.indexOf(b.key) - drawn.indexOf(a.key));
  into.setAttribute("aria-label", t("layers.shown"));
  const off = h("button", { class: "quiet", "data-focus": "off", onclick: () => state.set({ shown: new Set() }) }, t("layers.off"));
  const empty = state.get("layers").length > 0 ? h("p", { class: "hint" }, t("layers.noneShown")) : null;
  redraw(
    into,
    h("div", { class: "head" }, h("h3", {}, t("layers.shown")), members.length > 1 && off),
    state.get("swipe").on && h("p", { class: "hint drawing" }, t("layers.comparing")),
    members.length > 0 ? h("ul", { class: "layers" }, ...members.map((row) => layerCard(page, row.key, row.layers))) : empty,
    members.length > 0 && h("p", { class: "hint" }, t("point.hint")),
  );
}

function rowsOf(layers: readonly Layer[]): Row[] {
  const rows = new Map<string, Layer[]>();
  for (const layer of layers) {
    const key = keyOf(layer);
    const known = rows.get(key);
    if (known) known.push(layer);
    else rows.set(key, [layer]);
  }
  const doubts = new Set(layers.map((layer) => layer.uncertainty));
  const rank = ({ layers: [first] }: Row): number => (!first ? 9 : doubts.has(first.id) ? 3 : { coded: 0, measured: 1, image: 1, features: 2, buildings: 2 }[first.kind]);
  return [...rows].map(([key, members]) => ({ key, layers: members })).sort((a, b) => rank(a) - rank(b));
}

function matches(row: Row, sought: string): boolean {
  if (!sought) return true;
  return row.layers.some((layer) => [layer.title.en, layer.title.ja, layer.group.title.en, layer.group.title.ja, layer.id].some((words) => words.toLowerCase().includes(sought)));
}

/** The declared fields that have rows, then those that only a layer names. */
function fieldsOf(declared: readonly Field[], rows: readonly Row[]): Field[] {
  const used = new Set(rows.map((row) => row.layers[0]?.field ?? ""));
  const known = new Set(declared.map((field) => field.id));
  const others = [...used].filter((id) => !known.has(id)).map((id) => ({ id, title: { en: id, ja: id } }));
  return [...declared.filter((field) => used.has(field.id)), ...others];
}

/** Something that folds; whether it is open is remembered under its key. */
function folding(kind: string, key: string, title: HTMLElement, rows: readonly Row[], page: Page, open: Map<string, boolean>, first: boolean, body: readonly HTMLElement[]): HTMLElement {
  const on = rows.filter((row) => page.state.get("shown").has(row.key)).length;
  const keep = (event: Event): void => void open.set(key, (event.currentTarget as HTMLDetailsElement).open);
  return h(
    "details",
    { class: kind, open: open.get(key) ?? first, ontoggle: keep },
    h("summary", { "data-focus": key }, title, h("span", { class: "count" }, `${number(on)} / ${number(rows.length)}`)),
    ...body,
  );
}

function fieldPart(page: Page, field: Field, rows: readonly Row[], open: Map<string, boolean>, all: boolean): HTMLElement {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const id = row.layers[0]?.group.id ?? "";
    groups.set(id, [...(groups.get(id) ?? []), row]);
  }
  const title = h("h3", { class: "field-title" }, say(field.title));
  const items = (members: readonly Row[]): HTMLElement => h("ul", { class: "layers" }, ...members.map((row) => rowItem(page, row)));
  const remembered = all ? new Map<string, boolean>() : open;
  if (groups.size === 1) return folding("field", `field ${field.id}`, title, rows, page, remembered, all || field.id !== "base", [items(rows)]);
  const parts = [...groups].map(([id, members]) => {
    const name = h("h4", {}, say(members[0]?.layers[0]?.group.title));
    return folding("group", `group ${id}`, name, members, page, remembered, all, [items(members)]);
  });
  return folding("field", `field ${field.id}`, title, rows, page, remembered, true, parts);
}

function rowItem(page: Page, row: Row): HTMLElement {
  const layer = row.layers[0];
  if (!layer) return h("li");
  const id = unique("layer");
  const shown = page.state.get("shown").has(row.key);
  const box = h("input", { type: "checkbox", id, checked: shown, "data-focus": `list ${row.key}`, "data-layer": row.key, onchange: () => toggle(page, row.key) });
  const instants = new Set(row.layers.map((member) => member.datetime)).size;
  const many = instants > 1 ? h("span", { class: "hint" }, t("layers.instants", { count: number(instants) })) : null;
  return h("li", { class: "layer" }, h("div", { class: "head" }, box, h("label", { for: id }, say(layer.title)), many));
}
