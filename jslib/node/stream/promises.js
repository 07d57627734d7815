// node:stream/promises.

import { default as Stream } from "node/stream";

const { finished, pipeline } = Stream.promises;
const promises = { finished, pipeline };

export { promises as default };
