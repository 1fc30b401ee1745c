/** From the screen to the ground and back. */

import { Cartesian2, Cartesian3, Cartographic, Math as Angles, Rectangle, SceneTransforms, type Scene } from "@cesium/engine";
import type { Bbox } from "../model";

export interface Place {
  readonly lon: number;
  readonly lat: number;
  readonly height: number;
}

const NARROWEST = 1e-5; // degree: a rectangle of nothing has no tiles
const ABOVE = 30; // metres over the ground up to which a point counts as seen, so that no hilltop flickers

/** A bounding box as a rectangle within another; one that crosses the antimeridian spans the world. */
export function rectangleOf(bbox: Bbox, within: Rectangle = Rectangle.MAX_VALUE): Rectangle {
  const [west, south, east, north] = bbox;
  const across = west > east;
  const made = Rectangle.fromDegrees(
    across ? -180 : Math.max(-180, west - NARROWEST),
    Math.max(-90, south - NARROWEST),
    across ? 180 : Math.min(180, east + NARROWEST),
    Math.min(90, north + NARROWEST),
  );
  return Rectangle.intersection(made, within) ?? Rectangle.clone(within);
}

/** The level at which an extent has the size of a tile: of a coarser one, no more than a few pixels would be seen. */
export function coarsestLevel({ bbox, minzoom, maxzoom }: { bbox: Bbox; minzoom: number; maxzoom: number }): number {
  const [west, south, east, north] = bbox;
  const widest = Math.max(west > east ? 360 : east - west, north - south, NARROWEST);
  return Math.min(Math.max(Math.floor(Math.log2(360 / widest)), minzoom), maxzoom);
}

/** What lies under a point of the screen; null beside the globe. */
export function placeAt(scene: Scene, x: number, y: number): Place | null {
  const at = new Cartesian2(x, y);
  const ray = scene.camera.getPickRay(at);
  const hit = (ray && scene.globe.pick(ray, scene)) ?? scene.camera.pickEllipsoid(at);
  if (!hit) return null;
  const { longitude, latitude, height } = Cartographic.fromCartesian(hit);
  return { lon: Angles.toDegrees(longitude), lat: Angles.toDegrees(latitude), height };
}

/** Where a place is on the screen; null behind the globe or the camera. */
export function screenOf(scene: Scene, lon: number, lat: number): Cartesian2 | null {
  const ground = scene.globe.getHeight(Cartographic.fromDegrees(lon, lat)) ?? 0;
  const point = Cartesian3.fromDegrees(lon, lat, ground);
  const lifted = Cartesian3.fromDegrees(lon, lat, Math.max(0, ground) + ABOVE);
  if (!overHorizon(scene.camera.positionWC, lifted)) return null;
  return SceneTransforms.worldToWindowCoordinates(scene, point) ?? null;
}

/** Whether the sphere inscribed in the Earth leaves the line of sight free. */
function overHorizon(eye: Cartesian3, point: Cartesian3): boolean {
  const radius = 6_356_752;
  const toPoint = Cartesian3.subtract(point, eye, new Cartesian3());
  const length = Cartesian3.magnitude(toPoint);
  const along = -Cartesian3.dot(eye, toPoint) / length;
  if (along <= 0 || along >= length) return true;
  return Cartesian3.magnitudeSquared(eye) - along * along >= radius * radius;
}

/** Metres that one pixel spans at the middle of the screen; null beside the globe. */
export function metresPerPixel(scene: Scene): number | null {
  const { clientWidth, clientHeight } = scene.canvas;
  const reach = Math.min(100, clientWidth / 4);
  const left = placeAt(scene, (clientWidth - reach) / 2, clientHeight / 2);
  const right = placeAt(scene, (clientWidth + reach) / 2, clientHeight / 2);
  if (!left || !right) return null;
  const a = Cartesian3.fromDegrees(left.lon, left.lat);
  const b = Cartesian3.fromDegrees(right.lon, right.lat);
  return Cartesian3.distance(a, b) / reach;
}
