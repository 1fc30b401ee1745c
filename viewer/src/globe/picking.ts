/** What lies under a click: the place, and the building or feature there. */

import { Cartesian2, Cesium3DTileFeature, type Scene } from "@cesium/engine";
import type { Layer, Picked } from "../model";
import type { Faults } from "./errors";
import { placeAt, type Place } from "./places";
import type { Stack } from "./stack";

const NEAR_PX = 7;
const PATIENCE_MS = 3000;

type Feature = NonNullable<Picked["feature"]>;
interface Answer {
  readonly features?: readonly { readonly properties: Record<string, unknown> | null }[];
}

/** The building under a point of the screen. */
export function buildingAt(scene: Scene, stack: Stack, x: number, y: number): Feature | null {
  const picked: unknown = scene.pick(new Cartesian2(x, y));
  if (!(picked instanceof Cesium3DTileFeature)) return null;
  const layer = stack.layerOf(picked.tileset);
  if (layer === null) return null;
  const names = picked.getPropertyIds();
  return { layer, properties: Object.fromEntries(names.map((name) => [name, picked.getProperty(name) as unknown])) };
}

/** The topmost feature of the lists on the globe near a point of the screen. */
export async function featureAt(scene: Scene, layers: readonly Layer[], at: Place, x: number, y: number, faults: Faults): Promise<Feature | null> {
  const lists = layers.filter((layer) => layer.tiles === null && layer.features !== null).reverse();
  const aside = placeAt(scene, x + NEAR_PX, y) ?? placeAt(scene, x - NEAR_PX, y);
  if (lists.length === 0 || !aside) return null;
  const reach = Math.max(Math.hypot(aside.lon - at.lon, aside.lat - at.lat), 1e-6);
  const box = [at.lon - reach, at.lat - reach, at.lon + reach, at.lat + reach].map((side) => side.toFixed(7)).join(",");
  const signal = AbortSignal.timeout(PATIENCE_MS);
  for (const layer of lists) {
    try {
      const response = await fetch(`${layer.features}?bbox=${box}&limit=1`, { signal });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      const [found] = ((await response.json()) as Answer).features ?? [];
      if (found) return { layer: layer.id, properties: found.properties ?? {} };
    } catch (error) {
      faults.add(layer.id, error);
    }
  }
  return null;
}
