/** What could not be fetched or drawn: kept for the page and its tests, bounded, the same thing once. */

const MOST = 50;

export class Faults {
  private readonly kept: string[] = [];

  get list(): readonly string[] {
    return this.kept;
  }

  /** Add the first fault of something whose faults are all alike, such as the tiles of a layer. */
  first(what: string, error: unknown): void {
    if (!this.kept.some((line) => line.startsWith(`${what}: `))) this.add(what, error);
  }

  add(what: string, error: unknown): void {
    const line = `${what}: ${error instanceof Error ? error.message : String(error)}`;
    if (!this.kept.includes(line) && this.kept.length < MOST) this.kept.push(line);
  }
}
