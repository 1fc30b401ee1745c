/** The jobs: what waits, what runs and how far it is, what came out. */

import * as api from "../api";
import { h, redraw } from "../dom";
import type { StatusInfo } from "../model";
import type { Page } from "../page";
import { number, t, time } from "../text";

const MOST_WATCHED = 2;
const POLL_MS = 4000;

/** The jobs known to this page, kept up to date: a few by events, the others by asking. */
export class JobList {
  private readonly known = new Map<string, StatusInfo>();
  private readonly watched = new Set<string>();
  private readonly listeners = new Set<() => void>();
  private readonly ends = new Map<string, (status: StatusInfo) => void>();
  private timer = 0;

  constructor(private readonly page: Page, private readonly finished: (status: StatusInfo) => void) {}

  all(): StatusInfo[] {
    return [...this.known.values()].sort((a, b) => (b.created ?? "").localeCompare(a.created ?? ""));
  }

  on(listener: () => void): void {
    this.listeners.add(listener);
  }

  async refresh(): Promise<void> {
    (await api.jobs()).forEach((status) => this.take(status));
  }

  /** Follow a job that was just asked for; the promise is kept when it is over. */
  follow(status: StatusInfo): Promise<StatusInfo> {
    const over = new Promise<StatusInfo>((done) => this.ends.set(status.jobID, done));
    this.take(status);
    return over;
  }

  private take(status: StatusInfo): void {
    const before = this.known.get(status.jobID);
    this.known.set(status.jobID, status);
    if (api.isFinal(status)) {
      if (before && !api.isFinal(before)) this.finished(status);
      this.ends.get(status.jobID)?.(status);
      this.ends.delete(status.jobID);
    } else this.keep(status.jobID);
    this.listeners.forEach((listener) => listener());
  }

  private keep(id: string): void {
    if (this.watched.has(id)) return;
    if (this.watched.size >= MOST_WATCHED) return this.pollLater();
    this.watched.add(id);
    api
      .watch(id, (status) => this.take(status), new AbortController().signal)
      .catch((error: unknown) => this.page.fail(error))
      .finally(() => this.watched.delete(id));
  }

  private pollLater(): void {
    if (this.timer) return;
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      void this.refresh().catch((error: unknown) => this.page.fail(error));
    }, POLL_MS);
  }
}

/** What people call a process. */
export type NameOf = (id: string) => string;

/** The panel with every job, newest first. */
export function jobsPanel(page: Page, jobs: JobList, nameOf: NameOf): HTMLElement {
  const list = h("div", {});
  const draw = (): void => {
    const rows = jobs.all().map((status) => row(page, status, nameOf));
    const refresh = h("button", { class: "quiet", "data-focus": "refresh", onclick: () => void jobs.refresh().catch((error: unknown) => page.fail(error)) }, t("jobs.refresh"));
    redraw(list, h("div", { class: "row" }, refresh), rows.length > 0 ? h("ul", { class: "jobs" }, ...rows) : h("p", { class: "hint" }, t("jobs.empty")));
  };
  jobs.on(draw);
  page.state.on(["language"], draw);
  draw();
  return list;
}

function row(page: Page, status: StatusInfo, nameOf: NameOf): HTMLElement {
  const verifying = status.processID === "verify";
  const name = verifying ? t("jobs.verify") : nameOf(status.processID);
  const comparing = status.processID === "score";
  const going = !api.isFinal(status);
  const progress = status.progress ?? 0;
  return h(
    "li",
    { class: `job ${status.status}`, "data-job": status.jobID },
    h("div", { class: "head" }, h("h3", {}, name), h("span", { class: `chip ${status.status}` }, t(`jobs.${status.status}`))),
    h("p", { class: "hint" }, t("jobs.started", { when: time(status.created) })),
    going
      ? h("div", { class: "progress" }, h("progress", { max: 100, value: progress, "aria-label": t("jobs.progress", { name }) }), h("span", {}, `${number(progress)} %`))
      : null,
    status.message && (going || status.status === "failed") ? h("p", { class: status.status === "failed" ? "message bad" : "message" }, status.message) : null,
    going ? h("button", { class: "quiet", "data-focus": `cancel ${status.jobID}`, onclick: () => void cancel(page, status) }, t("jobs.cancel")) : null,
    status.status === "successful" && comparing
      ? h("a", { href: `/ogc/jobs/${status.jobID}/files/score.${page.state.get("language")}.pdf`, target: "_blank", rel: "noopener" }, t("jobs.report"))
      : null,
    status.status === "successful" && !verifying && !comparing
      ? h("button", { class: "quiet", "data-focus": `open ${status.jobID}`, onclick: () => void open(page, status) }, t("jobs.open"))
      : null,
  );
}

async function cancel(page: Page, status: StatusInfo): Promise<void> {
  try {
    await api.dismiss(status.jobID);
  } catch (error) {
    page.fail(error);
  }
}

async function open(page: Page, status: StatusInfo): Promise<void> {
  try {
    const bundle = await api.madeBundle(status.jobID);
    page.state.set({ bundle });
    page.open("evidence");
  } catch (error) {
    page.fail(error);
  }
}
