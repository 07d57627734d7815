// TextEncoderStream and TextDecoderStream.

import { failedToDecode, isBytes, readOptions } from "encoding";
import { publish } from "errors";
import { MAKE } from "streams_util";
import { TransformStream, makeTransform } from "streams_transform";

const { StringPrototypeCharCodeAt: charCodeAt, StringPrototypeSlice: slice } = P;

class Encoding {
  #lead = ""; // a lead surrogate at the end of a chunk waits for its trail

  get starts() {
    return false;
  }
  transform(chunk, controller) {
    let text = this.#lead + `${chunk}`;
    this.#lead = "";
    const last = text.length === 0 ? 0 : charCodeAt(text, text.length - 1);
    if (last >= 0xd800 && last <= 0xdbff) {
      this.#lead = slice(text, -1);
      text = slice(text, 0, -1);
    }
    if (text !== "") controller.enqueue(N.utf8Encode(text));
  }
  flush(controller) {
    if (this.#lead !== "") controller.enqueue(new P.Uint8Array([0xef, 0xbf, 0xbd]));
  }
  cancel() {}
}

export class TextEncoderStream extends TransformStream {
  constructor() {
    const pair = makeTransform(new Encoding());
    super(MAKE, pair.readable, pair.writable);
  }

  get encoding() {
    return "utf-8";
  }
}
publish(TextEncoderStream);

class Decoding {
  #handle;

  constructor(charset, flags) {
    this.#handle = N.decoderNew(charset, flags);
  }
  get starts() {
    return false;
  }
  #run(chunk, flush, controller) {
    const text = N.decoderRun(this.#handle, chunk, flush);
    if (text === undefined) throw failedToDecode();
    if (text !== "") controller.enqueue(text);
  }
  transform(chunk, controller) {
    if (!isBytes(chunk)) {
      throw new P.TypeError(
        "This TransformStream is being used as a byte stream, but received a value that is not a BufferSource.",
      );
    }
    this.#run(chunk, false, controller);
  }
  flush(controller) {
    this.#run(undefined, true, controller);
  }
  cancel() {}
}

export class TextDecoderStream extends TransformStream {
  #read;

  constructor(label = "utf-8", options = undefined) {
    const read = readOptions("TextDecoderStream", label, options);
    const pair = makeTransform(new Decoding(read.charset, read.flags));
    super(MAKE, pair.readable, pair.writable);
    this.#read = read;
  }

  get encoding() {
    return N.charsetName(this.#read.charset);
  }
  get fatal() {
    return this.#read.fatal;
  }
  get ignoreBOM() {
    return this.#read.ignoreBOM;
  }
}
publish(TextDecoderStream);
