/** The terrain of the service: heights as its elevation models give them; a smooth globe where it has none. */

import { CustomHeightmapTerrainProvider, EllipsoidTerrainProvider, GeographicTilingScheme, Rectangle, type TerrainProvider } from "@cesium/engine";
import type { Bbox, Text } from "../model";
import type { Faults } from "./errors";
import { rectangleOf } from "./places";

const SIDE = 65;
const MOST_WAITING = 12;

export interface TerrainAccount {
  readonly available: boolean;
  readonly bbox: Bbox | null;
  readonly maxzoom: number;
  readonly source?: readonly string[] | string | null;
  readonly datum?: string | null;
  readonly note?: Text | null;
}
export interface Terrain {
  readonly provider: TerrainProvider;
  readonly account: TerrainAccount | null;
}

/** Ask the service for its terrain. */
export async function terrain(faults: Faults): Promise<Terrain> {
  try {
    const response = await fetch("/terrain/layer.json", { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const account = (await response.json()) as TerrainAccount;
    if (account.available && account.bbox) return { provider: heights(account, account.bbox, faults), account };
  } catch (error) {
    faults.add("terrain", error);
  }
  return { provider: new EllipsoidTerrainProvider(), account: null };
}

function heights(account: TerrainAccount, bbox: Bbox, faults: Faults): TerrainProvider {
  const tilingScheme = new GeographicTilingScheme();
  const covered = rectangleOf(bbox);
  const meets = (x: number, y: number, level: number): boolean =>
    Rectangle.intersection(tilingScheme.tileXYToRectangle(x, y, level), covered) !== undefined;
  let waiting = 0;
  const load = async (x: number, y: number, level: number): Promise<Float32Array> => {
    waiting += 1;
    try {
      return await fetchHeights(`/terrain/${level}/${x}/${y}.terrain`);
    } catch (error) {
      faults.first("terrain", error);
      return new Float32Array(SIDE * SIDE);
    } finally {
      waiting -= 1;
    }
  };
  const provider = new CustomHeightmapTerrainProvider({
    width: SIDE,
    height: SIDE,
    tilingScheme,
    callback: (x: number, y: number, level: number) => {
      if (!meets(x, y, level)) return new Float32Array(SIDE * SIDE);
      return waiting >= MOST_WAITING ? undefined : load(x, y, level);
    },
  } as ConstructorParameters<typeof CustomHeightmapTerrainProvider>[0]);
  // Beyond the finest level, and beside the model, a tile is cut from its parent: nothing is asked for that is not there.
  provider.getTileDataAvailable = (x, y, level) => level === 0 || (level <= account.maxzoom && (level < 4 || meets(x, y, level)));
  provider.errorEvent.addEventListener((error: { message?: string }) => faults.first("terrain", error.message ?? "tile failed"));
  return provider;
}

async function fetchHeights(address: string): Promise<Float32Array> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${response.status} for ${address}`);
  const data = new DataView(await response.arrayBuffer());
  if (data.byteLength !== 4 * SIDE * SIDE) throw new Error(`${address} has ${data.byteLength} bytes, not ${4 * SIDE * SIDE}`);
  return Float32Array.from({ length: SIDE * SIDE }, (_, i) => data.getFloat32(4 * i, true));
}
