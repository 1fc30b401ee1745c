/** What every panel is given: the state, the globe, and how to speak to the person at the page. */

import { ServiceError, useKey } from "./api";
import { h, icon } from "./dom";
import type { Area, Bbox, State } from "./model";
import { t } from "./text";

export type Tab = "layers" | "run" | "jobs" | "evidence" | "search";
export const TABS: readonly Tab[] = ["layers", "run", "jobs", "evidence", "search"];

/** What the panels ask of the globe; null where the browser cannot draw one. */
export interface Earth {
  flyTo(bbox: Bbox): void;
  startDrawing(kind: "rectangle" | "polygon"): Promise<Area | null>;
  cancelDrawing(): void;
  isIdle(): boolean;
}

/** The page as the panels see it. */
export interface Page {
  readonly state: State;
  readonly earth: () => Earth | null;
  /** Bring a panel to the front. */
  open(tab: Tab): void;
  /** Fetch the layers again, after something was published. */
  reload(): Promise<void>;
  /** Say an error in one line. */
  fail(error: unknown): void;
  /** Say something quietly, to a screen reader as well. */
  announce(line: string): void;
}

/** The line of errors (role alert) and the quiet line of news (role status). */
export class Notices {
  readonly element: HTMLElement;
  private readonly alerts = h("div", { role: "alert", class: "alerts" });
  private readonly news = h("div", { role: "status", class: "news" });
  private timer = 0;

  constructor() {
    this.element = h("div", { class: "notices" }, this.alerts, this.news);
  }

  fail(error: unknown): void {
    if (error instanceof DOMException && error.name === "AbortError") return;
    const refused = error instanceof ServiceError && error.status === 401;
    const line = refused ? t("error.key") : error instanceof Error ? error.message : String(error);
    const close = h("button", { class: "plain square", "aria-label": t("app.close"), onclick: () => this.alerts.replaceChildren() }, icon("close"));
    this.alerts.replaceChildren(h("div", { class: "alert" }, h("p", {}, line), refused && this.keyField(), close));
  }

  announce(line: string): void {
    window.clearTimeout(this.timer);
    this.news.replaceChildren(h("p", {}, line));
    this.timer = window.setTimeout(() => this.news.replaceChildren(), 6000);
  }

  private keyField(): HTMLElement {
    const input = h("input", { type: "password", autocomplete: "off", spellcheck: "false", "aria-label": t("run.key"), placeholder: t("run.key") });
    const use = (event: Event): void => {
      event.preventDefault();
      useKey(input.value);
      this.alerts.replaceChildren();
    };
    return h("form", { class: "row", onsubmit: use }, input, h("button", { type: "submit" }, t("run.keySave")));
  }
}

/** A button that puts a text on the clipboard and says so. */
export function copyButton(page: Page, text: string, name: string): HTMLElement {
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      page.announce(t("app.copied"));
    } catch (error) {
      page.fail(error);
    }
  };
  return h("button", { class: "quiet", onclick: () => void copy(), "aria-label": `${t("app.copy")}: ${name}` }, t("app.copy"));
}
