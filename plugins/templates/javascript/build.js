// Builds the plugin into one component: `node build.js OUTPUT.wasm`. `purser plugin test` runs it.
//
// Every feature of the engine that would import something is switched off: the component links nothing at all.

import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { componentize } from "@bytecodealliance/componentize-js";

const output = process.argv[2] ?? "build/plugin.wasm";
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { component } = await componentize({
  sourcePath: here("src/plugin.js"),
  witPath: here("wit/v0.1"),
  worldName: "connector",
  disableFeatures: ["stdio", "random", "clocks", "http", "fetch-event"],
});
await mkdir(dirname(output), { recursive: true });
await writeFile(output, component);
