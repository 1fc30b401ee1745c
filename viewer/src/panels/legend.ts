/** What the colours of a layer mean. */

import { h } from "../dom";
import type { Layer } from "../model";
import { number, quantity, say, t } from "../text";

/** The legend of a layer; nothing for a picture in natural colours. */
export function legend(layer: Layer): HTMLElement | null {
  const found = layer.legend;
  const label = t("layers.legend", { name: say(layer.title) });
  if (found.type === "none") return null;
  if (found.type === "classes") {
    const rows = found.classes.map((entry) =>
      h("li", {}, h("span", { class: entry.nodata ? "swatch missing" : "swatch", colours: { "--swatch": entry.colour } }), say(entry.title)),
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
