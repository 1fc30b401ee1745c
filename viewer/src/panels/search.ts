/** The search of the catalogue: name, time, area, collection. */

import * as api from "../api";
import { h, redraw, unique } from "../dom";
import { keyOf, type Layer } from "../model";
import type { Page } from "../page";
import { isDated, number, t, time } from "../text";

const MOST = 200;

/** The panel with the query and what it found. */
export function searchPanel(page: Page): { element: HTMLElement; opened: () => void } {
  const { state } = page;
  const draft = { text: "", collection: "", from: "", to: "", inArea: false };
  const form = h("form", { class: "search", role: "search" });
  const results = h("div", { class: "results" });
  let collections: readonly { id: string; title?: string }[] = [];
  let found: api.Found | null = null;

  const draw = (): void => {
    redraw(
      form,
      field("search.text", "text", draft.text, (value) => (draft.text = value)),
      choice(collections, draft.collection, (value) => (draft.collection = value)),
      h(
        "div",
        { class: "pair" },
        field("search.from", "date", draft.from, (value) => (draft.from = value)),
        field("search.to", "date", draft.to, (value) => (draft.to = value)),
      ),
      inArea(draft.inArea, state.get("area") === null, (value) => (draft.inArea = value)),
      h("button", { type: "submit", class: "primary", "data-focus": "go" }, t("search.go")),
    );
    redraw(results, ...(found ? listing(page, found, draft.text) : []));
  };
  const go = async (): Promise<void> => {
    const query: Record<string, string> = { limit: String(MOST) };
    if (draft.collection) query.collections = draft.collection;
    if (draft.from || draft.to) query.datetime = `${draft.from ? `${draft.from}T00:00:00Z` : ".."}/${draft.to ? `${draft.to}T23:59:59Z` : ".."}`;
    const area = state.get("area");
    if (draft.inArea && area) query.bbox = area.bbox.join(",");
    try {
      found = await api.search(query);
      draw();
    } catch (error) {
      page.fail(error);
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void go();
  });
  const opened = (): void => {
    if (collections.length > 0) return;
    api.collections().then(
      (listed) => {
        collections = listed;
        draw();
        void go();
      },
      (error: unknown) => page.fail(error),
    );
  };
  state.on(["language", "area", "shown"], draw);
  draw();
  return { element: h("div", {}, form, results), opened };
}

function field(word: "search.text" | "search.from" | "search.to", type: string, value: string, keep: (value: string) => void): HTMLElement {
  const id = unique("search");
  const input = h("input", { id, type, value, "data-focus": word, autocomplete: "off", oninput: () => keep(input.value) });
  return h("div", { class: "stack" }, h("label", { for: id }, t(word)), input);
}

function choice(collections: readonly { id: string; title?: string }[], value: string, keep: (value: string) => void): HTMLElement {
  const id = unique("collection");
  const options = collections.map((collection) => h("option", { value: collection.id }, collection.title ?? collection.id));
  const select = h("select", { id, "data-focus": "collection", onchange: () => keep(select.value) }, h("option", { value: "" }, t("search.any")), ...options);
  select.value = value;
  return h("div", { class: "stack" }, h("label", { for: id }, t("search.collection")), select);
}

function inArea(checked: boolean, disabled: boolean, keep: (value: boolean) => void): HTMLElement {
  const id = unique("in-area");
  const box = h("input", { id, type: "checkbox", checked: checked && !disabled, disabled, "data-focus": "in-area", onchange: () => keep(box.checked) });
  return h("div", { class: "head" }, box, h("label", { for: id }, t("search.inArea")));
}

function listing(page: Page, found: api.Found, text: string): HTMLElement[] {
  const sought = text.trim().toLowerCase();
  const items = found.features.filter((item) => !sought || `${item.collection} ${item.id}`.toLowerCase().includes(sought));
  items.sort((a, b) => whenOf(b).localeCompare(whenOf(a)));
  const matched = found.numberMatched ?? found.features.length;
  if (items.length === 0) return [h("p", { class: "hint", role: "status" }, t("search.none"))];
  const cut = matched > found.features.length;
  const count = cut ? t("search.more", { shown: number(items.length), count: number(matched) }) : t("search.found", { count: number(items.length) });
  return [h("p", { class: "hint", role: "status" }, count), h("ul", { class: "entries" }, ...items.map((item) => row(page, item)))];
}

/** The instant of an item, the end of its interval, or nothing where it holds always. */
function whenOf(item: api.FoundItem): string {
  const { datetime, end_datetime: end, start_datetime: start } = item.properties;
  return [datetime, end, start].map((said) => String(said ?? "")).find(isDated) ?? "";
}

function row(page: Page, item: api.FoundItem): HTMLElement {
  const layers = page.state.get("layers").filter((layer) => layer.id.startsWith(`${item.collection}/${item.id}/`));
  const when = whenOf(item);
  const { bbox } = item;
  return h(
    "li",
    { class: "entry" },
    h("span", { class: "name wrap" }, item.id),
    h("span", { class: "hint" }, `${time(when)} · ${item.collection}`),
    h(
      "div",
      { class: "row" },
      layers.length > 0 ? h("button", { class: "quiet", "data-focus": `show ${item.id}`, "aria-label": `${t("search.show")}: ${item.id}`, onclick: () => show(page, layers, when) }, t("search.show")) : null,
      bbox ? h("button", { class: "quiet", "data-focus": `zoom ${item.id}`, "aria-label": `${t("search.zoom")}: ${item.id}`, onclick: () => page.earth()?.flyTo(bbox) }, t("search.zoom")) : null,
    ),
  );
}

function show(page: Page, layers: readonly Layer[], when: string): void {
  const shown = new Set(page.state.get("shown"));
  layers.filter((layer) => !layers.some((other) => other.uncertainty === layer.id)).forEach((layer) => shown.add(keyOf(layer)));
  page.state.set({ shown, ...(when && layers.some((layer) => layer.series !== null) ? { time: new Date(when).toISOString() } : {}) });
  const first = layers[0];
  if (first) page.earth()?.flyTo(first.bbox);
}
