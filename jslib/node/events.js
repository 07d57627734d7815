// node:events.

import { EventEmitter } from "node/internal/events";

export { EventEmitter as default };
