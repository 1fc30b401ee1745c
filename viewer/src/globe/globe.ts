/**
 * The globe of the page. It follows the state by itself: layers, what is shown, opacity, time, the divider, the area, the point
 * read, and the language. A click, or Enter at the cross, is told to whoever asked by `onPick`; while an area is drawn the state
 * says so in `drawing`.
 */

import "./globe.css";

import type { CesiumWidget, Scene } from "@cesium/engine";
import { h } from "../dom";
import type { Area, Bbox, Picked, State } from "../model";
import { steer, View } from "./camera";
import { Controls } from "./controls";
import { Drawing, type Kind } from "./drawing";
import { Faults } from "./errors";
import { Overlay } from "./overlay";
import { buildingAt, featureAt } from "./picking";
import { placeAt, screenOf, type Place } from "./places";
import { Pointer } from "./pointer";
import { canDraw, makeWidget } from "./scene";
import { Stack, wanted } from "./stack";
import { terrain } from "./terrain";
import { say } from "./words";

const FRAMES_TO_SETTLE = 3;
const LOOK_MS = 100;
const WORLD: Bbox = [95, 5, 175, 60];

type PickListener = (lon: number, lat: number, feature?: Picked["feature"]) => void;

export class Globe {
  private readonly faults = new Faults();
  private readonly surface: HTMLElement;
  private readonly widget: CesiumWidget;
  private readonly scene: Scene;
  private readonly view: View;
  private readonly stack: Stack;
  private readonly overlay: Overlay;
  private readonly controls: Controls;
  private readonly listeners = new Set<PickListener>();
  private drawing: Drawing | null = null;
  private waiting = { world: true, terrain: true };
  private frames = FRAMES_TO_SETTLE;
  private placed = false;
  private picks = 0;
  private keyed = false;

  /** Throws where the browser cannot draw it. */
  constructor(container: HTMLElement, private readonly state: State) {
    if (!canDraw()) throw new Error("no WebGL 2");
    this.surface = h("div", { class: "globe", tabindex: 0, role: "application" });
    container.append(this.surface);
    this.widget = makeWidget(this.surface, this.faults, () => this.arrived("world"));
    this.scene = this.widget.scene;
    this.view = new View(this.scene, () => this.changed());
    this.stack = new Stack(this.scene, this.faults, () => this.changed());
    this.overlay = new Overlay(this.scene);
    this.controls = new Controls(this.scene, state, {
      zoom: (nearer) => this.view.zoom(nearer),
      north: () => this.view.northUp(),
      home: () => this.home(),
      tilt: () => this.view.tilt(),
      tilted: () => this.view.tilted,
      finish: () => this.drawing?.finish(),
      cancel: () => this.cancelDrawing(),
    });
    this.surface.append(this.overlay.element);
    container.append(this.controls.element);
    this.listen();
    this.follow();
    this.scene.postRender.addEventListener(() => this.rendered());
    void this.raiseTerrain();
  }

  /** What went wrong so far, one line each. */
  get errors(): readonly string[] {
    return this.faults.list;
  }

  /** Show an extent. */
  flyTo(bbox: Bbox): void {
    this.placed = true;
    this.view.show(bbox);
  }

  /** Call at every point that is read. */
  onPick(listener: PickListener): void {
    this.listeners.add(listener);
  }

  /** Where a place is on the page, in its pixels; null where it is not seen. */
  screenOf(lon: number, lat: number): { readonly x: number; readonly y: number } | null {
    const at = screenOf(this.scene, lon, lat);
    const box = this.scene.canvas.getBoundingClientRect();
    return at && { x: at.x + box.left, y: at.y + box.top };
  }

  /** Mark a place. */
  markPoint(lon: number, lat: number): void {
    this.overlay.markAt([lon, lat]);
  }

  /** Let the person draw an area; null where it is given up. A second call ends the first. */
  startDrawing(kind: Kind): Promise<Area | null> {
    this.cancelDrawing();
    return new Promise((resolve) => {
      const { clientWidth: width, clientHeight: height } = this.scene.canvas;
      const screen = {
        width,
        height,
        at: (x: number, y: number): readonly [number, number] | null => {
          const found = placeAt(this.scene, x, y);
          return found && [found.lon, found.lat];
        },
        where: ([lon, lat]: readonly [number, number]) => screenOf(this.scene, lon, lat),
      };
      const done = (area: Area | null): void => {
        this.drawing = null;
        this.controls.drawing(null);
        this.surface.classList.remove("drawing");
        if (this.state.get("drawing") === kind) this.state.set({ drawing: null });
        this.drawArea();
        resolve(area);
      };
      this.drawing = new Drawing(kind, screen, this.overlay, done, ({ x, y }) => this.controls.point(placeAt(this.scene, x, y)));
      this.controls.drawing(kind);
      this.surface.classList.add("drawing");
      this.surface.focus({ preventScroll: true });
      this.state.set({ drawing: kind });
    });
  }

  cancelDrawing(): void {
    this.drawing?.end(null);
  }

  /** Whether everything that is shown is there, and nothing moves. */
  isIdle(): boolean {
    const { world, terrain: ground } = this.waiting;
    return !world && !ground && this.frames === 0 && this.view.settled && this.scene.globe.tilesLoaded && this.stack.settled;
  }

  /** Resolves once the globe is idle. */
  async screenshotReady(): Promise<void> {
    while (!this.isIdle()) await new Promise((done) => setTimeout(done, LOOK_MS));
  }

  private async raiseTerrain(): Promise<void> {
    const { provider, account } = await terrain(this.faults);
    this.scene.terrainProvider = provider;
    this.controls.tellTerrain(account);
    this.arrived("terrain");
  }

  private arrived(what: "world" | "terrain"): void {
    this.waiting = { ...this.waiting, [what]: false };
    this.changed();
  }

  /** Something is to be drawn again; the globe is not idle before it was. */
  private changed(): void {
    this.frames = FRAMES_TO_SETTLE;
    this.scene.requestRender();
  }

  private rendered(): void {
    this.overlay.update();
    this.controls.follow();
    if (this.frames === 0) return;
    this.frames -= 1;
    this.scene.requestRender();
  }

  private follow(): void {
    const { state } = this;
    const layers = (): void => {
      this.stack.show(wanted(state), state.get("layers"));
      const swipe = state.get("swipe");
      this.scene.splitPosition = swipe.position;
      this.changed();
    };
    const speak = (): void => {
      const language = state.get("language");
      this.surface.setAttribute("aria-label", say("label", language));
      this.surface.setAttribute("aria-roledescription", say("role", language));
      this.controls.speak();
    };
    const place = (): void => {
      if (!this.placed) this.home(true);
    };
    state.on(["layers", "shown", "opacity", "time", "playing", "swipe"], layers);
    state.on(["language"], speak);
    state.on(["catalogue"], place);
    state.on(["area"], () => this.drawArea());
    state.on(["picked"], () => this.drawPicked());
    layers();
    speak();
    place();
    this.drawArea();
    this.drawPicked();
  }

  private home(atOnce = false): void {
    const bbox = this.state.get("catalogue")?.bbox ?? null;
    this.placed = bbox !== null;
    this.view.show(bbox ?? WORLD, atOnce);
  }

  private drawArea(): void {
    if (this.drawing) return;
    const area = this.state.get("area");
    this.overlay.draw(area && { ring: area.ring, closed: true, open: false });
  }

  private drawPicked(): void {
    const picked = this.state.get("picked");
    this.overlay.markAt(picked && [picked.lon, picked.lat]);
  }

  private listen(): void {
    this.surface.addEventListener("keydown", (event) => this.key(event));
    this.surface.addEventListener("focus", () => {
      this.keyed = this.surface.matches(":focus-visible");
      this.showCross();
    });
    this.surface.addEventListener("blur", () => {
      this.keyed = false;
      this.overlay.crossAt(null);
    });
    new Pointer(this.scene.canvas, {
      click: (x, y) => (this.drawing ? this.drawing.set({ x, y }) : void this.pick(x, y)),
      move: (x, y) => this.point(x, y),
      leave: () => this.controls.point(null),
      press: () => {
        this.keyed = false;
        this.overlay.crossAt(null);
        this.surface.focus({ preventScroll: true });
      },
    });
  }

  private point(x: number, y: number): void {
    this.controls.point(placeAt(this.scene, x, y));
    this.drawing?.move({ x, y });
  }

  private key(event: KeyboardEvent): void {
    const meant = this.drawing ? this.drawing.key(event) || steer(this.view, event) : this.read(event) || steer(this.view, event);
    if (!meant) return;
    event.preventDefault();
    event.stopPropagation();
    this.keyed = true;
    this.showCross();
  }

  private read(event: KeyboardEvent): boolean {
    if (event.key === "Home") this.home();
    else if (event.key === "Enter") void this.pick(this.scene.canvas.clientWidth / 2, this.scene.canvas.clientHeight / 2);
    else return false;
    return true;
  }

  /** For the keyboard: what is in the middle of the view, and where that is. */
  private showCross(): void {
    if (!this.keyed) return;
    if (this.drawing) return this.drawing.useKeys();
    const [x, y] = [this.scene.canvas.clientWidth / 2, this.scene.canvas.clientHeight / 2];
    this.overlay.crossAt({ x, y });
    this.controls.point(placeAt(this.scene, x, y));
  }

  private async pick(x: number, y: number): Promise<void> {
    const at: Place | null = placeAt(this.scene, x, y);
    if (!at) return;
    this.picks += 1;
    const mine = this.picks;
    this.markPoint(at.lon, at.lat);
    this.scene.requestRender();
    const feature = buildingAt(this.scene, this.stack, x, y) ?? (await featureAt(this.scene, this.stack.lists(), at, x, y, this.faults));
    if (mine !== this.picks) return;
    this.listeners.forEach((listener) => listener(at.lon, at.lat, feature));
  }
}
