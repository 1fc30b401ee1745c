/** The layers on the globe: made to be what the state says, with as little change as there is. */

import {
  ImageryLayer, SplitDirection, TextureMagnificationFilter, TextureMinificationFilter, UrlTemplateImageryProvider, WebMercatorTilingScheme, type ImageryProvider,
  type Scene,
} from "@cesium/engine";
import { instant, keyOf, type Layer, type State } from "../model";
import { Buildings } from "./buildings";
import type { Faults } from "./errors";
import { coarsestLevel, rectangleOf } from "./places";
import { featureImagery, lookOf } from "./vectors";

export interface Wanted {
  readonly layer: Layer;
  readonly alpha: number;
  readonly split: SplitDirection;
}

/** What has to be on the globe, lowest first: while time plays, also the next instants, unseen, so that they are there at once. */
export function wanted(state: State): Wanted[] {
  const swipe = state.get("swipe");
  const sides = swipe.on ? [state.layer(swipe.before), state.layer(swipe.after)] : [];
  const compared = new Set(sides.filter((layer) => layer !== null).map(keyOf));
  const whole = state.drawn().filter((layer) => !compared.has(keyOf(layer)));
  const made: Wanted[] = whole.map((layer) => ({ layer, alpha: state.opacityOf(layer), split: SplitDirection.NONE }));
  sides.forEach((layer, i) => {
    if (layer) made.push({ layer, alpha: state.opacityOf(layer), split: i === 0 ? SplitDirection.LEFT : SplitDirection.RIGHT });
  });
  if (state.get("playing"))
    for (const layer of whole) {
      const next = following(layer, state.get("layers"));
      if (next && !made.some((one) => one.layer.id === next.id)) made.push({ layer: next, alpha: 0, split: SplitDirection.NONE });
    }
  return made;
}

function following(layer: Layer, layers: readonly Layer[]): Layer | null {
  if (layer.series === null) return null;
  const now = instant(layer) ?? -Infinity;
  const later = layers.filter((other) => other.series === layer.series && (instant(other) ?? -Infinity) > now);
  later.sort((a, b) => (instant(a) ?? 0) - (instant(b) ?? 0));
  return later[0] ?? null;
}

/** What is on the globe. */
export class Stack {
  private readonly shown = new Map<string, ImageryLayer>();
  private readonly ranks = new Map<string, number>();
  private made: readonly Wanted[] = [];
  private readonly buildings: Buildings;

  constructor(
    private readonly scene: Scene,
    private readonly faults: Faults,
    changed: () => void,
  ) {
    this.buildings = new Buildings(scene, faults, changed);
  }

  get settled(): boolean {
    return this.buildings.settled;
  }

  /** The layer that a picked building belongs to. */
  layerOf(tileset: unknown): string | null {
    return this.buildings.layerOf(tileset);
  }

  /** The lists of features on the globe, topmost first. */
  lists(): Layer[] {
    const lists = this.made.filter(({ layer, alpha }) => layer.tiles === null && layer.features !== null && alpha > 0);
    return lists.sort((a, b) => this.rank(b) - this.rank(a)).map(({ layer }) => layer);
  }

  show(made: readonly Wanted[], layers: readonly Layer[]): void {
    this.made = made;
    const flat = made.filter(({ layer }) => layer.tileset === null || layer.kind !== "buildings");
    const ids = new Set(flat.map(keyOfWanted));
    for (const [key, imagery] of this.shown)
      if (!ids.has(key)) {
        this.scene.imageryLayers.remove(imagery, true);
        this.shown.delete(key);
      }
    for (const one of flat) this.place(one, layers);
    this.order(flat);
    this.buildings.show(made.filter(({ layer }) => layer.tileset !== null && layer.kind === "buildings"));
  }

  private place(one: Wanted, layers: readonly Layer[]): void {
    const key = keyOfWanted(one);
    let imagery = this.shown.get(key);
    if (!imagery) {
      const provider = this.providerOf(one.layer, layers);
      if (!provider) return;
      imagery = new ImageryLayer(provider, look(one.layer));
      this.scene.imageryLayers.add(imagery);
      this.shown.set(key, imagery);
    }
    imagery.alpha = one.alpha;
    imagery.splitDirection = one.split;
  }

  private rank({ layer }: Pick<Wanted, "layer">): number {
    return layer.tiles === null ? 1 + (this.ranks.get(layer.id) ?? 0) : 0;
  }

  private providerOf(layer: Layer, layers: readonly Layer[]): ImageryProvider | null {
    if (layer.tiles !== null) return tileImagery(layer, layer.tiles, this.faults);
    if (layer.features === null) return null;
    const ranked = (rank: number): void => {
      if (this.ranks.get(layer.id) === rank) return;
      this.ranks.set(layer.id, rank);
      this.order(this.made);
      this.scene.requestRender();
    };
    return featureImagery(layer, layer.features, lookOf(layer, layers, ranked), this.faults);
  }

  /** Images lowest, then lists of areas, of lines, of points. */
  private order(made: readonly Wanted[]): void {
    const { imageryLayers } = this.scene;
    const wish = [...made].sort((a, b) => this.rank(a) - this.rank(b)).map((one) => this.shown.get(keyOfWanted(one))).filter((imagery) => imagery !== undefined);
    const first = imageryLayers.length - wish.length;
    if (wish.every((imagery, i) => imageryLayers.get(first + i) === imagery)) return;
    for (const imagery of wish) imageryLayers.raiseToTop(imagery);
  }
}

/** The same layer may stand on both sides of the divider. */
function keyOfWanted({ layer, split }: Wanted): string {
  return split === SplitDirection.NONE ? layer.id : `${layer.id} ${split}`;
}

function look(layer: Layer): ImageryLayer.ConstructorOptions {
  if (layer.kind !== "coded") return {};
  return { minificationFilter: TextureMinificationFilter.NEAREST, magnificationFilter: TextureMagnificationFilter.NEAREST };
}

function tileImagery(layer: Layer, address: string, faults: Faults): ImageryProvider {
  const tilingScheme = new WebMercatorTilingScheme();
  const provider = new UrlTemplateImageryProvider({
    url: address,
    tilingScheme,
    rectangle: rectangleOf(layer.bbox, tilingScheme.rectangle),
    minimumLevel: coarsestLevel(layer),
    maximumLevel: layer.maxzoom,
    enablePickFeatures: false,
    hasAlphaChannel: true,
  });
  provider.errorEvent.addEventListener((error: { message?: string }) => faults.first(layer.id, error.message ?? "tile failed"));
  return provider;
}
