// node:_stream_readable.

import { default as Stream } from "node/stream";

const { Readable } = Stream;
export { Readable as default };
