/** What the colours of a layer mean. */

import { h } from "../dom";
import { plainColour } from "../globe/colours";
import type { ClassEntry, Layer } from "../model";
import { number, quantity, say, t } from "../text";

/** The legend of a layer; nothing for a picture in natural colours. */
export function legend(layer: Layer, layers: readonly Layer[]): HTMLElement | null {
  const found = layer.legend;
  const label = t("layers.legend", { name: say(layer.title) });
  if (found.type === "none") return layer.kind === "features" ? oneColour(layer, plainColour(layer, layers), label) : null;
  if (found.type === "classes") {
    const rows = found.classes.map((entry) =>
      h("li", {}, h("span", { class: swatch(entry), colours: { "--swatch": entry.colour } }), entry.bare ? t("layers.bare", { name: say(entry.title) }) : say(entry.title)),
    );
    return h("ul", { class: "classes", "aria-label": label }, ...rows);
  }
  const [low, high] = found.limits;
  const stops = found.stops.map(([share, colour]) => `${colour} ${(share * 100).toFixed(1)}%`).join(", ");
  const said = `${label}: ${quantity(low, found.units)} – ${quantity(high, found.units)}`;
  return h(
    "div",
    { class: "ramp", role: "img", "aria-label": said },
    h("div", { class: "bar", colours: { "background-image": `linear-gradient(to right, ${stops})` } }),
    h("div", { class: "ticks" }, h("span", {}, number(low, 3)), h("span", {}, number((low + high) / 2, 3)), h("span", {}, quantity(high, found.units, 3))),
  );
}

function swatch(entry: ClassEntry): string {
  if (entry.nodata) return "swatch missing";
  return entry.bare ? "swatch bare" : "swatch";
}

/** The one colour of a list without classes. */
function oneColour(layer: Layer, colour: string, label: string): HTMLElement {
  return h("ul", { class: "classes", "aria-label": label }, h("li", {}, h("span", { class: "swatch", colours: { "--swatch": colour } }), say(layer.title)));
}
