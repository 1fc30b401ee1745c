/** The form of a method, made from its process description: nothing about any method is written here. */

import * as api from "../api";
import { h, redraw, unique } from "../dom";
import type { DataArgument, Parameter, ProcessDescription, ProcessSummary } from "../model";
import type { Page } from "../page";
import { number, say, t, time } from "../text";
import { areaFields } from "./area";
import type { JobList } from "./jobs";

/** What has been entered so far; kept when the form is drawn anew. */
interface Draft {
  method: string;
  event: string;
  readonly data: Map<string, string>;
  readonly parameters: Map<string, string>;
}

const MOST_ITEMS = 500;

/** The title of a process in the language spoken. */
export function titleOf(process: ProcessSummary): string {
  return say(process["mitoshi:title"]) || process.title;
}

/** The panel with the form. */
export function runPanel(page: Page, jobs: JobList, methods: () => readonly ProcessSummary[]): { element: HTMLElement; draw: () => void; opened: () => void } {
  const draft: Draft = { method: "", event: "", data: new Map(), parameters: new Map() };
  const area = areaFields(page);
  const form = h("form", { class: "run" });
  const details = h("div", { class: "stack" });
  let described: ProcessDescription | null = null;
  let items: readonly api.FoundItem[] = [];

  const choose = async (id: string): Promise<void> => {
    draft.method = id;
    draft.data.clear();
    draft.parameters.clear();
    described = null;
    draw();
    if (!id) return;
    try {
      const [found, listed] = await Promise.all([api.process(id), api.search({ limit: String(MOST_ITEMS) })]);
      if (draft.method !== id) return;
      described = found;
      items = listed.features;
      draw();
    } catch (error) {
      page.fail(error);
    }
  };
  const draw = (): void => {
    const known = methods().filter((method) => method.id !== "verify" && method.id !== "score");
    const id = unique("method");
    const select = h(
      "select",
      { id, "data-focus": "method", onchange: () => void choose(select.value) },
      h("option", { value: "" }, known.length > 0 ? t("run.choose") : t("run.none")),
      ...known.map((method) => h("option", { value: method.id }, titleOf(method))),
    );
    select.value = draft.method;
    redraw(details, ...(described ? [eventField(draft), dataFields(described, draft, items), parameterFields(described, draft)] : []));
    const busy = draft.method !== "" && described === null;
    redraw(
      form,
      h("div", { class: "stack" }, h("label", { for: id }, t("run.method")), select),
      busy ? h("p", { class: "hint" }, t("app.loading")) : null,
      described ? about(described) : null,
      described ? area : null,
      details,
      described ? h("button", { type: "submit", class: "primary", "data-focus": "submit" }, t("run.submit")) : null,
    );
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (described) void submit(page, jobs, described, draft);
  });
  const opened = (): void => {
    if (draft.event === "") void lastEvent().then((event) => (draft.event === "" && event ? ((draft.event = event), draw()) : undefined), () => undefined);
  };
  page.state.on(["language"], draw);
  draw();
  return { element: form, draw, opened };
}

/** The event of the newest bundle that has one, as the field takes it: what is run next is mostly about the same. */
async function lastEvent(): Promise<string> {
  for (const known of (await api.bundles()).slice(0, 3)) {
    const { event } = await api.bundle(known.id);
    if (event) return new Date(event).toISOString().slice(0, 16);
  }
  return "";
}

function about(described: ProcessDescription): HTMLElement {
  const [first = "", ...rest] = (described.description ?? "").split("\n\n");
  const whole = rest.length > 0 ? h("details", {}, h("summary", {}, t("run.about")), h("p", { class: "prose", lang: "en" }, rest.join("\n\n"))) : null;
  return h("div", {}, h("p", { class: "lead", lang: "en" }, first), whole, h("p", { class: "hint code" }, `${described.id} ${described.version}`));
}

function eventField(draft: Draft): HTMLElement {
  const id = unique("event");
  const input = h("input", { id, type: "datetime-local", value: draft.event, "data-focus": "event", "aria-describedby": `${id}-hint`, oninput: () => (draft.event = input.value) });
  return h("div", { class: "stack" }, h("label", { for: id }, t("run.event")), input, h("p", { class: "hint", id: `${id}-hint` }, t("run.eventHint")));
}

function dataFields(described: ProcessDescription, draft: Draft, items: readonly api.FoundItem[]): HTMLElement {
  const fields = (described["mitoshi:data"] ?? []).map((argument) => dataField(argument, draft, items));
  return h("fieldset", {}, h("legend", {}, t("run.data")), ...fields);
}

/** The quantities that an item says it holds. */
function quantitiesOf(item: api.FoundItem): string[] {
  const said = item.properties["mitoshi:quantities"];
  if (Array.isArray(said)) return said.map(String);
  return said !== null && typeof said === "object" ? Object.keys(said) : [];
}

function dataField(argument: DataArgument, draft: Draft, items: readonly api.FoundItem[]): HTMLElement {
  const id = unique("data");
  const wanted = new Set([argument.quantity, ...argument.accepts]);
  const when = (item: api.FoundItem): string => String(item.properties.datetime ?? item.properties.start_datetime ?? "");
  const fitting = items.filter((item) => quantitiesOf(item).some((name) => wanted.has(name))).sort((a, b) => when(b).localeCompare(when(a)));
  const select = h(
    "select",
    { id, name: argument.name, "data-focus": `data ${argument.name}`, "aria-describedby": `${id}-hint`, onchange: () => draft.data.set(argument.name, select.value) },
    h("option", { value: "" }, t(argument.required ? "run.auto" : "run.autoOptional")),
    ...fitting.map((item) => h("option", { value: item.id }, `${time(when(item))} · ${item.id}`)),
  );
  select.value = draft.data.get(argument.name) ?? "";
  const need = h("span", { class: argument.required ? "tag need" : "tag" }, t(argument.required ? "run.required" : "run.optional"));
  return h(
    "div",
    { class: "stack" },
    h("label", { for: id }, h("code", {}, argument.name), " ", need),
    select,
    h("p", { class: "hint", id: `${id}-hint` }, say(argument.text)),
  );
}

function parameterFields(described: ProcessDescription, draft: Draft): HTMLElement | null {
  const parameters = described["mitoshi:parameters"] ?? [];
  if (parameters.length === 0) return null;
  const fields = parameters.map((parameter) => parameterField(parameter, draft));
  return h("details", { class: "parameters", open: parameters.length <= 3 }, h("summary", {}, `${t("run.parameters")} (${parameters.length})`), ...fields);
}

function parameterField(parameter: Parameter, draft: Draft): HTMLElement {
  const id = unique("parameter");
  const first = parameter.default === undefined || parameter.default === null ? "" : String(parameter.default);
  const value = draft.parameters.get(parameter.name) ?? first;
  const shared = { id, name: parameter.name, "data-focus": `parameter ${parameter.name}`, "aria-describedby": `${id}-hint` };
  const keep = (said: string): void => void draft.parameters.set(parameter.name, said);
  let field: HTMLElement;
  const choices = parameter.enum ?? (parameter.type === "boolean" ? ["true", "false"] : null);
  if (choices) {
    const select = h("select", { ...shared, onchange: () => keep(select.value) }, ...choices.map((choice) => h("option", { value: choice }, String(choice))));
    select.value = value;
    field = select;
  } else {
    const numeric = parameter.type === "number" || parameter.type === "integer";
    const bounds = numeric
      ? { type: "number", min: parameter.minimum ?? parameter.exclusiveMinimum, max: parameter.maximum ?? parameter.exclusiveMaximum, step: parameter.type === "integer" ? 1 : "any" }
      : { type: "text" };
    const input = h("input", { ...shared, ...bounds, value, oninput: () => keep(input.value) });
    field = input;
  }
  return h(
    "div",
    { class: "stack" },
    h("label", { for: id }, h("code", {}, parameter.name)),
    field,
    h("p", { class: "hint", id: `${id}-hint` }, say(parameter.text), " ", rangeWords(parameter)),
  );
}

function rangeWords(parameter: Parameter): string {
  const known = [
    ["run.from", parameter.minimum],
    ["run.above", parameter.exclusiveMinimum],
    ["run.to", parameter.maximum],
    ["run.below", parameter.exclusiveMaximum],
    ["run.default", parameter.default],
  ] as const;
  const said = known.flatMap(([word, value]) => (value === undefined || value === null ? [] : [t(word, { value: typeof value === "number" ? number(value, 9) : String(value) })]));
  return said.length > 0 ? `(${said.join(", ")})` : "";
}

/** What the form says, as the inputs of an execution: only what was changed from its default. */
function inputsOf(described: ProcessDescription, draft: Draft, page: Page): Record<string, unknown> {
  const inputs: Record<string, unknown> = {};
  for (const [name, item] of draft.data) if (item) inputs[name] = `catalogue:${item}`;
  for (const parameter of described["mitoshi:parameters"] ?? []) {
    const said = draft.parameters.get(parameter.name);
    if (said === undefined || said === "" || said === String(parameter.default)) continue;
    if (parameter.type === "number" || parameter.type === "integer") inputs[parameter.name] = Number(said);
    else inputs[parameter.name] = parameter.type === "boolean" ? said === "true" : said;
  }
  const area = page.state.get("area");
  if (area) inputs.area = [...area.bbox];
  if (draft.event) inputs.event = `${draft.event.slice(0, 16)}:00Z`;
  return inputs;
}

async function submit(page: Page, jobs: JobList, described: ProcessDescription, draft: Draft): Promise<void> {
  const inputs = inputsOf(described, draft, page);
  const missing = (described["mitoshi:data"] ?? []).some((argument) => argument.required && !inputs[argument.name]);
  if (missing && !inputs.area) return page.fail(t("run.needArea"));
  try {
    const status = await api.execute(described.id, inputs);
    page.announce(t("run.sent"));
    void jobs.follow(status);
    page.open("jobs");
  } catch (error) {
    page.fail(error);
  }
}
