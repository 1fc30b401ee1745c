/** Which language is spoken, and how words, numbers and times are said in it. */

import type { Language, State, Text } from "./model";
import { WORDS, type Word } from "./words";

const REMEMBERED = "mitoshi.language";
/** Catalogues write the year 1 or 9999 where a thing holds always. */
const FIRST = Date.UTC(1800, 0);
const LAST = Date.UTC(9900, 0);
const THIN = "\u2009";
let language: Language = "en";

/** The language that is spoken now. */
export function spoken(): Language {
  return language;
}

/** The language of the last visit, else that of the browser. */
export function firstLanguage(): Language {
  const kept = remembered();
  if (kept === "en" || kept === "ja") return kept;
  return navigator.language.toLowerCase().startsWith("ja") ? "ja" : "en";
}

/** Speak the state's language from now on; call it before anything else listens. */
export function follow(state: State): void {
  const apply = (): void => {
    language = state.get("language");
    document.documentElement.lang = language;
    document.title = t("app.title");
    try {
      localStorage.setItem(REMEMBERED, language);
    } catch {
      // A browser that keeps nothing still speaks both languages.
    }
  };
  apply();
  state.on(["language"], apply);
}

function remembered(): string | null {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null;
  }
}

/** A word of the interface; `{name}` in it is replaced by `values.name`. */
export function t(key: Word, values: Readonly<Record<string, string | number>> = {}): string {
  const said: string = WORDS[key][language === "en" ? 0 : 1];
  return said.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** What a text of the service says in the language spoken. */
export function say(text: Text | string | null | undefined): string {
  if (text === null || text === undefined) return "";
  return typeof text === "string" ? text : text[language];
}

/** A number with four significant digits, thousands set apart by thin spaces. */
export function number(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const whole = Math.abs(value) >= 10 ** digits;
  const format = whole
    ? new Intl.NumberFormat("en", { maximumFractionDigits: 0 })
    : new Intl.NumberFormat("en", { maximumSignificantDigits: digits });
  return format.format(value).replace(/,/g, THIN).replace("-", "\u2212");
}

const RAISED: Readonly<Record<string, string>> = {
  "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸", "9": "⁹", "-": "⁻",
};

/** A unit as people write it: `m3 s-1` is m³ s⁻¹; the unit one is nothing. */
export function unit(units: string | null | undefined): string {
  if (!units || units === "1") return "";
  if (units === "percent") return "%";
  return units.replace(/([A-Za-zµ°])(-?\d+)/g, (_, letter: string, power: string) => letter + [...power].map((c) => RAISED[c] ?? c).join(""));
}

/** A number with its unit. */
export function quantity(value: number | null | undefined, units: string | null | undefined, digits = 4): string {
  const name = unit(units);
  if (name === "%") return number(value, digits) + THIN + name;
  return number(value, digits) + (name ? THIN + name : "");
}

/** Whether an instant is one, and not a catalogue's way to say always. */
export function isDated(iso: string): boolean {
  const at = Date.parse(iso);
  return at > FIRST && at < LAST;
}

/** An instant: UTC in English, Japan Standard Time in Japanese, each named. */
export function time(iso: string | null | undefined): string {
  const at = iso ? Date.parse(iso) : NaN;
  if (Number.isNaN(at)) return iso === "" ? t("time.unknown") : "–";
  if (!isDated(iso ?? "")) return t("time.unknown");
  const shifted = new Date(at + (language === "ja" ? 9 * 3_600_000 : 0));
  const clock = shifted.toISOString().slice(11, 16);
  return `${day(shifted)} ${clock} ${language === "ja" ? "JST" : "UTC"}`;
}

/** The day of an instant, without its year, for a crowded axis. */
export function shortDay(ms: number): string {
  const shifted = new Date(ms + (language === "ja" ? 9 * 3_600_000 : 0));
  const options = { timeZone: "UTC", day: "numeric", month: language === "ja" ? "numeric" : "short" } as const;
  return new Intl.DateTimeFormat(language === "ja" ? "ja-JP" : "en-GB", options).format(shifted);
}

function day(shifted: Date): string {
  if (language === "ja") return `${shifted.getUTCFullYear()}年${shifted.getUTCMonth() + 1}月${shifted.getUTCDate()}日`;
  return new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short", year: "numeric" }).format(shifted);
}

/** How large a file is. */
export function size(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined) return "–";
  const steps = ["B", "kB", "MB", "GB", "TB"];
  const step = Math.min(steps.length - 1, bytes > 0 ? Math.floor(Math.log10(bytes) / 3) : 0);
  return number(bytes / 1000 ** step, 3) + THIN + (steps[step] ?? "B");
}

/** Degrees east and north as people read them. */
export function place(lon: number, lat: number): string {
  const eastWest = lon < 0 ? "W" : "E";
  const northSouth = lat < 0 ? "S" : "N";
  return `${Math.abs(lat).toFixed(4)}°${northSouth} ${Math.abs(lon).toFixed(4)}°${eastWest}`;
}
