/** What is asked of the service; every answer typed, every error one line. */

import type {
  AreaStatistics, Area, BundleAccount, BundleSummary, LayerList, ProcessDescription, ProcessSummary, Series, StatusInfo, Value, Verdict,
} from "./model";
import { t } from "./text";

/** An error with the line that a person reads. */
export class ServiceError extends Error {
  constructor(readonly status: number, detail: string) {
    super(detail);
  }
}

const KEPT = "mitoshi.key";
let key = read(KEPT);

function read(name: string): string {
  try {
    return sessionStorage.getItem(name) ?? "";
  } catch {
    return "";
  }
}

/** Send this key with every request of this tab. */
export function useKey(given: string): void {
  key = given.trim();
  try {
    sessionStorage.setItem(KEPT, key);
  } catch {
    // Kept until the page is left.
  }
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (key) headers.set("Authorization", `Bearer ${key}`);
  if (!headers.has("Accept")) headers.set("Accept", "application/json");
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ServiceError(0, t("error.network"));
  }
  if (response.ok) return response;
  throw new ServiceError(response.status, await detail(response));
}

async function detail(response: Response): Promise<string> {
  try {
    const problem = (await response.json()) as { detail?: string; title?: string };
    return problem.detail ?? problem.title ?? `HTTP ${response.status}`;
  } catch {
    return `HTTP ${response.status}`;
  }
}

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await ask(path, signal ? { signal } : {})).json()) as T;
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return ask(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers } });
}

const part = encodeURIComponent;

export const layers = (): Promise<LayerList> => get("/layers");
export const bundles = async (): Promise<readonly BundleSummary[]> =>
  (await get<{ bundles: readonly BundleSummary[] }>("/bundles")).bundles;
export const bundle = (id: string): Promise<BundleAccount> => get(`/bundles/${part(id)}`);
export const processes = async (): Promise<readonly ProcessSummary[]> =>
  (await get<{ processes: readonly ProcessSummary[] }>("/ogc/processes?limit=1000")).processes;
export const process = (id: string): Promise<ProcessDescription> => get(`/ogc/processes/${part(id)}`);
export const job = (id: string): Promise<StatusInfo> => get(`/ogc/jobs/${part(id)}`);
export const jobs = async (): Promise<readonly StatusInfo[]> => (await get<{ jobs: readonly StatusInfo[] }>("/ogc/jobs?limit=50")).jobs;
export const dismiss = async (id: string): Promise<void> => void (await ask(`/ogc/jobs/${part(id)}`, { method: "DELETE" }));

export function value(layer: string, lon: number, lat: number, signal?: AbortSignal): Promise<Value> {
  return get(`/values?layer=${part(layer)}&lon=${lon}&lat=${lat}`, signal);
}

export function series(layer: string, lon: number, lat: number, signal?: AbortSignal): Promise<Series> {
  return get(`/values/series?layer=${part(layer)}&lon=${lon}&lat=${lat}`, signal);
}

export async function statistics(layer: string, area: Area): Promise<AreaStatistics> {
  const geometry = { type: "Polygon", coordinates: [[...area.ring, area.ring[0]]] };
  return (await (await post("/values/area", { layer, geometry })).json()) as AreaStatistics;
}

/** Queue a run; the answer is its status. */
export async function execute(id: string, inputs: Readonly<Record<string, unknown>>): Promise<StatusInfo> {
  const body = { inputs, outputs: {}, response: "document" };
  return accepted(await post(`/ogc/processes/${part(id)}/execution`, body, { Prefer: "respond-async" }));
}

/** Queue the verification of a bundle. */
export async function verify(id: string): Promise<StatusInfo> {
  return accepted(await post(`/bundles/${part(id)}/verify`, {}));
}

/** Let later runs take the products of a bundle, or no longer. */
export async function adopt(id: string, by: string, reason: string): Promise<void> {
  const body = JSON.stringify({ by, reason });
  await ask(`/bundles/${part(id)}/adoption`, { method: "PUT", body, headers: { "Content-Type": "application/json" } });
}
export const withdraw = async (id: string): Promise<void> => void (await ask(`/bundles/${part(id)}/adoption`, { method: "DELETE" }));

async function accepted(response: Response): Promise<StatusInfo> {
  const location = response.headers.get("Location");
  const said = (await response.json().catch(() => null)) as StatusInfo | null;
  if (said?.jobID) return said;
  return job((location ?? "").replace(/\/+$/, "").split("/").pop() ?? "");
}

/** The id of the bundle that a finished run made. */
export async function madeBundle(jobId: string): Promise<string | null> {
  const results = await get<{ bundle?: { value?: string } | string }>(`/ogc/jobs/${part(jobId)}/results`);
  if (typeof results.bundle === "string") return results.bundle;
  return results.bundle?.value ?? null;
}

/** What a finished verification found. */
export async function verdict(jobId: string): Promise<Verdict> {
  const results = await get<{ verdict: { value: Verdict } }>(`/ogc/jobs/${part(jobId)}/results`);
  return results.verdict.value;
}

export interface FoundItem {
  readonly id: string;
  readonly collection: string;
  readonly bbox: [number, number, number, number] | null;
  readonly properties: Readonly<Record<string, unknown>> & { readonly datetime?: string | null };
}
export interface Found {
  readonly features: readonly FoundItem[];
  readonly numberMatched?: number;
}

/** Search the catalogue: what a STAC API takes as query. */
export function search(query: Readonly<Record<string, string>>): Promise<Found> {
  return get(`/stac/search?${new URLSearchParams(query)}`);
}

export const collections = async (): Promise<readonly { id: string; title?: string }[]> =>
  (await get<{ collections: readonly { id: string; title?: string }[] }>("/stac/collections")).collections;

const FINAL = new Set(["successful", "failed", "dismissed"]);
export const isFinal = (status: StatusInfo): boolean => FINAL.has(status.status);
const PAUSE_MS = 2000;

/** Call `tell` at every change of a job until it is over; server-sent events read by hand, for only so can a key be sent. */
export async function watch(id: string, tell: (status: StatusInfo) => void, signal: AbortSignal): Promise<StatusInfo> {
  for (;;) {
    try {
      const last = await listen(id, tell, signal);
      if (last && isFinal(last)) return last;
    } catch (error) {
      if (signal.aborted || (error instanceof ServiceError && error.status === 404)) throw error;
    }
    await new Promise((done) => setTimeout(done, PAUSE_MS));
    if (signal.aborted) throw new DOMException("left", "AbortError");
    const now = await job(id);
    tell(now);
    if (isFinal(now)) return now;
  }
}

async function listen(id: string, tell: (status: StatusInfo) => void, signal: AbortSignal): Promise<StatusInfo | null> {
  const response = await ask(`/ogc/jobs/${part(id)}/events`, { headers: { Accept: "text/event-stream" }, signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  let last: StatusInfo | null = null;
  for (let chunk = await reader?.read(); chunk && !chunk.done; chunk = await reader?.read()) {
    held += chunk.value.replace(/\r/g, "");
    const events = held.split("\n\n");
    held = events.pop() ?? "";
    for (const event of events) {
      const data = event.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trim()).join("\n");
      if (!data) continue;
      last = JSON.parse(data) as StatusInfo;
      tell(last);
    }
  }
  return last;
}
