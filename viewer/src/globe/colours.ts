/** The colour of a feature: that of its class where the legend has classes, else one that its list keeps for itself. */

import type { Layer } from "../model";
import type { Property } from "./mvt";

/** Okabe and Ito (2008): told apart with any colour vision. */
const SET = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"] as const;
const UNKNOWN = "#9aa0a6";

/** The one colour of a list without classes, told apart from the other lists of the service. */
export function plainColour(layer: Layer, layers: readonly Layer[]): string {
  const plain = layers.filter((other) => other.features !== null && other.legend.type === "none").map((other) => other.id);
  return SET[Math.max(plain.sort().indexOf(layer.id), 0) % SET.length] ?? UNKNOWN;
}

/** How the features of a layer are coloured, from their properties. */
export function colouring(layer: Layer, layers: readonly Layer[]): (properties: Readonly<Record<string, Property>>) => string {
  const { legend } = layer;
  if (legend.type !== "classes") {
    const colour = plainColour(layer, layers);
    return () => colour;
  }
  const colours = new Map(legend.classes.map((entry) => [String(entry.code), entry.colour]));
  const named = (layer as { readonly class_column?: string | null }).class_column;
  let column = named ?? null;
  return (properties) => {
    column ??= Object.keys(properties).find((name) => looksLikeClass(name) && colours.has(String(properties[name]))) ?? null;
    return (column !== null && colours.get(String(properties[column]))) || UNKNOWN;
  };
}

function looksLikeClass(name: string): boolean {
  return /class|damage|state|grade|level|category|kind|type|status|code/i.test(name);
}

