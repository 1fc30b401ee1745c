/**
 * Lists of features draped over the globe: vector tiles painted on a canvas each. A browser draws a hundred thousand outlines
 * so on any machine, where as many draped primitives would stop a slow one.
 */

import { Credit, DefaultProxy, Event, WebMercatorTilingScheme, type ImageryProvider, type Request } from "@cesium/engine";
import type { Bbox, Layer } from "../model";
import { colouring } from "./colours";
import type { Faults } from "./errors";
import { decode, type TileFeature, type TileLayer } from "./mvt";
import { coarsestLevel, rectangleOf } from "./places";

const SIDE = 512;
const DEEPEST = 18;
const FILL = 0.5; // of a class; an outline alone is filled so thinly that what lies below stays readable
const FILL_PLAIN = 0.1;
const LINE_WIDTH = 3;
const CASING = 1.5;
const POINT_RADIUS = 5;
const MOST_WAITING = 24;
const AROUND = 0.3; // of an extent, so that no symbol at its edge is cut
const RANK = { polygon: 0, line: 1, point: 2 } as const;

/** How a list is painted, and who is told whether it is of areas (0), lines (1) or points (2). */
export interface Look {
  readonly colour: (properties: TileFeature["properties"]) => string;
  readonly fill: number;
  readonly ranked: (rank: number) => void;
}

/** The look of a layer among all layers. */
export function lookOf(layer: Layer, layers: readonly Layer[], ranked: (rank: number) => void): Look {
  return { colour: colouring(layer, layers), fill: layer.legend.type === "classes" ? FILL : FILL_PLAIN, ranked };
}

/** Duck-typed: CesiumJS asks for these members and its base class refuses to be constructed. */
export function featureImagery(layer: Layer, address: string, look: Look, faults: Faults): ImageryProvider {
  const tilingScheme = new WebMercatorTilingScheme();
  let waiting = 0;
  const load = async (x: number, y: number, level: number): Promise<HTMLCanvasElement> => {
    waiting += 1;
    try {
      const layers = await fetchTile(tileAddress(address, x, y, level));
      const types = layers.flatMap(({ features }) => features.map(({ type }) => RANK[type]));
      if (types.length > 0) look.ranked(Math.max(...types));
      return paint(layers, look);
    } catch (error) {
      faults.first(layer.id, error);
      return paint([], look);
    } finally {
      waiting -= 1;
    }
  };
  const provider = {
    rectangle: rectangleOf(wider(layer.bbox), tilingScheme.rectangle),
    tileWidth: SIDE,
    tileHeight: SIDE,
    minimumLevel: coarsestLevel({ bbox: layer.bbox, minzoom: 0, maxzoom: DEEPEST }),
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

function wider([west, south, east, north]: Bbox): Bbox {
  const more = AROUND * Math.max(east - west, north - south, 0.01);
  return west > east ? [west, south, east, north] : [west - more, south - more, east + more, north + more];
}

function tileAddress(geojson: string, x: number, y: number, level: number): string {
  return `${geojson.replace(/\.geojson$/, "")}/${level}/${x}/${y}.mvt`;
}

async function fetchTile(address: string): Promise<TileLayer[]> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${response.status} for ${address}`);
  return decode(new Uint8Array(await response.arrayBuffer()));
}

function paint(layers: readonly TileLayer[], { colour, fill }: Look): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = SIDE;
  canvas.height = SIDE;
  const pen = canvas.getContext("2d");
  if (!pen) return canvas;
  pen.lineJoin = "round";
  pen.lineCap = "round";
  for (const { extent, features } of layers) {
    const scale = SIDE / extent;
    for (const feature of features) if (feature.type === "polygon") polygon(pen, feature, scale, colour(feature.properties), fill);
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

function polygon(pen: CanvasRenderingContext2D, feature: TileFeature, scale: number, colour: string, fill: number): void {
  trace(pen, feature, scale, true);
  pen.globalAlpha = fill;
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

