/**
 * Lists of features draped over the globe: vector tiles painted on a canvas each. A browser draws a hundred thousand outlines
 * so on any machine, where as many draped primitives would stop a slow one.
 */

import { Credit, DefaultProxy, Event, WebMercatorTilingScheme, type ImageryProvider, type Request } from "@cesium/engine";
import type { Layer } from "../model";
import { colouring } from "./colours";
import type { Faults } from "./errors";
import { decode, type TileFeature, type TileLayer } from "./mvt";
import { rectangleOf } from "./places";

const SIDE = 512;
const DEEPEST = 18;
const FILL = 0.45;
const LINE_WIDTH = 3;
const CASING = 1.5;
const POINT_RADIUS = 5;
const MOST_WAITING = 24;

/** Duck-typed: CesiumJS asks for these members and its base class refuses to be constructed. */
export function featureImagery(layer: Layer, address: string, faults: Faults): ImageryProvider {
  const tilingScheme = new WebMercatorTilingScheme();
  const colour = colouring(layer);
  let waiting = 0;
  const load = async (x: number, y: number, level: number): Promise<HTMLCanvasElement> => {
    waiting += 1;
    try {
      return paint(await fetchTile(tileAddress(address, x, y, level)), colour);
    } catch (error) {
      faults.add(layer.id, error);
      return paint([], colour);
    } finally {
      waiting -= 1;
    }
  };
  const provider = {
    rectangle: rectangleOf(layer.bbox, tilingScheme.rectangle),
    tileWidth: SIDE,
    tileHeight: SIDE,
    minimumLevel: 0,
    maximumLevel: DEEPEST,
    tilingScheme,
    tileDiscardPolicy: undefined as never,
    errorEvent: new Event(),
    credit: undefined as unknown as Credit,
    proxy: undefined as unknown as DefaultProxy,
    hasAlphaChannel: true,
    getTileCredits: (): Credit[] => [],
    pickFeatures: () => undefined,
    requestImage: (x: number, y: number, level: number, _request?: Request) => (waiting >= MOST_WAITING ? undefined : load(x, y, level)),
  };
  return provider as unknown as ImageryProvider;
}

function tileAddress(geojson: string, x: number, y: number, level: number): string {
  return `${geojson.replace(/\.geojson$/, "")}/${level}/${x}/${y}.mvt`;
}

async function fetchTile(address: string): Promise<TileLayer[]> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${response.status} for ${address}`);
  return decode(new Uint8Array(await response.arrayBuffer()));
}

type Colour = (properties: TileFeature["properties"]) => string;

function paint(layers: readonly TileLayer[], colour: Colour): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = SIDE;
  canvas.height = SIDE;
  const pen = canvas.getContext("2d");
  if (!pen) return canvas;
  pen.lineJoin = "round";
  pen.lineCap = "round";
  for (const { extent, features } of layers) {
    const scale = SIDE / extent;
    for (const feature of features) if (feature.type === "polygon") polygon(pen, feature, scale, colour(feature.properties));
    const lines = features.filter((feature) => feature.type === "line");
    for (const feature of lines) line(pen, feature, scale, "rgba(255,255,255,0.85)", LINE_WIDTH + 2 * CASING);
    for (const feature of lines) line(pen, feature, scale, colour(feature.properties), LINE_WIDTH);
    for (const feature of features) if (feature.type === "point") point(pen, feature, scale, colour(feature.properties));
  }
  return canvas;
}

function trace(pen: CanvasRenderingContext2D, feature: TileFeature, scale: number, closed: boolean): void {
  pen.beginPath();
  for (const part of feature.parts) {
    part.forEach(([x, y], i) => (i === 0 ? pen.moveTo(x * scale, y * scale) : pen.lineTo(x * scale, y * scale)));
    if (closed) pen.closePath();
  }
}

function polygon(pen: CanvasRenderingContext2D, feature: TileFeature, scale: number, colour: string): void {
  trace(pen, feature, scale, true);
  pen.globalAlpha = FILL;
  pen.fillStyle = colour;
  pen.fill("evenodd");
  pen.globalAlpha = 1;
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  pen.stroke();
}

function line(pen: CanvasRenderingContext2D, feature: TileFeature, scale: number, colour: string, width: number): void {
  trace(pen, feature, scale, false);
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.stroke();
}

function point(pen: CanvasRenderingContext2D, feature: TileFeature, scale: number, colour: string): void {
  for (const [place] of feature.parts) {
    if (!place) continue;
    pen.beginPath();
    pen.arc(place[0] * scale, place[1] * scale, POINT_RADIUS, 0, 2 * Math.PI);
    pen.fillStyle = colour;
    pen.fill();
    pen.strokeStyle = "#ffffff";
    pen.lineWidth = CASING;
    pen.stroke();
  }
}

