/** Moving the view: to a place, and with keys. */

import { Cartesian3, Cartographic, Math as Angles, Rectangle, type Scene } from "@cesium/engine";
import type { Bbox } from "../model";
import { placeAt, rectangleOf } from "./places";
import { still } from "./scene";

const FLIGHT_S = 1.2;
const MARGIN = 0.12; // of an extent, left free around it
const SMALLEST = 0.002; // degree
const PAN = 0.12; // of the height of the view, at one stroke
const ZOOM = 0.25;
const TURN = Angles.toRadians(10);
const STEEPEST = Angles.toRadians(-90);
const FLATTEST = Angles.toRadians(-20);
const TILTED = Angles.toRadians(-40);

export class View {
  private flying = false;

  constructor(
    private readonly scene: Scene,
    private readonly changed: () => void,
  ) {}

  get settled(): boolean {
    return !this.flying;
  }

  /** Show an extent from straight above. */
  show(bbox: Bbox, atOnce = false): void {
    const { camera } = this.scene;
    const destination = widened(rectangleOf(bbox));
    const orientation = { heading: 0, pitch: STEEPEST, roll: 0 };
    camera.cancelFlight();
    this.flying = false;
    if (atOnce || still()) camera.setView({ destination, orientation });
    else this.fly({ destination, orientation });
    this.changed();
  }

  private fly(where: { destination: Rectangle | Cartesian3; orientation: { heading: number; pitch: number; roll: number } }): void {
    const over = (): void => {
      this.flying = false;
      this.changed();
    };
    this.flying = true;
    this.scene.camera.flyTo({ ...where, duration: FLIGHT_S, complete: over, cancel: over });
  }

  pan(right: number, up: number): void {
    const { camera } = this.scene;
    const reach = PAN * this.range();
    const heading = camera.heading;
    const east = (right * Math.cos(heading) + up * Math.sin(heading)) * reach;
    const north = (up * Math.cos(heading) - right * Math.sin(heading)) * reach;
    const { longitude, latitude, height } = camera.positionCartographic;
    const radius = 6_371_000;
    const lat = Angles.clamp(latitude + north / radius, -Angles.PI_OVER_TWO + 0.01, Angles.PI_OVER_TWO - 0.01);
    const lon = Angles.negativePiToPi(longitude + east / (radius * Math.max(Math.cos(latitude), 0.05)));
    const { pitch, roll } = camera;
    camera.setView({ destination: Cartesian3.fromRadians(lon, lat, height), orientation: { heading, pitch, roll } });
    this.changed();
  }

  zoom(nearer: boolean): void {
    const { camera } = this.scene;
    const { minimumZoomDistance, maximumZoomDistance } = this.scene.screenSpaceCameraController;
    const range = this.range();
    const step = nearer ? Math.min(ZOOM * range, range - minimumZoomDistance) : Math.min(range * (1 / (1 - ZOOM) - 1), maximumZoomDistance - range);
    if (step > 0) camera.move(camera.direction, nearer ? step : -step);
    this.changed();
  }

  /** Turn about the middle of the view, by a heading and a pitch each in steps. */
  turn(heading: number, pitch: number): void {
    const { camera } = this.scene;
    this.look(camera.heading + heading * TURN, Angles.clamp(camera.pitch + pitch * TURN, STEEPEST, FLATTEST));
  }

  northUp(): void {
    this.look(0, this.scene.camera.pitch);
  }

  /** Tilted where it looked straight down, and the other way. */
  tilt(): void {
    this.look(this.scene.camera.heading, this.tilted ? STEEPEST : TILTED);
  }

  get tilted(): boolean {
    return this.scene.camera.pitch > Angles.toRadians(-80);
  }

  /** Keep the middle of the view where it is, and look at it from elsewhere. */
  private look(heading: number, pitch: number): void {
    const { camera, canvas } = this.scene;
    const middle = placeAt(this.scene, canvas.clientWidth / 2, canvas.clientHeight / 2);
    if (!middle) return camera.setView({ orientation: { heading, pitch, roll: 0 } });
    const centre = Cartesian3.fromDegrees(middle.lon, middle.lat, middle.height);
    const range = Cartesian3.distance(camera.positionWC, centre);
    const up = range * Math.sin(-pitch);
    const back = range * Math.cos(pitch);
    const radius = 6_371_000;
    const at = Cartographic.fromDegrees(middle.lon, middle.lat);
    const lat = at.latitude - (back * Math.cos(heading)) / radius;
    const lon = at.longitude - (back * Math.sin(heading)) / (radius * Math.max(Math.cos(at.latitude), 0.05));
    const destination = Cartesian3.fromRadians(lon, Angles.clamp(lat, -1.55, 1.55), middle.height + up);
    camera.setView({ destination, orientation: { heading, pitch, roll: 0 } });
    return this.changed();
  }

  /** Metres from the eye to what is in the middle of the view. */
  private range(): number {
    const { camera, canvas } = this.scene;
    const middle = placeAt(this.scene, canvas.clientWidth / 2, canvas.clientHeight / 2);
    if (!middle) return camera.positionCartographic.height;
    return Cartesian3.distance(camera.positionWC, Cartesian3.fromDegrees(middle.lon, middle.lat, middle.height));
  }
}

function widened(rectangle: Rectangle): Rectangle {
  const least = Angles.toRadians(SMALLEST);
  const lon = Math.max(rectangle.width, least) * MARGIN;
  const lat = Math.max(rectangle.height, least) * MARGIN;
  if (rectangle.width > Math.PI) return rectangle;
  return new Rectangle(rectangle.west - lon, Math.max(rectangle.south - lat, -1.57), rectangle.east + lon, Math.min(rectangle.north + lat, 1.57));
}

const KEYS: Readonly<Record<string, (view: View) => void>> = {
  ArrowLeft: (view) => view.pan(-1, 0),
  ArrowRight: (view) => view.pan(1, 0),
  ArrowUp: (view) => view.pan(0, 1),
  ArrowDown: (view) => view.pan(0, -1),
  "+": (view) => view.zoom(true),
  "=": (view) => view.zoom(true),
  "-": (view) => view.zoom(false),
  PageUp: (view) => view.turn(0, -1),
  PageDown: (view) => view.turn(0, 1),
  "[": (view) => view.turn(1, 0),
  "]": (view) => view.turn(-1, 0),
  n: (view) => view.northUp(),
};

/** Move the view as a key says; whether it said anything. */
export function steer(view: View, event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  act?.(view);
  return act !== undefined;
}
