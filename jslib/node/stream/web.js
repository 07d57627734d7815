// node:stream/web: the globals of that name.

const web = {};
for (const name of [
  "ByteLengthQueuingStrategy", "CompressionStream", "CountQueuingStrategy", "DecompressionStream", "ReadableByteStreamController", "ReadableStream", "ReadableStreamBYOBReader", "ReadableStreamBYOBRequest", "ReadableStreamDefaultController", "ReadableStreamDefaultReader", "TextDecoderStream", "TextEncoderStream", "TransformStream", "TransformStreamDefaultController", "WritableStream", "WritableStreamDefaultController", "WritableStreamDefaultWriter",
])
  P.ObjectDefineProperty(web, name, { __proto__: null, get: () => P.globalThis[name], enumerable: true, configurable: true });

export { web as default };
