/** The build: one page, hashed names, no source maps; of CesiumJS only the files that the globe asks for. */

import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, posix, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const HERE = dirname(fileURLToPath(import.meta.url));
const ENGINE = join(HERE, "node_modules/@cesium/engine");
/** Terrain is meshed, and searched for what lies under the pointer, in workers; nothing else of what the globe draws needs one. */
const WORKERS = ["createVerticesFromHeightmap.js", "incrementallyBuildTerrainPicker.js", "transferTypedArrayTest.js"];
const WORLD = "Assets/Textures/NaturalEarthII";
const HEIGHTS = "Assets/approximateTerrainHeights.json";
const SOURCES = ["index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "src"];

/**
 * Where CesiumJS puts a style into the page as text, which the page's policy forbids, or a logo that leads elsewhere. The globe
 * names its sources in a line of its own.
 */
const MENDS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  "/Scene/CreditDisplay.js": [
    ["shadowRootOrDocumentHead.appendChild(styleElem);", ""],
    ['`<a href="https://cesium.com/" target="_blank"><img src="${logo}" style="vertical-align: -7px" title="Cesium ion"/></a>`', '"CesiumJS"'],
  ],
  "/Core/FeatureDetection.js": [
    ['canvas.setAttribute(\n      "style",\n      "image-rendering: -moz-crisp-edges;" + "image-rendering: pixelated;",\n    );', 'canvas.style.imageRendering = "pixelated";'],
  ],
};

const sha256 = (data: Uint8Array | string): string => createHash("sha256").update(data).digest("hex");

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)]))
    .sort();
}

/** The workers and every module they import, by their names in the folder of workers. */
function workerModules(names: readonly string[]): string[] {
  const found = new Set<string>();
  const open = [...names];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    const text = readFileSync(join(ENGINE, "Build/Workers", name), "utf8");
    for (const [, imported] of text.matchAll(/(?:from|import)\s*\(?\s*"(\.\/[^"]+)"/g)) open.push(posix.normalize(imported ?? ""));
  }
  return [...found].sort();
}

/** What is copied, by its address below the folder of CesiumJS. */
function cesiumFiles(): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const name of workerModules(WORKERS)) files.set(`Workers/${name}`, readFileSync(join(ENGINE, "Build/Workers", name)));
  for (const path of filesBelow(join(ENGINE, "Source", WORLD)))
    files.set(relative(join(ENGINE, "Source"), path).split(sep).join("/"), readFileSync(path));
  files.set(HEIGHTS, readFileSync(join(ENGINE, "Source", HEIGHTS)));
  files.set("LICENSE.txt", readFileSync(join(ENGINE, "LICENSE.md")));
  return files;
}

/**
 * One digest over everything the build is made from: of each file, in the order of their addresses, the address, a NUL, the
 * SHA-256 of its bytes in hexadecimal, and a newline. tests/browser computes the same.
 */
function sourceDigest(): string {
  const paths = SOURCES.flatMap((name) => (name === "src" ? filesBelow(join(HERE, name)) : [join(HERE, name)]));
  const named = paths.map((path) => [relative(HERE, path).split(sep).join("/"), path] as const);
  named.sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256(named.map(([name, path]) => `${name}\0${sha256(readFileSync(path))}\n`).join(""));
}

function cesium(files: Map<string, Buffer>, folder: string): Plugin {
  return {
    name: "mitoshi-cesium",
    transform(code, id) {
      const name = Object.keys(MENDS).find((ending) => id.split(sep).join("/").endsWith(ending));
      if (name === undefined) return null;
      let mended = code;
      for (const [found, instead] of MENDS[name] ?? []) {
        if (!mended.includes(found)) this.error(`${name} has changed: look for styles that it puts into the page, which the page's policy forbids`);
        mended = mended.replaceAll(found, instead);
      }
      return { code: mended, map: null };
    },
    generateBundle() {
      for (const [name, source] of files) this.emitFile({ type: "asset", fileName: `${folder}/${name}`, source });
      const build = { sources: sourceDigest(), cesium: JSON.parse(readFileSync(join(ENGINE, "package.json"), "utf8")).version };
      this.emitFile({ type: "asset", fileName: "build.json", source: `${JSON.stringify(build, null, 2)}\n` });
    },
    configureServer(server) {
      server.middlewares.use(`/${folder}/`, (request, response, next) => {
        const found = files.get((request.url ?? "").replace(/^\//, "").replace(/\?.*$/, ""));
        if (!found) return next();
        if (request.url?.endsWith(".js")) response.setHeader("Content-Type", "text/javascript");
        return response.end(found);
      });
    },
  };
}

const files = cesiumFiles();
const folder = `assets/cesium-${sha256([...files].map(([name, data]) => `${name}\0${sha256(data)}\n`).join("")).slice(0, 8)}`;
const service = process.env.MITOSHI ?? "http://127.0.0.1:8000";
const routes = ["/ogc", "/stac", "/tiles", "/vectors", "/values", "/terrain", "/buildings", "/layers", "/bundles"];

export default defineConfig({
  root: HERE,
  base: "./",
  publicDir: false,
  define: { CESIUM_BASE_URL: JSON.stringify(`${folder}/`) },
  plugins: [cesium(files, folder)],
  server: { host: "127.0.0.1", proxy: Object.fromEntries(routes.map((route) => [route, service])) },
  build: {
    outDir: resolve(HERE, process.env.MITOSHI_STATIC ?? "../src/mitoshi/interfaces/viewer/static"),
    emptyOutDir: true,
    target: "es2022",
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 6000,
    rolldownOptions: {
      output: {
        entryFileNames: "assets/[name]-[hash].js",
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
        codeSplitting: { groups: [{ name: "cesium", test: /node_modules/ }] },
      },
    },
  },
});
