import { Server, ServerResponse } from "node/internal/http_server";
import { STATUS_CODES } from "node/internal/http_common";

const module = { STATUS_CODES, Server, ServerResponse };
export { module as default };
