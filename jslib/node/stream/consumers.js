// node:stream/consumers: a whole stream, of either kind, as one value.

import { Buffer } from "node/internal/buffer";
import { Blob } from "blob";

async function chunks(stream) {
  const list = [];
  for await (const chunk of stream) P.ArrayPrototypePush(list, typeof chunk === "string" ? Buffer.from(chunk) : new Uint8Array(chunk.buffer ?? chunk, chunk.byteOffset ?? 0, chunk.byteLength));
  return list;
}

async function blob(stream) {
  return new Blob(await chunks(stream));
}

async function buffer(stream) {
  return Buffer.concat(await chunks(stream));
}

async function arrayBuffer(stream) {
  const bytes = await buffer(stream);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

async function text(stream) {
  const decoder = new (load("encoding").TextDecoder)();
  let out = "";
  for await (const chunk of stream) out += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
  return out + decoder.decode();
}

async function json(stream) {
  return P.JSONParse(await text(stream));
}

const consumers = { arrayBuffer, blob, buffer, json, text };
export { consumers as default };
