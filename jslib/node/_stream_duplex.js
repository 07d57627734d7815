// node:_stream_duplex.

import { default as Stream } from "node/stream";

const { Duplex } = Stream;
export { Duplex as default };
