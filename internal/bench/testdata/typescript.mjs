// The official TypeScript client at the work of BenchmarkGetDataset and
// BenchmarkWalk: node typescript.mjs FOLDER get|walk BASE_URL DATASET_ID, where
// FOLDER has @mistralai/mistralai installed. Prints how long the work took.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, work, base, datasetId] = process.argv.slice(2);
const resolve = createRequire(join(folder, "here.js")).resolve;
const { Mistral } = await import(pathToFileURL(resolve("@mistralai/mistralai")));
const datasets = new Mistral({ apiKey: "test-key", serverURL: base }).beta.observability.datasets;

async function walk() {
  let records = 0;
  for (let page = 1; ; page++) {
    const answer = await datasets.listRecords({ datasetId, page, pageSize: 100 });
    records += answer.records.results.length;
    if (answer.records.next === null) return records;
  }
}

// One run is a walk, or as many requests as make the compiler warm.
async function run() {
  if (work === "walk") return walk();
  const requests = 1000;
  for (let i = 0; i < requests; i++) await datasets.fetch({ datasetId });
  return requests;
}

await datasets.fetch({ datasetId });
const started = performance.now();
const cpu = process.cpuUsage();
const done = await run();
const ms = performance.now() - started;
const { user, system } = process.cpuUsage(cpu);
const operations = work === "walk" ? 1 : done;
console.log(JSON.stringify({ ms: ms / operations, cpuMS: (user + system) / 1000 / operations, peakMB: process.resourceUsage().maxRSS / 1024 }));
