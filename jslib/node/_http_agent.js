import { Agent, globalAgent } from "node/internal/http_agent";

const module = { Agent, globalAgent };
export { module as default };
