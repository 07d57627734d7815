// node:stream/promises.

import { arity } from "node/internal/functions";
import { default as Stream } from "node/stream";

const { finished, pipeline } = Stream.promises;
const promises = { finished: arity(finished, 1), pipeline };
promises.promises = promises;

export { promises as default };
