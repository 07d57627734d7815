import { IncomingMessage } from "node/internal/http_incoming";

const module = { IncomingMessage };
export { module as default };
