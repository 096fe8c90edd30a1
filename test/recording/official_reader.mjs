// Reads a recording with the format's official reader, by its index and from start to end, with all
// checksums. Prints a line for each message.
//   node official_reader.mjs MODULES FILE
// MODULES: a folder in which npm has put @mcap/core and @mcap/support.

import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import path from "node:path";

const [modules, file] = process.argv.slice(2);
const require = createRequire(path.join(modules, "index.js"));
const { McapIndexedReader, McapStreamReader } = require("@mcap/core");
const { loadDecompressHandlers } = require("@mcap/support");

const decompressHandlers = await loadDecompressHandlers();
const bytes = await readFile(file);
const readable = {
  size: async () => BigInt(bytes.length),
  read: async (offset, size) => new Uint8Array(bytes.subarray(Number(offset), Number(offset + size))),
};
const indexed = await McapIndexedReader.Initialize({ readable, decompressHandlers });
const lines = [];
for await (const message of indexed.readMessages()) {
  const channel = indexed.channelsById.get(message.channelId);
  lines.push([message.logTime, channel.topic, channel.messageEncoding, message.sequence,
    Buffer.from(message.data).toString("hex")].join(" "));
}
const statistics = indexed.statistics;
if (statistics.messageCount !== BigInt(lines.length)) throw new Error("the statistics are wrong");
if (indexed.chunkIndexes.length !== statistics.chunkCount) throw new Error("chunk indexes are missing");

const stream = new McapStreamReader({ decompressHandlers, validateCrcs: true });
stream.append(bytes);
let messages = 0;
for (let record; (record = stream.nextRecord()); ) if (record.type === "Message") ++messages;
if (!stream.done()) throw new Error("the stream reader wants more");
if (messages !== lines.length) throw new Error(`${messages} in a row, ${lines.length} by the index`);
console.log(lines.join("\n"));
