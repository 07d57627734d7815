import { ClientRequest } from "node/internal/http_client";

const module = { ClientRequest };
export { module as default };
