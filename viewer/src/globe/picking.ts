/** What lies under a click: the place, and the building or feature there. */

import { Cartesian2, Cesium3DTileFeature, type Scene } from "@cesium/engine";
import type { Layer, Picked } from "../model";
import type { Faults } from "./errors";
import { placeAt, type Place } from "./places";
import type { Stack } from "./stack";

const NEAR_PX = 7;
const PATIENCE_MS = 3000;
const MOST = 50; // of a list, among which the nearest is looked for

type Feature = NonNullable<Picked["feature"]>;
interface Found {
  readonly properties: Record<string, unknown> | null;
  readonly geometry: { readonly type: string; readonly coordinates: unknown } | null;
}
interface Answer {
  readonly features?: readonly Found[];
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

/** The feature near a point of the screen, of the first of the lists that has one there. */
export async function featureAt(scene: Scene, lists: readonly Layer[], at: Place, x: number, y: number, faults: Faults): Promise<Feature | null> {
  const aside = placeAt(scene, x + NEAR_PX, y) ?? placeAt(scene, x - NEAR_PX, y);
  if (lists.length === 0 || !aside) return null;
  const reach = Math.max(Math.hypot(aside.lon - at.lon, aside.lat - at.lat), 1e-6);
  const box = [at.lon - reach, at.lat - reach, at.lon + reach, at.lat + reach].map((side) => side.toFixed(7)).join(",");
  const signal = AbortSignal.timeout(PATIENCE_MS);
  for (const layer of lists) {
    try {
      const response = await fetch(`${layer.features}?bbox=${box}&limit=${MOST}`, { signal });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      const found = nearest(((await response.json()) as Answer).features ?? [], at);
      if (found) return { layer: layer.id, properties: found.properties ?? {} };
    } catch (error) {
      faults.add(layer.id, error);
    }
  }
  return null;
}

/** The nearest of points; of lines and areas, all of which are there, the first. */
function nearest(features: readonly Found[], at: Place): Found | null {
  const away = ({ geometry }: Found): number => {
    if (geometry?.type !== "Point") return 0;
    const [lon, lat] = geometry.coordinates as [number, number];
    return Math.hypot((lon - at.lon) * Math.cos((at.lat * Math.PI) / 180), lat - at.lat);
  };
  return features.reduce<Found | null>((best, one) => (best && away(best) <= away(one) ? best : one), null);
}
