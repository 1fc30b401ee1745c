/** What the service tells the page (the HTTP contract), and the small observable state that panels and globe share. */

export type Language = "en" | "ja";
export type Text = Readonly<Record<Language, string>>;
/** West, south, east, north in degrees. */
export type Bbox = readonly [number, number, number, number];

export interface ClassEntry {
  readonly code: number | string;
  readonly title: Text;
  readonly colour: string;
  readonly nodata?: boolean;
  /** The ordinary state, which is left unpainted. */
  readonly bare?: boolean;
}
export type Legend =
  | { readonly type: "classes"; readonly classes: readonly ClassEntry[] }
  | {
      readonly type: "ramp";
      readonly limits: readonly [number, number];
      readonly stops: readonly (readonly [number, string])[];
      readonly units: string;
    }
  | { readonly type: "none" };

export type LayerKind = "coded" | "measured" | "image" | "features" | "buildings";

export interface Layer {
  readonly id: string;
  readonly field: string;
  readonly group: { readonly id: string; readonly title: Text };
  readonly title: Text;
  readonly kind: LayerKind;
  readonly quantity: string | null;
  readonly units: string | null;
  readonly datetime: string | null;
  readonly start: string | null;
  readonly end: string | null;
  readonly bbox: Bbox;
  readonly tiles: string | null;
  readonly minzoom: number;
  readonly maxzoom: number;
  readonly features: string | null;
  readonly tileset: string | null;
  readonly legend: Legend;
  readonly uncertainty: string | null;
  readonly noUncertainty: Text | string | null;
  readonly bundle: string | null;
  readonly simulated: boolean;
  readonly visible: boolean;
  readonly series: string | null;
}

export interface Field {
  readonly id: string;
  readonly title: Text;
}
export interface LayerList {
  readonly title: Text;
  readonly bbox: Bbox | null;
  readonly time: readonly [string, string] | null;
  readonly fields: readonly Field[];
  readonly layers: readonly Layer[];
}

export interface Uncertainty {
  readonly value: number | null;
  readonly units: string | null;
  readonly kind: "standard_uncertainty" | "probability" | "interval";
}
export interface CodedClass {
  readonly code: number | string;
  readonly title: Text;
}
export interface Value {
  readonly layer: string;
  readonly lon: number;
  readonly lat: number;
  readonly observed: boolean;
  readonly value: number | null;
  readonly units: string | null;
  readonly class: CodedClass | null;
  readonly uncertainty: Uncertainty | null;
  readonly reason: Text | null;
}
export interface SeriesPoint {
  readonly datetime: string;
  readonly value: number | null;
  readonly uncertainty: Uncertainty | number | null;
  readonly class: CodedClass | null;
  readonly layer: string;
}
export interface Series {
  readonly title: Text | string;
  readonly units: string | null;
  readonly series: readonly SeriesPoint[];
}
export interface AreaStatistics {
  readonly count: number;
  readonly seen_share: number;
  readonly mean: number | null;
  readonly standard_deviation: number | null;
  readonly minimum: number | null;
  readonly maximum: number | null;
  readonly units: string | null;
  readonly area_m2: number | null;
  readonly classes?: readonly (CodedClass & { readonly share: number; readonly area_m2: number })[];
}

export type JobStatus = "accepted" | "running" | "successful" | "failed" | "dismissed";
export interface Link {
  readonly href: string;
  readonly rel?: string;
  readonly type?: string;
  readonly title?: string;
}
export interface StatusInfo {
  readonly processID: string;
  readonly jobID: string;
  readonly status: JobStatus;
  readonly message?: string;
  readonly progress?: number;
  readonly created?: string;
  readonly started?: string | null;
  readonly finished?: string | null;
  readonly updated?: string | null;
  readonly links?: readonly Link[];
}

export interface DataArgument {
  readonly name: string;
  readonly required: boolean;
  readonly quantity: string;
  readonly accepts: readonly string[];
  readonly units: string | null;
  readonly when: string;
  readonly within: string | null;
  readonly resolution_m: number | null;
  readonly text: Text;
}
export interface Parameter {
  readonly name: string;
  readonly type: string;
  readonly text: Text;
  readonly default?: number | string | boolean | null;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly enum?: readonly (string | number)[];
}
export interface ProcessSummary {
  readonly id: string;
  readonly title: string;
  readonly version: string;
  readonly description?: string;
  readonly "mitoshi:title"?: Text;
}
export interface ProcessDescription extends ProcessSummary {
  readonly "mitoshi:data"?: readonly DataArgument[];
  readonly "mitoshi:parameters"?: readonly Parameter[];
}

export interface BundleSummary {
  readonly id: string;
  readonly method: string;
  readonly version: string;
  readonly title: Text;
  readonly created: string;
  readonly simulated: boolean;
  readonly layers: readonly string[];
}
export interface InputItem {
  readonly id: string;
  readonly name: string;
  readonly datetime: string | null;
  readonly sha256: string | null;
  readonly size: number | null;
  readonly licence: string | null;
  readonly reader: string | null;
  readonly simulated: boolean;
  readonly assumptions: readonly Text[];
}
export interface Figure {
  readonly name: string;
  readonly title: Text | string;
  readonly value: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  readonly units: string | null;
  readonly confidence: number | null;
  readonly reason: Text | string | null;
  readonly said: Text | null;
}
export interface Product {
  readonly name: string;
  readonly title: Text;
  readonly file: string;
  readonly sha256: string;
  readonly units: string | null;
  readonly uncertainty: string | null;
  readonly no_uncertainty?: Text | string | null;
  readonly layer: string | null;
}
export interface BundleFile {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly href: string;
}
/** Who lets later runs take the products of a bundle, when and why. */
export interface Adoption {
  readonly by: string;
  readonly at: string;
  readonly reason: string;
}

export interface BundleAccount {
  readonly id: string;
  readonly method: {
    readonly name: string;
    readonly version: string;
    readonly title: Text;
    readonly reference: string;
    readonly source_sha256: string;
  };
  readonly created: string;
  readonly event: string | null;
  readonly area: Bbox | null;
  readonly simulated: boolean;
  readonly adoption: Adoption | null;
  readonly parameters: readonly {
    readonly name: string;
    readonly value: unknown;
    readonly default?: unknown;
    readonly text: Text;
  }[];
  readonly inputs: readonly {
    readonly argument: string;
    readonly title: Text;
    readonly items: readonly InputItem[];
  }[];
  readonly code: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, unknown>>;
  readonly figures: readonly Figure[];
  readonly products: readonly Product[];
  readonly assumptions: readonly Text[];
  readonly choice: readonly Text[];
  readonly caveats: readonly Text[];
  readonly licence: string | null;
  readonly rerun: string;
  readonly verify: string;
  readonly files: readonly BundleFile[];
  readonly reports: Partial<Record<Language, string>>;
  readonly quicklooks: Partial<Record<Language, string>>;
  readonly archive: string;
}
export type FileState = "equal" | "within tolerance" | "not checked" | "different";
export interface Verdict {
  readonly status: "identical" | "equivalent" | "different" | "unverifiable";
  readonly reasons: readonly string[];
  /** The state of every file, and of what no recomputation can confirm one line each; absent from jobs of older versions. */
  readonly files?: readonly { readonly name: string; readonly state: FileState; readonly words: string }[];
  readonly not_checked?: readonly string[];
}

/** A drawn or typed area: its bounding box and, for a polygon, its corners. */
export interface Area {
  readonly bbox: Bbox;
  readonly ring: readonly (readonly [number, number])[];
}
export interface Swipe {
  readonly on: boolean;
  /** Layer ids shown on the left and on the right of the divider. */
  readonly before: string | null;
  readonly after: string | null;
  /** Share of the width, 0..1. */
  readonly position: number;
}
export interface Picked {
  readonly lon: number;
  readonly lat: number;
  readonly feature: { readonly layer: string; readonly properties: Readonly<Record<string, unknown>> } | null;
}

export interface Shape {
  language: Language;
  catalogue: LayerList | null;
  layers: readonly Layer[];
  /** Ids of the layers, or of any layer of a series, that are switched on. */
  shown: ReadonlySet<string>;
  /** Opacity by layer or series key, 0..1; 1 where none is given. */
  opacity: Readonly<Record<string, number>>;
  /** The instant shown, ISO; null shows the latest of everything. */
  time: string | null;
  playing: boolean;
  swipe: Swipe;
  bundle: string | null;
  drawing: "rectangle" | "polygon" | null;
  area: Area | null;
  picked: Picked | null;
}

type Listener = () => void;

/** A tiny observable store: `state.get("time")`, `state.set({time})`, `state.on(["time", "shown"], draw)`. */
export class State {
  private values: Shape;
  private readonly listeners = new Map<keyof Shape, Set<Listener>>();

  constructor(language: Language) {
    this.values = {
      language,
      catalogue: null,
      layers: [],
      shown: new Set(),
      opacity: {},
      time: null,
      playing: false,
      swipe: { on: false, before: null, after: null, position: 0.5 },
      bundle: null,
      drawing: null,
      area: null,
      picked: null,
    };
  }

  get<K extends keyof Shape>(key: K): Shape[K] {
    return this.values[key];
  }

  /** Set values; each listener of a changed key is called once. */
  set(change: Partial<Shape>): void {
    const called = new Set<Listener>();
    const before = this.values;
    this.values = { ...before, ...change };
    for (const key of Object.keys(change) as (keyof Shape)[]) {
      if (before[key] === this.values[key]) continue;
      this.listeners.get(key)?.forEach((listener) => called.add(listener));
    }
    called.forEach((listener) => listener());
  }

  /** Call `listener` after any of `keys` changed; returns what ends it. */
  on(keys: readonly (keyof Shape)[], listener: Listener): () => void {
    for (const key of keys) {
      const known = this.listeners.get(key) ?? new Set();
      known.add(listener);
      this.listeners.set(key, known);
    }
    return () => keys.forEach((key) => this.listeners.get(key)?.delete(listener));
  }

  layer(id: string | null): Layer | null {
    return (id !== null && this.values.layers.find((layer) => layer.id === id)) || null;
  }

  opacityOf(layer: Layer): number {
    return this.values.opacity[keyOf(layer)] ?? 1;
  }

  isShown(layer: Layer): boolean {
    return this.values.shown.has(keyOf(layer));
  }

  /** Whether a layer takes the place of another of its series: the later one does; of equals, that of the selected bundle. */
  private later(layer: Layer, known: Layer): boolean {
    const gap = (instant(layer) ?? -Infinity) - (instant(known) ?? -Infinity);
    if (gap !== 0 && !Number.isNaN(gap)) return gap > 0;
    const selected = this.values.bundle?.slice(0, 12);
    return selected === undefined || !known.bundle?.startsWith(selected);
  }

  /** The layers to draw now, lowest first: of a series only the latest at or before the time shown. */
  drawn(): Layer[] {
    const time = this.values.time === null ? Infinity : Date.parse(this.values.time);
    const latest = new Map<string, Layer>();
    for (const layer of this.values.layers) {
      if (!this.isShown(layer)) continue;
      const at = instant(layer);
      if (at !== null && layer.series !== null && at > time) continue;
      const key = keyOf(layer);
      const known = latest.get(key);
      if (!known || this.later(layer, known)) latest.set(key, layer);
    }
    return [...latest.values()].sort((a, b) => ORDER[a.kind] - ORDER[b.kind]);
  }
}

const ORDER: Record<LayerKind, number> = { image: 0, measured: 1, coded: 2, features: 3, buildings: 4 };

/** What a layer is switched on by: the key of its series, or its own id. */
export function keyOf(layer: Layer): string {
  return layer.series ?? layer.id;
}

/** The layers drawn that have a value at a point, topmost first; a picture in natural colours has none. */
export function measured(state: State): Layer[] {
  return state
    .drawn()
    .filter((layer) => layer.tiles !== null && layer.legend.type !== "none")
    .reverse();
}

/** Milliseconds of the instant at which a layer begins to hold; null where it always does. */
export function instant(layer: Layer): number | null {
  const said = layer.start ?? layer.datetime;
  return said === null ? null : Date.parse(said);
}
