import { hasBadCharacter, isToken, METHODS } from "node/internal/http_common";

const module = {
  _checkInvalidHeaderChar: hasBadCharacter,
  _checkIsHttpToken: isToken,
  chunkExpression: /(?:^|\W)chunked(?:$|\W)/i,
  continueExpression: /(?:^|\W)100-continue(?:$|\W)/i,
  CRLF: "\r\n",
  methods: METHODS,
};
export { module as default };
