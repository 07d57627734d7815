// node:_stream_passthrough.

import { default as Stream } from "node/stream";

const { PassThrough } = Stream;
export { PassThrough as default };
