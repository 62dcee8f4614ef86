// The baseline of BenchmarkExportRecords: node readline.mjs BASE_URL DATASET_ID
// downloads an export and decodes each line, and prints how long that took.
import { once } from "node:events";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";

const [base, dataset] = process.argv.slice(2);
const headers = { Authorization: "Bearer test-key" };
const started = performance.now();
const answer = await fetch(`${base}/v1/observability/datasets/${dataset}/exports/to-jsonl`, { headers });
const { file_url } = await answer.json();
const file = await fetch(file_url);
const reader = createInterface({ input: Readable.fromWeb(file.body), crlfDelay: Infinity });
reader.on("line", (line) => JSON.parse(line));
await once(reader, "close");
const { user, system } = process.cpuUsage();
const peakMB = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ ms: performance.now() - started, cpuMS: (user + system) / 1000, peakMB }));
