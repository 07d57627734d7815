import { OutgoingMessage, uniqueHeaders } from "node/internal/http_outgoing";
import { validateHeaderName, validateHeaderValue } from "node/internal/http_common";

const module = { OutgoingMessage, parseUniqueHeadersOption: uniqueHeaders, validateHeaderName, validateHeaderValue };
export { module as default };
