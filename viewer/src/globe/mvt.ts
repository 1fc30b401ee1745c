/** Mapbox Vector Tile 2.1: as much of it as is needed to draw a tile. */

export type Property = string | number | boolean;
export interface TileFeature {
  readonly id: number;
  readonly type: "point" | "line" | "polygon";
  readonly properties: Readonly<Record<string, Property>>;
  /** Points, lines or rings in units of the tile's extent; x to the right, y down. */
  readonly parts: readonly (readonly (readonly [number, number])[])[];
}
export interface TileLayer {
  readonly name: string;
  readonly extent: number;
  readonly features: readonly TileFeature[];
}

const TYPES = ["point", "point", "line", "polygon"] as const;
const MOVE = 1;
const LINE = 2;

/** Protocol buffers, read forward. */
class Reader {
  private at = 0;
  private readonly view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get more(): boolean {
    return this.at < this.bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new RangeError("the vector tile ends within a number");
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  message(): Uint8Array {
    const length = this.varint();
    if (this.at + length > this.bytes.length) throw new RangeError("the vector tile ends within a message");
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  text(): string {
    return new TextDecoder().decode(this.message());
  }

  float(): number {
    this.at += 4;
    return this.view.getFloat32(this.at - 4, true);
  }

  double(): number {
    this.at += 8;
    return this.view.getFloat64(this.at - 8, true);
  }

  /** Call `field` with the number of every field; what it does not read (it returns false) is passed over. */
  fields(field: (tag: number) => boolean): void {
    while (this.more) {
      const key = this.varint();
      if (!field(Math.floor(key / 8))) this.pass(key % 8);
    }
  }

  private pass(wire: number): void {
    if (wire === 0) this.varint();
    else if (wire === 1) this.at += 8;
    else if (wire === 2) this.message();
    else if (wire === 5) this.at += 4;
    else throw new RangeError(`the vector tile has a field of wire type ${wire}`);
  }
}

const signed = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2);

/** The layers of a vector tile. */
export function decode(tile: Uint8Array): TileLayer[] {
  const layers: TileLayer[] = [];
  const reader = new Reader(tile);
  reader.fields((tag) => tag === 3 && layers.push(layerOf(reader.message())) > 0);
  return layers;
}

function layerOf(bytes: Uint8Array): TileLayer {
  const reader = new Reader(bytes);
  const raw: Uint8Array[] = [];
  const keys: string[] = [];
  const values: Property[] = [];
  let name = "";
  let extent = 4096;
  reader.fields((tag) => {
    if (tag === 1) name = reader.text();
    else if (tag === 2) raw.push(reader.message());
    else if (tag === 3) keys.push(reader.text());
    else if (tag === 4) values.push(valueOf(reader.message()));
    else if (tag === 5) extent = reader.varint();
    else return false;
    return true;
  });
  return { name, extent, features: raw.map((one) => featureOf(one, keys, values)) };
}

function valueOf(bytes: Uint8Array): Property {
  const reader = new Reader(bytes);
  let value: Property = "";
  reader.fields((tag) => {
    if (tag === 1) value = reader.text();
    else if (tag === 2) value = reader.float();
    else if (tag === 3) value = reader.double();
    else if (tag === 4 || tag === 5) value = reader.varint();
    else if (tag === 6) value = signed(reader.varint());
    else if (tag === 7) value = reader.varint() !== 0;
    else return false;
    return true;
  });
  return value;
}

function numbers(bytes: Uint8Array): number[] {
  const reader = new Reader(bytes);
  const found: number[] = [];
  while (reader.more) found.push(reader.varint());
  return found;
}

function featureOf(bytes: Uint8Array, keys: readonly string[], values: readonly Property[]): TileFeature {
  const reader = new Reader(bytes);
  let id = 0;
  let tags: number[] = [];
  let type = 0;
  let commands: number[] = [];
  reader.fields((tag) => {
    if (tag === 1) id = reader.varint();
    else if (tag === 2) tags = numbers(reader.message());
    else if (tag === 3) type = reader.varint();
    else if (tag === 4) commands = numbers(reader.message());
    else return false;
    return true;
  });
  const properties: Record<string, Property> = {};
  for (let i = 0; i + 1 < tags.length; i += 2) {
    const key = keys[tags[i] ?? -1];
    const value = values[tags[i + 1] ?? -1];
    if (key !== undefined && value !== undefined) properties[key] = value;
  }
  return { id, type: TYPES[type] ?? "point", properties, parts: partsOf(commands) };
}

function partsOf(commands: readonly number[]): [number, number][][] {
  const parts: [number, number][][] = [];
  let x = 0;
  let y = 0;
  for (let i = 0; i < commands.length; ) {
    const command = commands[i++] ?? 0;
    const what = command & 7;
    const count = what === MOVE || what === LINE ? command >> 3 : 0;
    for (let n = 0; n < count; n++) {
      x += signed(commands[i++] ?? 0);
      y += signed(commands[i++] ?? 0);
      if (what === MOVE) parts.push([]);
      parts[parts.length - 1]?.push([x, y]);
    }
  }
  return parts;
}
