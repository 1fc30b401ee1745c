/** What is drawn over the globe in the plane of the screen: the area, the point read, the cross of the keyboard. */

import type { Scene } from "@cesium/engine";
import { s } from "../dom";
import { screenOf } from "./places";

export type Corner = readonly [lon: number, lat: number];

const PIECES = 12; // of an edge, so that it follows the curve of the Earth and the ground

export interface Drawn {
  /** Corners of a ring. */
  readonly ring: readonly Corner[];
  readonly closed: boolean;
  /** Whether its corners are marked. */
  readonly open: boolean;
}

export class Overlay {
  readonly element: SVGElement;
  private readonly casing = s("path", { class: "globe-casing" });
  private readonly outline = s("path", { class: "globe-outline" });
  private readonly handles = s("g", { class: "globe-corners" });
  private readonly marker = s("g", { class: "globe-marker" }, s("circle", { r: 9 }), s("circle", { r: 3 }));
  private readonly cross = s("path", { class: "globe-cross", d: "M-14 0h10M4 0h10M0-14v10M0 4v10" });

  constructor(private readonly scene: Scene) {
    this.element = s("svg", { class: "globe-overlay", "aria-hidden": "true" }, this.casing, this.outline, this.handles, this.marker, this.cross);
    this.markAt(null);
    this.crossAt(null);
  }

  private drawn: Drawn | null = null;
  private marked: Corner | null = null;

  draw(drawn: Drawn | null): void {
    this.drawn = drawn;
    this.update();
  }

  markAt(place: Corner | null): void {
    this.marked = place;
    this.update();
  }

  /** The cross is where the screen says, whatever lies under it. */
  crossAt(at: { readonly x: number; readonly y: number } | null): void {
    this.cross.toggleAttribute("hidden", at === null);
    if (at) this.cross.setAttribute("transform", `translate(${at.x} ${at.y})`);
  }

  /** Follow the camera. */
  update(): void {
    const path = this.drawn ? this.path(this.drawn) : "";
    this.casing.setAttribute("d", path);
    this.outline.setAttribute("d", path);
    this.outline.classList.toggle("filled", this.drawn?.closed ?? false);
    this.handles.replaceChildren(...(this.drawn?.open ? this.corners(this.drawn.ring) : []));
    const at = this.marked && screenOf(this.scene, this.marked[0], this.marked[1]);
    this.marker.toggleAttribute("hidden", !at);
    if (at) this.marker.setAttribute("transform", `translate(${at.x.toFixed(1)} ${at.y.toFixed(1)})`);
  }

  private path({ ring, closed }: Drawn): string {
    const around = closed && ring[0] ? [...ring, ring[0]] : ring;
    let path = "";
    let pen = false;
    for (const [lon, lat] of between(around)) {
      const at = screenOf(this.scene, lon, lat);
      if (at) path += `${pen ? "L" : "M"}${at.x.toFixed(1)} ${at.y.toFixed(1)}`;
      pen = at !== null;
    }
    return path;
  }

  private corners(ring: readonly Corner[]): SVGElement[] {
    return ring.flatMap(([lon, lat]) => {
      const at = screenOf(this.scene, lon, lat);
      return at ? [s("circle", { cx: at.x.toFixed(1), cy: at.y.toFixed(1), r: 5 })] : [];
    });
  }
}

function between(ring: readonly Corner[]): Corner[] {
  const points: Corner[] = [];
  for (let i = 0; i + 1 < ring.length; i++) {
    const [a, b] = [ring[i], ring[i + 1]];
    if (!a || !b) continue;
    for (let n = 0; n < PIECES; n++) points.push([a[0] + ((b[0] - a[0]) * n) / PIECES, a[1] + ((b[1] - a[1]) * n) / PIECES]);
  }
  const last = ring[ring.length - 1];
  return last ? [...points, last] : points;
}
