/** The account of one bundle, section by section. */

import { h, unique } from "../dom";
import type { BundleAccount, Figure, InputItem, Product, Verdict } from "../model";
import { copyButton, type Page } from "../page";
import { number, quantity, say, size, t, time, unit } from "../text";
import { showBundle, type Verification } from "./evidence";
import { states } from "./states";
import { inWords } from "../verdict_words";
import * as api from "../api";

/** Every section of the account. */
export function account(page: Page, bundle: BundleAccount, verification: Verification | null, verify: () => void, changed: () => void): HTMLElement[] {
  return [
    h("h2", { class: "title" }, say(bundle.method.title)),
    h("p", { class: "hint" }, t("evidence.created", { when: time(bundle.created) })),
    bundle.simulated ? h("p", { class: "banner" }, t("app.simulatedLong")) : null,
    h("div", { class: "row" }, h("button", { "data-focus": "show", onclick: () => showBundle(page, bundle) }, t("evidence.show"))),
    picture(bundle),
    figures(bundle),
    checking(bundle, verification, verify),
    adoption(page, bundle, changed),
    downloads(bundle),
    inputs(page, bundle),
    method(page, bundle),
    parameters(bundle),
    texts(t("evidence.choice"), bundle.choice, null),
    texts(t("evidence.assumptions"), bundle.assumptions, t("evidence.noAssumptions")),
    texts(t("evidence.caveats"), bundle.caveats, null),
    rerun(page, bundle),
    environment(bundle),
    files(page, bundle),
  ].filter((part) => part !== null);
}

function section(title: string, ...children: (Node | string | null)[]): HTMLElement {
  return h("section", {}, h("h3", {}, title), ...children);
}

function folded(title: string, ...children: (Node | string | null)[]): HTMLElement {
  return h("details", { class: "folded" }, h("summary", {}, h("h3", {}, title)), ...children);
}

/** The picture that the run made, in the language spoken. */
function picture(bundle: BundleAccount): HTMLElement | null {
  const href = bundle.quicklooks[document.documentElement.lang === "ja" ? "ja" : "en"] ?? bundle.quicklooks.en;
  return href ? h("a", { href, class: "picture" }, h("img", { src: href, alt: t("evidence.quicklook"), loading: "lazy" })) : null;
}

function figures(bundle: BundleAccount): HTMLElement | null {
  const products = bundle.products.map((product) =>
    h("li", {}, say(product.title), unit(product.units) ? ` [${unit(product.units)}]` : "", h("span", { class: "doubt" }, `${t("evidence.uncertainty")}: ${paired(bundle, product)}`)),
  );
  return section(
    t("evidence.figures"),
    bundle.figures.length > 0 ? h("dl", { class: "values" }, ...bundle.figures.flatMap(figure)) : null,
    h("ul", { class: "products" }, ...products),
  );
}

/** The title of the product that states the uncertainty, or the reason why none does. */
function paired(bundle: BundleAccount, { uncertainty, no_uncertainty: reason }: Product): string {
  const named = bundle.products.find((product) => product.name === uncertainty);
  return named ? say(named.title) : uncertainty || say(reason) || t("app.none");
}

/** Four digits of what has an interval: more would say more than is known. */
function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(4));
}

function figure(found: Figure): HTMLElement[] {
  const ranged = found.lower !== null && found.upper !== null;
  const interval = ranged ? t("evidence.interval", { lower: number(rounded(found.lower)), upper: quantity(rounded(found.upper), found.units) }) : "";
  const share = found.confidence === null ? "" : t("evidence.confidence", { share: quantity(found.confidence * 100, "percent") });
  const doubt = interval ? `${interval}${share ? ` (${share})` : ""}` : say(found.reason);
  const value = found.value === null ? say(found.said) || "–" : quantity(ranged ? rounded(found.value) : found.value, found.units);
  return [h("dt", {}, say(found.title)), h("dd", {}, h("strong", {}, value), doubt ? h("span", { class: "doubt" }, doubt) : null)];
}

function checking(bundle: BundleAccount, verification: Verification | null, verify: () => void): HTMLElement {
  const status = verification?.status ?? null;
  const busy = verification !== null && verification.verdict === null && (status === null || !api.isFinal(status));
  const failed = status !== null && api.isFinal(status) && verification?.verdict === null;
  return section(
    t("evidence.verifyTitle"),
    h("button", { class: "primary", disabled: busy, "data-focus": "verify", onclick: verify }, busy ? t("evidence.verifying") : t("evidence.verify")),
    busy ? h("progress", { max: 100, value: status?.progress ?? 0, "data-verify": bundle.id, "aria-label": t("jobs.progress", { name: t("jobs.verify") }) }) : null,
    ...(verification?.verdict ? [verdict(verification.verdict), ...states(verification.verdict)] : []),
    failed ? h("p", { class: "message bad" }, status.message ?? t(`jobs.${status.status}`)) : null,
  );
}

/** Whether later runs take the products, and the act that decides it: a person's, with a name. */
function adoption(page: Page, bundle: BundleAccount, changed: () => void): HTMLElement {
  const act = (done: Promise<void>): void => void done.then(changed, (error: unknown) => page.fail(error));
  const { adoption: made } = bundle;
  if (made) {
    return section(
      t("evidence.adoption"),
      h("p", {}, t("evidence.adopted", { by: made.by, when: time(made.at) })),
      made.reason ? h("p", { class: "hint" }, made.reason) : null,
      h("button", { class: "quiet", "data-focus": "withdraw", onclick: () => act(api.withdraw(bundle.id)) }, t("evidence.withdraw")),
    );
  }
  const field = (word: "evidence.adopter" | "evidence.adoptionReason", required: boolean): { input: HTMLInputElement; row: HTMLElement } => {
    const id = unique("adoption");
    const input = h("input", { id, type: "text", required, maxlength: 200, "data-focus": word });
    return { input, row: h("div", { class: "stack" }, h("label", { for: id }, t(word)), input) };
  };
  const by = field("evidence.adopter", true);
  const reason = field("evidence.adoptionReason", false);
  const submit = (event: Event): void => {
    event.preventDefault();
    act(api.adopt(bundle.id, by.input.value.trim(), reason.input.value.trim()));
  };
  const form = h("form", { onsubmit: submit }, by.row, reason.row, h("button", { type: "submit" }, t("evidence.adopt")));
  return section(t("evidence.adoption"), h("p", {}, t("evidence.trial")), form);
}

function verdict(found: Verdict): HTMLElement {
  return h(
    "div",
    { class: `verdict ${found.status}`, role: "status" },
    h("strong", {}, t(`evidence.${found.status}`)),
    h("p", {}, t(`evidence.${found.status}Long`)),
    found.reasons.length > 0 ? h("ul", {}, ...found.reasons.map((reason) => h("li", { lang: inWords(reason).lang }, inWords(reason).words))) : null,
  );
}

function downloads(bundle: BundleAccount): HTMLElement {
  const link = (href: string, name: string, more = ""): HTMLElement => h("li", {}, h("a", { href, download: true }, name), more ? h("span", { class: "hint" }, ` ${more}`) : null);
  const fileOf = (name: string): (typeof bundle.files)[number] | undefined => bundle.files.find((file) => file.name === name);
  const products = bundle.products.flatMap((product) => {
    const file = fileOf(product.file);
    return file ? [link(file.href, `${say(product.title)} (${product.file})`, size(file.size))] : [];
  });
  return section(
    t("evidence.downloads"),
    h(
      "ul",
      { class: "downloads" },
      bundle.reports.ja ? link(bundle.reports.ja, t("evidence.reportJa")) : null,
      bundle.reports.en ? link(bundle.reports.en, t("evidence.reportEn")) : null,
      link(bundle.archive, t("evidence.zip")),
      ...products,
    ),
  );
}

function hash(page: Page, sha256: string | null, name: string): HTMLElement | null {
  if (!sha256) return null;
  return h("span", { class: "hash" }, h("code", { title: sha256 }, `${sha256.slice(0, 16)}…`), copyButton(page, sha256, `SHA-256 ${name}`));
}

function inputs(page: Page, bundle: BundleAccount): HTMLElement {
  const item = (found: InputItem): HTMLElement =>
    h(
      "li",
      {},
      h("span", { class: "name wrap" }, found.name || found.id, found.simulated ? h("span", { class: "tag" }, t("layers.simulated")) : null),
      h("span", { class: "hint" }, `${found.datetime ? t("evidence.observed", { when: time(found.datetime) }) : ""} ${found.size === null ? "" : size(found.size)}`),
      hash(page, found.sha256, found.name),
      h("span", { class: "hint" }, `${t("evidence.licence")}: ${found.licence || t("evidence.noLicence")}`),
      ...found.assumptions.map((assumption) => h("span", { class: "hint" }, say(assumption))),
    );
  const groups = bundle.inputs.map((input) => h("div", { class: "input" }, h("h4", {}, say(input.title) || input.argument), h("ul", { class: "plain-list" }, ...input.items.map(item))));
  return section(t("evidence.inputs"), ...groups);
}

function pairs(rows: readonly (readonly [string, Node | string])[]): HTMLElement {
  return h("dl", { class: "pairs" }, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function method(page: Page, bundle: BundleAccount): HTMLElement {
  const code = Object.entries(bundle.code).map(([name, value]) => [name, said(value)] as const);
  return section(
    t("evidence.method"),
    pairs([
      [t("run.method"), h("code", {}, bundle.method.name)],
      [t("evidence.version"), bundle.method.version],
      [t("evidence.source"), hash(page, bundle.method.source_sha256, bundle.method.name) ?? "–"],
      [t("evidence.reference"), bundle.method.reference],
      ...code,
      [t("evidence.licence"), bundle.licence || t("evidence.noLicence")],
      ...(bundle.event ? [[t("evidence.event"), time(bundle.event)] as const] : []),
      ...(bundle.area ? [[t("area.title"), bundle.area.map((side) => number(side, 7)).join(", ")] as const] : []),
    ]),
  );
}

/** A value of the record as one line: lists with commas, parts with their names. */
function said(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value)) return value.map(said).join(", ") || "–";
  if (typeof value !== "object") return String(value);
  const parts = Object.entries(value).map(([name, part]) => `${name} ${said(part)}`);
  return parts.join("; ") || "–";
}

function parameters(bundle: BundleAccount): HTMLElement | null {
  if (bundle.parameters.length === 0) return null;
  const rows = bundle.parameters.map((parameter) => [
    h("dt", {}, h("code", {}, parameter.name)),
    h(
      "dd",
      {},
      h("strong", {}, said(parameter.value)),
      parameter.default !== undefined && said(parameter.default) !== said(parameter.value) ? h("span", { class: "tag" }, t("evidence.default", { value: said(parameter.default) })) : null,
      h("span", { class: "hint" }, say(parameter.text)),
    ),
  ]);
  return section(t("evidence.parameters"), h("dl", { class: "values" }, ...rows.flat()));
}

function texts(title: string, lines: readonly (Parameters<typeof say>[0])[], otherwise: string | null): HTMLElement | null {
  if (lines.length === 0 && otherwise === null) return null;
  return section(title, lines.length === 0 ? h("p", { class: "hint" }, otherwise) : h("ul", { class: "prose" }, ...lines.map((line) => h("li", {}, say(line)))));
}

function rerun(page: Page, bundle: BundleAccount): HTMLElement {
  const command = (title: string, line: string): HTMLElement =>
    h("div", { class: "command" }, h("div", { class: "head" }, h("h4", {}, title), copyButton(page, line, title)), h("pre", { tabindex: 0 }, h("code", {}, line)));
  return section(t("evidence.rerun"), command(t("evidence.rerunRun"), bundle.rerun), command(t("evidence.rerunVerify"), bundle.verify));
}

function environment(bundle: BundleAccount): HTMLElement {
  return folded(t("evidence.environment"), pairs(Object.entries(bundle.environment).map(([name, value]) => [name, said(value)])));
}

function files(page: Page, bundle: BundleAccount): HTMLElement {
  const rows = bundle.files.map((file) => h("li", {}, h("a", { href: file.href, class: "wrap" }, file.name), h("span", { class: "hint" }, ` ${size(file.size)}`), hash(page, file.sha256, file.name)));
  return folded(`${t("evidence.files")} (${bundle.files.length})`, h("ul", { class: "plain-list" }, ...rows));
}
