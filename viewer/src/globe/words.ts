/** Every word of the globe: English, Japanese. */

import type { Language } from "../model";

const WORDS = {
  label: [
    "Globe. Arrow keys move, plus and minus zoom, Page Up and Page Down tilt, N turns north up, Home shows everything, Enter reads the value at the cross.",
    "地球儀。矢印キーで移動、＋と−で拡大縮小、Page Up と Page Down で傾き、N で北を上に、Home で全体表示、Enter で十字の位置の値を表示。",
  ],
  role: ["globe", "地球儀"],
  tools: ["View of the globe", "地球儀の表示"],
  zoomIn: ["Zoom in", "拡大"],
  zoomOut: ["Zoom out", "縮小"],
  north: ["Turn north up", "北を上にする"],
  home: ["Show everything", "全体を表示"],
  tilt: ["Tilt the view", "視点を傾ける"],
  flat: ["Look straight down", "真上から見る"],
  height: ["height {value} m", "標高 {value} m"],
  finish: ["Finish", "描画を終了"],
  cancel: ["Cancel", "中止"],
  smooth: ["No elevation data: the globe is smooth.", "標高データがないため、地形のない地球儀を表示しています。"],
  about: ["About the ground", "地形について"],
  sources: ["Natural Earth II · CesiumJS", "Natural Earth II · CesiumJS"],
} as const satisfies Readonly<Record<string, readonly [string, string]>>;

export type GlobeWord = keyof typeof WORDS;

/** A word of the globe; `{name}` in it is replaced by `values.name`. */
export function say(key: GlobeWord, language: Language, values: Readonly<Record<string, string | number>> = {}): string {
  const said: string = WORDS[key][language === "en" ? 0 : 1];
  return said.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
