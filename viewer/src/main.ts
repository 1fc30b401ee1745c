/** The page begins: state, panels, then the globe, which comes last because it is the largest. */

import * as api from "./api";
import { h } from "./dom";
import { keyOf, State, type ProcessSummary, type StatusInfo } from "./model";
import { Notices, type Earth, type Page, type Tab } from "./page";
import { evidencePanel } from "./panels/evidence";
import { JobList, jobsPanel } from "./panels/jobs";
import { layersPanel } from "./panels/layers";
import { pointCard } from "./panels/point";
import { runPanel, titleOf } from "./panels/run";
import { searchPanel } from "./panels/search";
import { swipeButton, swipeOverlay } from "./panels/swipe";
import { timeBar } from "./panels/timebar";
import { emptyCard, header, Tabs } from "./shell";
import { firstLanguage, follow, t } from "./text";

declare global {
  interface Window {
    /** For tests of the page: what it shows, and whether it has begun. */
    mitoshi: { state: State; globe: Earth | null; ready: boolean };
  }
}

const PHONE = window.matchMedia("(max-width: 760px)");

const state = new State(firstLanguage());
follow(state);
const notices = new Notices();
const container = h("div", { id: "globe" });
let earth: Earth | null = null;
let methods: readonly ProcessSummary[] = [];

const page: Page = {
  state,
  earth: () => earth,
  open: (tab) => tabs.open(tab),
  reload,
  fail: (error) => notices.fail(error),
  announce: (line) => notices.announce(line),
};
const nameOf = (id: string): string => {
  const found = methods.find((method) => method.id === id);
  return found ? titleOf(found) : id;
};
const jobs = new JobList(page, (status) => void finished(status));
const run = runPanel(page, jobs, () => methods);
const evidence = evidencePanel(page, jobs);
const search = searchPanel(page);
const tabs = new Tabs(
  state,
  { layers: layersPanel(page), run: run.element, jobs: jobsPanel(page, jobs, nameOf), evidence: evidence.element, search: search.element },
  opened,
);

function opened(tab: Tab): void {
  if (tab === "run") run.opened();
  if (tab === "search") search.opened();
  if (tab === "jobs") void jobs.refresh().catch(page.fail);
  if (tab === "evidence") void evidence.reload().catch(page.fail);
}

function build(): void {
  const skip = h("a", { class: "skip", href: "#panels" });
  const rail = h("nav", {}, tabs.rail);
  const panels = h("aside", { id: "panels" }, tabs.panel);
  const view = h("div", { class: "view" }, container, swipeOverlay(page), h("div", { class: "tools" }, swipeButton(page)), pointCard(page), emptyCard(state), notices.element);
  const stage = h("main", { class: "stage" }, view, timeBar(page));
  document.body.append(skip, header(state), rail, panels, stage);
  const words = (): void => {
    skip.textContent = t("app.skip");
    rail.setAttribute("aria-label", t("app.views"));
    panels.setAttribute("aria-label", t("app.views"));
    stage.setAttribute("aria-label", t("app.map"));
  };
  state.on(["language"], words);
  words();
}

async function reload(): Promise<void> {
  const catalogue = await api.layers();
  state.set({ catalogue, layers: catalogue.layers });
}

/** A job that is over is told; what a run made is shown. */
async function finished(status: StatusInfo): Promise<void> {
  const name = status.processID === "verify" ? t("jobs.verify") : nameOf(status.processID);
  if (status.status === "failed") page.fail(t("jobs.failedSay", { name, message: status.message ?? "" }));
  if (status.status !== "successful") return;
  page.announce(t("jobs.done", { name }));
  if (status.processID === "verify" || status.processID === "score") return;
  try {
    const [bundle] = await Promise.all([api.madeBundle(status.jobID), reload(), evidence.reload()]);
    const made = state.get("layers").filter((layer) => layer.bundle !== null && bundle?.startsWith(layer.bundle.slice(0, 12)));
    const certain = made.filter((layer) => !made.some((other) => other.uncertainty === layer.id));
    state.set({ bundle, shown: new Set([...state.get("shown"), ...certain.map(keyOf)]), time: null });
  } catch (error) {
    page.fail(error);
  }
}

async function start(): Promise<void> {
  window.mitoshi = { state, globe: null, ready: false };
  build();
  if (PHONE.matches) tabs.fold(true);
  state.on(["drawing"], () => {
    if (PHONE.matches) tabs.fold(state.get("drawing") !== null);
  });
  state.on(["picked"], () => {
    if (PHONE.matches && state.get("picked")) tabs.fold(true);
  });
  const begun = startGlobe();
  try {
    await reload();
    const visible = state.get("layers").filter((layer) => layer.visible);
    state.set({ shown: new Set(visible.map(keyOf)) });
    methods = await api.processes();
    run.draw();
    await Promise.all([jobs.refresh(), evidence.reload()]);
  } catch (error) {
    page.fail(error);
  }
  await begun;
  const bbox = state.get("catalogue")?.bbox;
  if (bbox) earth?.flyTo(bbox);
  window.mitoshi.ready = true;
}

async function startGlobe(): Promise<void> {
  try {
    const { Globe } = await import("./globe/globe");
    const globe = new Globe(container, state);
    earth = globe;
    globe.onPick((lon, lat, feature) => {
      state.set({ picked: { lon, lat, feature: feature ?? null } });
      globe.markPoint(lon, lat);
    });
    window.mitoshi.globe = globe;
  } catch (error) {
    console.warn(error);
    container.replaceChildren(h("p", { class: "globe-note" }, t("error.globe")));
  }
  state.set({ area: state.get("area") });
}

void start();
