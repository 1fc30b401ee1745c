/** Clicks and taps on the canvas, told apart from drags; the pointer's place, at most once a frame. */

const STILL_PX = 6;

export interface Told {
  click(x: number, y: number): void;
  move(x: number, y: number): void;
  leave(): void;
  press(): void;
}

export class Pointer {
  private start: { readonly x: number; readonly y: number } | null = null;
  private last: PointerEvent | null = null;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly told: Told,
  ) {
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", () => (this.start = null));
    canvas.addEventListener("pointerleave", () => told.leave());
    canvas.addEventListener("pointermove", (event) => this.move(event));
  }

  private down(event: PointerEvent): void {
    this.told.press();
    this.start = event.isPrimary && event.button === 0 ? { x: event.clientX, y: event.clientY } : null;
  }

  private up(event: PointerEvent): void {
    const { start } = this;
    this.start = null;
    if (!start || !event.isPrimary) return;
    if (Math.hypot(event.clientX - start.x, event.clientY - start.y) < STILL_PX) this.told.click(...this.place(event));
  }

  private move(event: PointerEvent): void {
    if (event.pointerType === "touch" || event.buttons !== 0) return;
    if (!this.last)
      requestAnimationFrame(() => {
        if (this.last) this.told.move(...this.place(this.last));
        this.last = null;
      });
    this.last = event;
  }

  private place(event: PointerEvent): [number, number] {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
}
