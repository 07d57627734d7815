// node:_tls_wrap.

const { TLSSocket, Server, createServer, connect } = load("node/tls").default;
const module = { TLSSocket, Server, createServer, connect };
export { module as default };
