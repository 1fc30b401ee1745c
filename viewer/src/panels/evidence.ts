/** The evidence of a product: all that a stranger needs to check it, and the button that checks it. */

import * as api from "../api";
import { h, icon, redraw } from "../dom";
import { keyOf, type BundleAccount, type BundleSummary, type StatusInfo, type Verdict } from "../model";
import type { Page } from "../page";
import { number, say, t, time } from "../text";
import { account } from "./account";
import type { JobList } from "./jobs";

/** How far the verification of a bundle is. */
export interface Verification {
  readonly status: StatusInfo | null;
  readonly verdict: Verdict | null;
}

/** The panel: the list of products, or the account of the one selected. */
export function evidencePanel(page: Page, jobs: JobList): { element: HTMLElement; reload: () => Promise<void> } {
  const { state } = page;
  const element = h("div", { class: "evidence" });
  const verifications = new Map<string, Verification>();
  let known: readonly BundleSummary[] = [];
  let shown: BundleAccount | null = null;

  const verify = async (id: string): Promise<void> => {
    verifications.set(id, { status: null, verdict: null });
    draw();
    try {
      const status = await api.verify(id);
      verifications.set(id, { status, verdict: null });
      const over = await jobs.follow(status);
      const verdict = over.status === "successful" ? await api.verdict(over.jobID) : null;
      verifications.set(id, { status: over, verdict });
      if (verdict) page.announce(t(`evidence.${verdict.status}`));
    } catch (error) {
      verifications.delete(id);
      page.fail(error);
    }
    draw();
  };
  jobs.on(() => {
    for (const [id, { status, verdict }] of verifications) {
      const now = jobs.all().find((job) => job.jobID === status?.jobID);
      if (now && now !== status && !verdict) verifications.set(id, { status: now, verdict });
      const bar = element.querySelector<HTMLProgressElement>(`progress[data-verify="${CSS.escape(id)}"]`);
      if (bar && now) bar.value = now.progress ?? 0;
    }
  });
  const draw = (): void => {
    const id = state.get("bundle");
    if (id === null) return redraw(element, ...listing(page, known));
    const back = h("button", { class: "quiet", "data-focus": "back", onclick: () => state.set({ bundle: null }) }, icon("left"), t("evidence.back"));
    const body = shown && shown.id.startsWith(id) ? account(page, shown, verifications.get(shown.id) ?? null, () => void verify(shown?.id ?? id), () => void again()) : [h("p", { class: "hint" }, t("app.loading"))];
    return redraw(element, h("div", { class: "row" }, back), ...body);
  };
  const select = async (): Promise<void> => {
    const id = state.get("bundle");
    element.parentElement?.scrollTo(0, 0);
    draw();
    if (id === null || shown?.id.startsWith(id)) return undefined;
    try {
      const found = await api.bundle(id);
      if (state.get("bundle") !== id) return undefined;
      shown = found;
    } catch (error) {
      state.set({ bundle: null });
      page.fail(error);
    }
    return draw();
  };
  const again = async (): Promise<void> => {
    try {
      shown = shown && (await api.bundle(shown.id));
    } catch (error) {
      page.fail(error);
    }
    draw();
    const made = shown?.adoption;
    page.announce(made ? t("evidence.adopted", { by: made.by, when: time(made.at) }) : t("evidence.trial"));
  };
  const reload = async (): Promise<void> => {
    known = await api.bundles();
    draw();
  };
  state.on(["bundle"], () => void select());
  state.on(["language"], draw);
  draw();
  return { element, reload };
}

function listing(page: Page, known: readonly BundleSummary[]): HTMLElement[] {
  if (known.length === 0) return [h("p", { class: "hint" }, t("evidence.empty"))];
  const rows = known.map((bundle) =>
    h(
      "li",
      {},
      h(
        "button",
        { class: "entry", "data-focus": `bundle ${bundle.id}`, onclick: () => page.state.set({ bundle: bundle.id }) },
        h("span", { class: "name" }, say(bundle.title)),
        h("span", { class: "hint" }, `${time(bundle.created)} · ${bundle.id.slice(0, 12)}`),
        bundle.simulated ? h("span", { class: "tag" }, t("layers.simulated")) : null,
      ),
    ),
  );
  return [h("p", { class: "hint" }, `${t("evidence.products")}: ${number(known.length)}`), h("ul", { class: "entries" }, ...rows)];
}

/** Put the layers of a bundle on the globe and go there. */
export function showBundle(page: Page, bundle: BundleAccount | BundleSummary): void {
  const { state } = page;
  const layers = state.get("layers").filter((layer) => layer.bundle !== null && (layer.bundle.startsWith(bundle.id) || bundle.id.startsWith(layer.bundle)));
  const certain = layers.filter((layer) => !layers.some((other) => other.uncertainty === layer.id));
  const shown = new Set(state.get("shown"));
  certain.forEach((layer) => shown.add(keyOf(layer)));
  state.set({ bundle: bundle.id, shown, time: null });
  const first = certain[0];
  if (first) page.earth()?.flyTo(first.bbox);
}
