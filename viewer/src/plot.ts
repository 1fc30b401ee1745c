/** A time series as a picture with axes, units and error bars, and the same numbers as a table. */

import { h, s } from "./dom";
import type { Series, SeriesPoint } from "./model";
import { number, quantity, say, shortDay, t, time, unit } from "./text";

const WIDTH = 320;
const HEIGHT = 168;
const LEFT = 46;
const RIGHT = 8;
const TOP = 18;
const BOTTOM = 24;

interface Mark {
  readonly at: number;
  readonly value: number;
  readonly error: number | null;
  readonly point: SeriesPoint;
}

/** The standard uncertainty of a point; null where it is of another kind or not given. */
function standard(point: SeriesPoint): number | null {
  if (typeof point.uncertainty === "number") return point.uncertainty;
  return point.uncertainty?.kind === "standard_uncertainty" ? point.uncertainty.value : null;
}

function marksOf(series: Series): Mark[] {
  return series.series.flatMap((point) => {
    const coded = point.class ? Number(point.class.code) : null;
    const value = coded ?? point.value;
    return value === null || !Number.isFinite(value) ? [] : [{ at: Date.parse(point.datetime), value, error: coded === null ? standard(point) : null, point }];
  });
}

/** Round steps that span an interval: 1, 2 or 5 times a power of ten. */
export function steps(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((candidate) => candidate >= rough) ?? rough;
  const found: number[] = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) found.push(Math.abs(value) < step * 1e-9 ? 0 : value);
  return found;
}

/** The picture of a series; null where fewer than two instants were observed. */
export function plot(series: Series): SVGElement | null {
  const marks = marksOf(series);
  const first = marks[0];
  const last = marks[marks.length - 1];
  if (!first || !last || new Set(marks.map((mark) => mark.at)).size < 2) return null;
  const classes = new Map(marks.flatMap((mark) => (mark.point.class ? [[mark.value, say(mark.point.class.title)] as const] : [])));
  const lows = marks.map((mark) => mark.value - (mark.error ?? 0));
  const highs = marks.map((mark) => mark.value + (mark.error ?? 0));
  const spread = Math.max(...highs) - Math.min(...lows) || Math.abs(first.value) || 1;
  const low = Math.min(...lows) - spread * 0.08;
  const high = Math.max(...highs) + spread * 0.08;
  const start = Math.min(...marks.map((mark) => mark.at));
  const length = Math.max(...marks.map((mark) => mark.at)) - start;
  const x = (at: number): number => LEFT + 6 + ((at - start) / length) * (WIDTH - LEFT - RIGHT - 12);
  const y = (value: number): number => HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const label = t("plot.label", { title: say(series.title), count: marks.length, first: time(first.point.datetime), last: time(last.point.datetime) });
  return s(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "plot", role: "img", "aria-label": label },
    ...valueAxis(classes.size > 0 ? [...classes.keys()] : steps(low, high, 5), classes, y),
    ...timeAxis(start, length, x),
    s("text", { x: 2, y: 11, class: "axis" }, classes.size > 0 ? "" : unit(series.units)),
    classes.size > 0 ? null : s("polyline", { class: "line", points: marks.map((mark) => `${x(mark.at).toFixed(1)},${y(mark.value).toFixed(1)}`).join(" ") }),
    ...marks.flatMap((mark) => drawn(mark, series.units, x(mark.at), y)),
  );
}

function valueAxis(values: readonly number[], classes: ReadonlyMap<number, string>, y: (value: number) => number): SVGElement[] {
  return values.flatMap((value) => [
    s("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
    s("text", { class: "axis", x: LEFT - 5, y: y(value) + 3.5, "text-anchor": "end" }, (classes.get(value) ?? number(value, 3)).slice(0, 9)),
  ]);
}

function timeAxis(start: number, length: number, x: (at: number) => number): SVGElement[] {
  const places = [0, 0.5, 1].map((share) => start + share * length);
  const anchors = ["start", "middle", "end"] as const;
  return places.flatMap((at, i) => [
    s("line", { class: "grid", x1: x(at), x2: x(at), y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 4 }),
    s("text", { class: "axis", x: x(at), y: HEIGHT - 7, "text-anchor": anchors[i] }, shortDay(at)),
  ]);
}

function drawn(mark: Mark, units: string | null, at: number, y: (value: number) => number): SVGElement[] {
  const said = `${time(mark.point.datetime)}: ${mark.point.class ? say(mark.point.class.title) : quantity(mark.value, units)}`;
  const dot = s("circle", { class: "dot", cx: at, cy: y(mark.value), r: 3 }, s("title", {}, said));
  if (mark.error === null) return [dot];
  const top = y(mark.value + mark.error);
  const bottom = y(mark.value - mark.error);
  const caps = [top, bottom].map((level) => s("line", { class: "error", x1: at - 3, x2: at + 3, y1: level, y2: level }));
  return [s("line", { class: "error", x1: at, x2: at, y1: top, y2: bottom }), ...caps, dot];
}

/** The numbers of a series for those who do not see the picture. */
export function table(series: Series): HTMLElement {
  const rows = series.series.map((point) =>
    h(
      "tr",
      {},
      h("td", {}, time(point.datetime)),
      h("td", {}, point.class ? say(point.class.title) : point.value === null ? t("point.unobserved") : quantity(point.value, series.units)),
      h("td", {}, standard(point) === null ? "–" : `± ${quantity(standard(point), series.units)}`),
    ),
  );
  const head = [t("plot.time"), t("plot.value"), t("plot.uncertainty")].map((word) => h("th", { scope: "col" }, word));
  return h("table", {}, h("caption", { class: "visually-hidden" }, say(series.title)), h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows));
}

/** Whether any point of a series has an error bar. */
export function hasBars(series: Series): boolean {
  return series.series.some((point) => !point.class && standard(point) !== null);
}
