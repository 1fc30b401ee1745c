/** Elements made in one call, redrawn without losing the focus; no inline style ever, for the page's policy forbids it. */

type Value = string | number | boolean | null | undefined;
type Handler = (event: never) => void;
export type Props = Readonly<Record<string, Value | Handler | Readonly<Record<string, string>>>>;
export type Child = Node | string | null | false | undefined;

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. `onclick` and the like listen; an object sets style properties; true is an empty attribute. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  dress(made, props);
  made.append(...children.filter(isNode));
  if ("value" in props && "value" in made) (made as HTMLInputElement).value = String(props.value ?? "");
  return made;
}

/** An SVG element. */
export function s<K extends keyof SVGElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): SVGElementTagNameMap[K] {
  const made = document.createElementNS(SVG, tag);
  dress(made, props);
  made.append(...children.filter(isNode));
  return made;
}

function isNode(child: Child): child is Node | string {
  return child !== null && child !== undefined && child !== false && child !== "";
}

function dress(made: HTMLElement | SVGElement, props: Props): void {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name.slice(2), value as EventListener);
    else if (typeof value === "object") for (const [key, said] of Object.entries(value)) made.style.setProperty(key, said);
    else if (name === "checked" || name === "disabled" || name === "open" || name === "hidden") made.toggleAttribute(name, true);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Replace what is in a container; the element with the same `data-focus` is focused again, and the scroll stays. */
export function redraw(container: HTMLElement, ...children: Child[]): void {
  const active = document.activeElement;
  const key = active instanceof HTMLElement && container.contains(active) ? active.dataset.focus : undefined;
  const scroll = container.scrollTop;
  container.replaceChildren(...children.filter(isNode));
  container.scrollTop = scroll;
  if (key !== undefined) container.querySelector<HTMLElement>(`[data-focus="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

let serial = 0;
/** An id that no other element has. */
export function unique(prefix: string): string {
  serial += 1;
  return `${prefix}-${serial}`;
}

const PATHS = {
  layers: "M12 3 2 8.5 12 14l10-5.5L12 3Zm-8.2 9L2 13l10 5.5L22 13l-1.8-1L12 16.5 3.8 12Z",
  run: "M8 5v14l11-7L8 5Z",
  jobs: "M4 5h16v3H4V5Zm0 5.5h16v3H4v-3ZM4 16h10v3H4v-3Z",
  evidence: "M12 2 4 5v6c0 5 3.4 9.3 8 11 4.6-1.7 8-6 8-11V5l-8-3Zm-1.2 14.2-3.5-3.5 1.5-1.5 2 2 4.4-4.4 1.5 1.5-5.9 5.9Z",
  search: "M10 3a7 7 0 1 0 4.2 12.6l5 5 1.6-1.6-5-5A7 7 0 0 0 10 3Zm0 2.2a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 0 1 0-9.6Z",
  play: "M8 5v14l11-7L8 5Z",
  pause: "M6 5h4v14H6V5Zm8 0h4v14h-4V5Z",
  back: "M6 5h3v14H6V5Zm13 0v14l-9-7 9-7Z",
  on: "M15 5h3v14h-3V5ZM5 5l9 7-9 7V5Z",
  compare: "M11 2h2v20h-2v-3H4V5h7V2Zm0 5H6v10h5V7Zm4-2h5v14h-5v-2h3V7h-3V5Z",
  close: "m6.4 5 5.6 5.6L17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4-5.6-5.6L6.4 19 5 17.6l5.6-5.6L5 6.4 6.4 5Z",
  fold: "m12 15.5-7-7L6.5 7l5.5 5.5L17.5 7 19 8.5l-7 7Z",
  left: "M15.5 5 17 6.5 11.5 12l5.5 5.5-1.5 1.5-7-7 7-7Z",
  download: "M11 3h2v9l3.5-3.5L18 10l-6 6-6-6 1.5-1.5L11 12V3ZM4 18h16v3H4v-3Z",
} as const;
export type Icon = keyof typeof PATHS;

/** A picture that says nothing to a screen reader; the control beside it has the words. */
export function icon(name: Icon): SVGElement {
  return s("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" }, s("path", { d: PATHS[name] }));
}
