/** Buildings as solids: 3D Tiles with their colours in them, lit from the upper left wherever the sun stands. */

import {
  Cesium3DTileset, CustomShader, CustomShaderTranslucencyMode, LightingModel, UniformType, type Scene,
} from "@cesium/engine";
import type { Wanted } from "./stack";
import type { Faults } from "./errors";

const SHADING = `
void fragmentMain(FragmentInput fsInput, inout czm_modelMaterial material) {
  vec3 light = normalize(vec3(-0.45, 0.75, 0.5));
  float facing = max(dot(normalize(fsInput.attributes.normalEC), light), 0.0);
  material.diffuse *= 0.55 + 0.5 * facing;
  material.alpha = u_alpha;
}`;

interface Shown {
  tileset: Cesium3DTileset | null;
  failed: boolean;
  alpha: number;
  visible: boolean;
  split: Wanted["split"];
}

export class Buildings {
  private readonly shown = new Map<string, Shown>();

  constructor(
    private readonly scene: Scene,
    private readonly faults: Faults,
    private readonly changed: () => void,
  ) {}

  get settled(): boolean {
    return [...this.shown.values()].every((one) => one.failed || !one.visible || (one.tileset?.tilesLoaded ?? false));
  }

  layerOf(tileset: unknown): string | null {
    for (const [id, one] of this.shown) if (one.tileset === tileset) return id;
    return null;
  }

  show(made: readonly Wanted[]): void {
    const ids = new Set(made.map(({ layer }) => layer.id));
    for (const [id, one] of this.shown) if (!ids.has(id)) this.dress(one, false);
    for (const { layer, alpha, split } of made) {
      let one = this.shown.get(layer.id);
      if (!one) {
        one = { tileset: null, failed: false, alpha, visible: true, split };
        this.shown.set(layer.id, one);
        void this.load(layer.tileset ?? "", layer.id, one);
      }
      one.split = split;
      if (one.alpha !== alpha && one.tileset) one.tileset.customShader = shader(alpha);
      one.alpha = alpha;
      this.dress(one, true);
    }
  }

  private dress(one: Shown, visible: boolean): void {
    one.visible = visible;
    if (!one.tileset) return;
    one.tileset.show = visible && one.alpha > 0;
    one.tileset.splitDirection = one.split;
  }

  private async load(address: string, id: string, one: Shown): Promise<void> {
    try {
      const tileset = await Cesium3DTileset.fromUrl(address, {
        environmentMapOptions: { enabled: false },
        maximumScreenSpaceError: 16,
        skipLevelOfDetail: false,
        cacheBytes: 128 * 1024 * 1024,
      });
      tileset.customShader = shader(one.alpha);
      tileset.tileFailed.addEventListener((failed: { message: string }) => this.faults.add(id, failed.message));
      one.tileset = this.scene.primitives.add(tileset) as Cesium3DTileset;
      this.dress(one, one.visible);
    } catch (error) {
      one.failed = true;
      this.faults.add(id, error);
    }
    this.changed();
  }
}

function shader(alpha: number): CustomShader {
  return new CustomShader({
    lightingModel: LightingModel.UNLIT,
    translucencyMode: alpha < 1 ? CustomShaderTranslucencyMode.TRANSLUCENT : CustomShaderTranslucencyMode.INHERIT,
    uniforms: { u_alpha: { type: UniformType.FLOAT, value: alpha } },
    fragmentShaderText: SHADING,
  });
}
