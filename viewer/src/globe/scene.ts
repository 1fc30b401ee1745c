/** The bare globe: no sky, no sun, no services of others; drawn only when something changes. */

import {
  buildModuleUrl, CesiumWidget, Color, Credit, CreditDisplay, Ellipsoid, Globe as EarthSurface, ImageryLayer, Ion, TileMapServiceImageryProvider,
  Transforms, type Scene,
} from "@cesium/engine";
import type { Faults } from "./errors";

const SPACE = "#10161d";
const OCEAN = "#1b2a38";
const NEAREST_M = 60;
const FARTHEST_M = 25_000_000;
const SHARPEST = 2;
const WORLD = "Assets/Textures/NaturalEarthII";

/** Whether the browser can draw a globe at all. */
export function canDraw(): boolean {
  const probe = document.createElement("canvas").getContext("webgl2");
  probe?.getExtension("WEBGL_lose_context")?.loseContext();
  return probe !== null;
}

/** Pixels drawn for each pixel of the page: one where the processor draws them, more on a fine screen with a graphics card. */
function sharpness(): number {
  const probe = document.createElement("canvas").getContext("webgl2");
  const names = probe?.getExtension("WEBGL_debug_renderer_info");
  const drawer = probe && names ? String(probe.getParameter(names.UNMASKED_RENDERER_WEBGL)) : "";
  probe?.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software|basic render/i.test(drawer) ? 1 : Math.min(window.devicePixelRatio || 1, SHARPEST);
}

/** Whether the person asked for less motion. */
export const still = (): boolean => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

/** A widget within a container, with the world as its base. */
export function makeWidget(container: HTMLElement, faults: Faults, ready: () => void): CesiumWidget {
  Ion.defaultAccessToken = "";
  CreditDisplay.cesiumCredit = new Credit("CesiumJS");
  // No sun is drawn: the plain rotation of the Earth does, and no table of its pole is fetched.
  Transforms.computeIcrfToCentralBodyFixedMatrix = Transforms.computeTemeToPseudoFixedMatrix;
  const surface = new EarthSurface(Ellipsoid.WGS84);
  const widget = new CesiumWidget(container, {
    baseLayer: false,
    globe: surface,
    skyBox: false,
    skyAtmosphere: false,
    scene3DOnly: true,
    orderIndependentTranslucency: false,
    requestRenderMode: true,
    maximumRenderTimeChange: Infinity,
    msaaSamples: 1,
    shadows: false,
    showRenderLoopErrors: false,
    blurActiveElementOnCanvasFocus: false,
    creditContainer: document.createElement("div"),
    creditViewport: document.createElement("div"),
    contextOptions: { webgl: { alpha: false, antialias: false, powerPreference: "low-power", stencil: false } },
  });
  widget.resolutionScale = sharpness();
  plain(widget.scene);
  widget.scene.renderError.addEventListener((_: Scene, error: unknown) => faults.add("globe", error));
  void addWorld(widget.scene, faults).then(ready);
  return widget;
}

function plain(scene: Scene): void {
  scene.backgroundColor = Color.fromCssColorString(SPACE);
  scene.fog.enabled = false;
  scene.highDynamicRange = false;
  scene.postProcessStages.fxaa.enabled = false;
  scene.globe.baseColor = Color.fromCssColorString(OCEAN);
  scene.globe.showGroundAtmosphere = false;
  scene.globe.enableLighting = false;
  scene.globe.depthTestAgainstTerrain = true;
  scene.globe.tileCacheSize = 200;
  const controller = scene.screenSpaceCameraController;
  controller.minimumZoomDistance = NEAREST_M;
  controller.maximumZoomDistance = FARTHEST_M;
  if (!still()) return;
  controller.inertiaSpin = 0;
  controller.inertiaTranslate = 0;
  controller.inertiaZoom = 0;
}

async function addWorld(scene: Scene, faults: Faults): Promise<void> {
  try {
    const provider = await TileMapServiceImageryProvider.fromUrl(buildModuleUrl(WORLD), { credit: "" });
    provider.errorEvent.addEventListener((error: { message?: string }) => faults.add("world", error.message ?? "tile failed"));
    const world = new ImageryLayer(provider, { saturation: 0.55, brightness: 0.82, contrast: 1.05 });
    scene.imageryLayers.add(world, 0);
  } catch (error) {
    faults.add("world", error);
  }
  scene.requestRender();
}
