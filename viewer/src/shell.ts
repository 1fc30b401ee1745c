/** The frame of the page: header, rail of tabs, panel, stage. */

import { h, icon, redraw } from "./dom";
import type { Language, State } from "./model";
import { TABS, type Tab } from "./page";
import { say, t } from "./text";

/** The name, what is shown, whether it is simulated, and the languages. */
export function header(state: State): HTMLElement {
  const element = h("header", { class: "top" });
  const draw = (): void => {
    const simulated = state.get("layers").some((layer) => layer.simulated);
    const language = (code: Language, name: string): HTMLElement =>
      h("button", { lang: code, "data-focus": code, "aria-pressed": String(state.get("language") === code), onclick: () => state.set({ language: code }) }, name);
    redraw(
      element,
      h("h1", {}, "mitoshi", h("span", { lang: "ja" }, "見通し")),
      h("p", { class: "dataset" }, say(state.get("catalogue")?.title)),
      simulated ? h("p", { class: "badge", title: t("app.simulatedLong") }, t("app.simulated")) : null,
      h("div", { class: "languages", role: "group", "aria-label": t("app.language") }, language("ja", "日本語"), language("en", "English")),
    );
  };
  state.on(["language", "catalogue", "layers"], draw);
  draw();
  return element;
}

/** The rail of tabs and the panels, one of which is in front; the same tab again folds it away. */
export class Tabs {
  readonly rail = h("div", { class: "rail", role: "tablist" });
  readonly panel = h("div", { class: "panel" });
  private current: Tab = "layers";
  private folded = false;
  private readonly parts = new Map<Tab, HTMLElement>();

  constructor(
    state: State,
    private readonly contents: Readonly<Record<Tab, HTMLElement>>,
    private readonly opened: (tab: Tab) => void,
  ) {
    for (const tab of TABS) {
      const part = h("section", { id: `panel-${tab}`, role: "tabpanel", "aria-labelledby": `tab-${tab}`, tabindex: 0 }, h("h2", { class: "heading" }), this.contents[tab]);
      this.parts.set(tab, part);
      this.panel.append(part);
    }
    this.rail.addEventListener("keydown", (event) => this.keys(event));
    state.on(["language"], () => this.draw());
    this.draw();
  }

  open(tab: Tab): void {
    this.current = tab;
    this.folded = false;
    this.draw();
    this.opened(tab);
  }

  fold(folded: boolean): void {
    this.folded = folded;
    this.draw();
  }

  private draw(): void {
    this.rail.setAttribute("aria-label", t("app.views"));
    this.panel.hidden = this.folded;
    document.body.classList.toggle("panel-away", this.folded);
    for (const [tab, part] of this.parts) {
      part.hidden = tab !== this.current;
      const heading = part.querySelector("h2");
      if (heading) heading.textContent = t(`tab.${tab}`);
    }
    redraw(this.rail, ...TABS.map((tab) => this.tab(tab)));
  }

  private tab(tab: Tab): HTMLElement {
    const front = tab === this.current;
    const act = (): void => (front && !this.folded ? this.fold(true) : this.open(tab));
    return h(
      "button",
      {
        role: "tab", id: `tab-${tab}`, "aria-controls": `panel-${tab}`, "aria-selected": String(front), "aria-expanded": String(front && !this.folded),
        tabindex: front ? 0 : -1, "data-focus": tab, onclick: act,
      },
      icon(tab),
      h("span", {}, t(`tab.${tab}`)),
    );
  }

  private keys(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const edge = { Home: 0, End: TABS.length - 1 }[event.key];
    if (step === undefined && edge === undefined) return;
    event.preventDefault();
    const next = TABS[edge ?? (TABS.indexOf(this.current) + (step ?? 0) + TABS.length) % TABS.length];
    if (!next) return;
    this.open(next);
    this.rail.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  }
}

/** What an empty service says instead of an empty globe. */
export function emptyCard(state: State): HTMLElement {
  const card = h("section", { class: "empty", hidden: true });
  const draw = (): void => {
    const catalogue = state.get("catalogue");
    card.hidden = catalogue === null || catalogue.layers.length > 0;
    const step = (words: string, command: string): HTMLElement => h("div", {}, h("p", {}, words), h("pre", { tabindex: 0 }, h("code", {}, command)));
    redraw(
      card,
      h("h2", {}, t("empty.title")),
      h("p", {}, t("empty.text")),
      step(t("empty.ingest"), "mitoshi ingest PATH…"),
      step(t("empty.demo"), "mitoshi demo --out demo"),
    );
  };
  state.on(["catalogue", "language"], draw);
  draw();
  return card;
}
