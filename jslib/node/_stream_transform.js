// node:_stream_transform.

import { default as Stream } from "node/stream";

const { Transform } = Stream;
export { Transform as default };
