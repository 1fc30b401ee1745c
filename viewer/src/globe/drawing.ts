/** Drawing an area: corner by corner, with mouse or finger, or with the cross that the arrow keys move. */

import type { Area, Bbox } from "../model";
import type { Corner, Overlay } from "./overlay";

export type Kind = "rectangle" | "polygon";
const STEP = 10;
const WIDE = 5;
const SAME_PIXELS = 12; // a corner set again within this many ends a polygon
const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

interface Screen {
  readonly width: number;
  readonly height: number;
  /** The place under a point of the screen. */
  at(x: number, y: number): Corner | null;
  /** Where a place is on the screen; null behind the globe. */
  where(corner: Corner): Point | null;
}
interface Point {
  readonly x: number;
  readonly y: number;
}

/** The ring that runs around a rectangle from its two corners. */
export function ringOf(a: Corner, b: Corner): Corner[] {
  const [west, east] = [Math.min(a[0], b[0]), Math.max(a[0], b[0])];
  const [south, north] = [Math.min(a[1], b[1]), Math.max(a[1], b[1])];
  return [[west, south], [east, south], [east, north], [west, north]];
}

/** The area within a ring; null where it has none. */
export function areaOf(ring: readonly Corner[]): Area | null {
  const lons = ring.map(([lon]) => lon);
  const lats = ring.map(([, lat]) => lat);
  const bbox: Bbox = [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
  return ring.length >= 3 && bbox[0] < bbox[2] && bbox[1] < bbox[3] ? { bbox, ring } : null;
}

/** One act of drawing; `done` is told the area, or null. */
export class Drawing {
  private readonly corners: Corner[] = [];
  private cross: Point;
  private over = false;

  constructor(
    readonly kind: Kind,
    private readonly screen: Screen,
    private readonly overlay: Overlay,
    private readonly done: (area: Area | null) => void,
    private readonly told: (at: Point) => void,
  ) {
    this.cross = { x: Math.round(screen.width / 2), y: Math.round(screen.height / 2) };
    overlay.draw({ ring: [], closed: false, open: true });
  }

  /** Show the cross, for whoever draws with the keyboard. */
  useKeys(): void {
    this.overlay.crossAt(this.cross);
    this.told(this.cross);
  }

  /** Whether the key meant something. */
  key(event: KeyboardEvent): boolean {
    const way = ARROWS[event.key];
    if (way) {
      const step = STEP * (event.shiftKey ? WIDE : 1);
      this.cross = {
        x: Math.min(Math.max(this.cross.x + way[0] * step, 0), this.screen.width),
        y: Math.min(Math.max(this.cross.y + way[1] * step, 0), this.screen.height),
      };
      this.useKeys();
      this.preview(this.cross);
    } else if (event.key === "Enter" || event.key === " ") {
      this.useKeys();
      this.set(this.cross);
    } else if (event.key === "Escape") this.end(null);
    else if (event.key === "Backspace") this.back();
    else return false;
    return true;
  }

  /** A click or a tap, or Enter at the cross. */
  set(at: Point): void {
    const corner = this.screen.at(at.x, at.y);
    if (!corner || this.over) return;
    const again = [this.corners[0], this.corners[this.corners.length - 1]].some((known) => known && near(this.screen.where(known), at));
    if (this.kind === "polygon" && again && this.corners.length >= 3) return this.finish();
    if (again) return;
    this.corners.push(corner);
    if (this.kind === "rectangle" && this.corners.length === 2) return this.finish();
    this.preview(at);
  }

  /** A double click ends a polygon; its first click has set the last corner. */
  finish(): void {
    const [a, b] = this.corners;
    const ring = this.kind === "rectangle" ? (a && b ? ringOf(a, b) : []) : this.corners;
    const area = areaOf(ring);
    if (area) this.end(area);
  }

  /** What the area would be if the next corner were here. */
  preview(at: Point): void {
    const next = this.screen.at(at.x, at.y);
    const [first] = this.corners;
    if (!next || !first) return;
    const ring = this.kind === "rectangle" ? ringOf(first, next) : [...this.corners, next];
    this.overlay.draw({ ring, closed: ring.length > 2, open: true });
  }

  move(at: Point): void {
    this.overlay.crossAt(null);
    this.preview(at);
  }

  end(area: Area | null): void {
    if (this.over) return;
    this.over = true;
    this.overlay.crossAt(null);
    this.overlay.draw(null);
    this.done(area);
  }

  private back(): void {
    this.corners.pop();
    if (this.corners.length === 0) this.overlay.draw({ ring: [], closed: false, open: true });
    else this.preview(this.cross);
  }
}

function near(a: Point | null, b: Point): boolean {
  return a !== null && Math.hypot(a.x - b.x, a.y - b.y) < SAME_PIXELS;
}
