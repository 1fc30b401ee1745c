/** Buttons, scale bar, place under the pointer and sources: what stands around the globe. */

import { Matrix4, type Scene } from "@cesium/engine";
import { h, s } from "../dom";
import type { State } from "../model";
import { number, place, say as speak } from "../text";
import { metresPerPixel, type Place } from "./places";
import type { TerrainAccount } from "./terrain";
import { say, type GlobeWord } from "./words";

const LONGEST_PX = 110;
const ICONS = {
  zoomIn: "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6Z",
  zoomOut: "M5 11h14v2H5Z",
  home: "m12 4 9 8h-3v8h-4v-5h-4v5H6v-8H3Z",
  about: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm-1 5h2v2.2h-2Zm0 4h2v6h-2Z",
  tilt: "m6 8h12l4 9H2Zm1.3 2-2.2 5h13.8l-2.2-5Z",
} as const;

export interface Acts {
  zoom(nearer: boolean): void;
  north(): void;
  home(): void;
  tilt(): void;
  tilted(): boolean;
  finish(): void;
  cancel(): void;
}

export class Controls {
  readonly element: HTMLElement;
  private readonly needle = s("svg", { viewBox: "0 0 24 24", class: "globe-icon", "aria-hidden": "true" }, s("path", { class: "globe-needle", d: "M12 2 16 12H8Z" }), s("path", { d: "M12 22 8 12h8Z" }));
  private readonly bar = h("span", { class: "globe-bar" });
  private readonly scale = h("span", {});
  private readonly where = h("span", { class: "globe-where" });
  private readonly sources = h("span", { class: "globe-sources" });
  private readonly note = h("p", { class: "globe-about", hidden: true });
  private readonly finishButton: HTMLButtonElement;
  private readonly cancelButton: HTMLButtonElement;
  private readonly drawingTools: HTMLElement;
  private buttons: readonly (readonly [HTMLButtonElement, GlobeWord])[];
  private readonly tools: HTMLElement;
  private readonly tiltButton: HTMLButtonElement;
  private account: TerrainAccount | null = null;
  private pointed: Place | null = null;
  private readonly seen = new Matrix4();
  private size = "";

  constructor(
    private readonly scene: Scene,
    private readonly state: State,
    private readonly acts: Acts,
  ) {
    const button = (act: () => void, ...inside: (Node | string)[]): HTMLButtonElement => h("button", { type: "button", onclick: act }, ...inside);
    this.tiltButton = button(() => acts.tilt(), picture("tilt"));
    this.buttons = [
      [button(() => acts.zoom(true), picture("zoomIn")), "zoomIn"],
      [button(() => acts.zoom(false), picture("zoomOut")), "zoomOut"],
      [button(() => acts.north(), this.needle), "north"],
      [button(() => acts.home(), picture("home")), "home"],
    ];
    const about = button(() => about.setAttribute("aria-expanded", String(!this.note.toggleAttribute("hidden"))), picture("about"));
    about.setAttribute("aria-expanded", "false");
    this.tools = h("div", { class: "globe-tools", role: "group" }, ...this.buttons.map(([made]) => made), this.tiltButton, about);
    this.buttons = [...this.buttons, [about, "about"]];
    this.finishButton = button(() => acts.finish());
    this.cancelButton = button(() => acts.cancel());
    this.drawingTools = h("div", { class: "globe-drawing", hidden: true }, this.finishButton, this.cancelButton);
    const line = h("div", { class: "globe-line" }, this.where, h("span", { class: "globe-scale" }, this.bar, this.scale), this.sources);
    this.element = h("div", { class: "globe-controls" }, this.tools, this.drawingTools, h("div", { class: "globe-foot" }, this.note, line));
    this.speak();
  }

  /** Say everything in the language of the page. */
  speak(): void {
    const language = this.state.get("language");
    for (const [button, word] of this.buttons) name(button, say(word, language));
    this.tools.setAttribute("aria-label", say("tools", language));
    this.finishButton.textContent = say("finish", language);
    this.cancelButton.textContent = say("cancel", language);
    this.sources.textContent = say("sources", language);
    this.note.textContent = this.account ? speak(this.account.note) : say("smooth", language);
    this.measure();
    this.point(this.pointed);
  }

  tellTerrain(account: TerrainAccount | null): void {
    this.account = account;
    this.speak();
  }

  /** The place under the pointer or the cross. */
  point(at: Place | null): void {
    this.pointed = at;
    const height = at && this.account ? `  ${say("height", this.state.get("language"), { value: number(at.height, 3) })}` : "";
    this.where.textContent = at ? place(at.lon, at.lat) + height : "";
  }

  drawing(kind: "rectangle" | "polygon" | null): void {
    this.drawingTools.toggleAttribute("hidden", kind === null);
    this.finishButton.toggleAttribute("hidden", kind !== "polygon");
  }

  /** Follow the camera. */
  follow(): void {
    const { camera, canvas } = this.scene;
    const size = `${canvas.clientWidth} ${canvas.clientHeight}`;
    if (Matrix4.equals(camera.viewMatrix, this.seen) && size === this.size) return;
    Matrix4.clone(camera.viewMatrix, this.seen);
    this.size = size;
    this.measure();
  }

  private measure(): void {
    this.needle.style.setProperty("transform", `rotate(${-this.scene.camera.heading}rad)`);
    name(this.tiltButton, say(this.acts.tilted() ? "flat" : "tilt", this.state.get("language")));
    const metres = metresPerPixel(this.scene);
    this.bar.toggleAttribute("hidden", metres === null);
    if (metres === null) return void (this.scale.textContent = "");
    const length = roundLength(metres * LONGEST_PX);
    this.bar.style.setProperty("width", `${(length / metres).toFixed(1)}px`);
    this.scale.textContent = length >= 1000 ? `${length / 1000} km` : `${length} m`;
  }
}

/** The longest of 1, 2 and 5 times a power of ten that is not longer. */
export function roundLength(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  return ([5, 2, 1].find((n) => n * power <= most) ?? 1) * power;
}

function picture(which: keyof typeof ICONS): SVGElement {
  return s("svg", { viewBox: "0 0 24 24", class: "globe-icon", "aria-hidden": "true" }, s("path", { d: ICONS[which] }));
}

function name(button: HTMLButtonElement, said: string): void {
  if (button.title === said) return;
  button.title = said;
  button.setAttribute("aria-label", said);
}
