// node:_tls_common.

import { notImplemented } from "node/internal/errors";

const { SecureContext, createSecureContext } = load("node/tls").default;
const module = {
  SecureContext,
  createSecureContext,
  translatePeerCertificate() {
    throw notImplemented("translatePeerCertificate");
  },
};
export { module as default };
