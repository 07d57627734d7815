// node:_stream_writable.

import { default as Stream } from "node/stream";

const { Writable } = Stream;
export { Writable as default };
