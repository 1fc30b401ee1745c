/** What a verification says of every file: how many are in which state, and what was not checked, by name. */

import { h } from "../dom";
import type { FileState, Verdict } from "../model";
import { number, t } from "../text";
import { inWords } from "../verdict_words";
import type { Word } from "../words";

const STATES: readonly (readonly [FileState, Word, string])[] = [
  ["equal", "evidence.stateEqual", "good"],
  ["within tolerance", "evidence.stateTolerance", "good"],
  ["not checked", "evidence.stateUnchecked", "warn"],
  ["different", "evidence.stateDifferent", "bad"],
];

/** The states of all files, nothing where nothing was run. */
export function states(verdict: Verdict): HTMLElement[] {
  const files = verdict.files ?? [];
  const unchecked = verdict.not_checked ?? [];
  if (files.length === 0 && unchecked.length === 0) return [];
  return [
    h("ul", { class: "states" }, ...STATES.flatMap(([state, word, tone]) => count(verdict, state, word, tone))),
    unchecked.length > 0 ? h("h4", {}, t("evidence.unchecked")) : null,
    unchecked.length > 0 ? h("ul", { class: "plain-list unchecked" }, ...unchecked.map(statement)) : null,
    h("details", { class: "each" }, h("summary", {}, `${t("evidence.eachState")} (${number(files.length)})`), h("ul", { class: "plain-list" }, ...files.map(each))),
  ].filter((part) => part !== null);
}

/** How many files are in a state; a difference is only named where there is one. */
function count(verdict: Verdict, state: FileState, word: Word, tone: string): HTMLElement[] {
  const found = (verdict.files ?? []).filter((file) => file.state === state).length;
  if (found === 0 && state === "different") return [];
  return [h("li", { class: found > 0 ? tone : "", "data-state": state }, h("strong", {}, number(found)), ` ${t(word)}`)];
}

/** A line such as "environment.json: stated by the maker": its name, and why it was not checked. */
function statement(line: string): HTMLElement {
  const [name = line, ...why] = line.split(": ");
  return h("li", {}, h("span", { class: "wrap" }, name), why.length > 0 ? hint(why.join(": ")) : null);
}

function each(file: NonNullable<Verdict["files"]>[number]): HTMLElement {
  const [, word, tone] = STATES.find(([state]) => state === file.state) ?? ["", "evidence.stateUnchecked", "warn"];
  return h("li", {}, h("span", { class: "wrap" }, file.name), h("span", { class: `state ${tone}` }, t(word as Word)), file.words ? hint(file.words) : null);
}

function hint(line: string): HTMLElement {
  const { words, lang } = inWords(line);
  return h("span", { class: "hint", lang }, words);
}
