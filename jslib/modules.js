// The built-in modules that a worker may import, as namespaces: one object for a name, with exactly the module's exports.

import { nodeExports, nodeName } from "node/registry";

const namespaces = { __proto__: null };

// Name -> function that gives [export name, value or { get }] pairs.
const makers = {
  __proto__: null,
  "cloudflare:workers"() {
    const rpc = load("rpc"), workers = load("workers");
    return {
      __proto__: null,
      DurableObject: rpc.DurableObject,
      RpcPromise: rpc.RpcPromise,
      RpcProperty: rpc.RpcProperty,
      RpcStub: rpc.RpcStub,
      RpcTarget: rpc.RpcTarget,
      ServiceStub: rpc.ServiceStub,
      WorkerEntrypoint: rpc.WorkerEntrypoint,
      WorkflowEntrypoint: rpc.WorkflowEntrypoint,
      cache: workers.cache,
      env: workers.liveEnv,
      exports: workers.liveExports,
      tracing: workers.tracing,
      waitUntil: workers.waitUntil,
      withEnv: workers.withEnv,
      withEnvAndExports: workers.withEnvAndExports,
      withExports: workers.withExports,
    };
  },
  "cloudflare:sockets"() {
    const { connect } = load("sockets");
    return { __proto__: null, connect };
  },
  "cloudflare:email"() {
    return { __proto__: null, EmailMessage: load("email").EmailMessage };
  },
  "cloudflare:node"() {
    const { handleAsNodeRequest, httpServerHandler } = load("node/internal/http_server");
    return { __proto__: null, handleAsNodeRequest, httpServerHandler };
  },
  "cloudflare:workflows"() {
    return { __proto__: null, NonRetryableError };
  },
};

class NonRetryableError extends Error {
  constructor(message, name = "NonRetryableError") {
    super(message);
    this.name = name;
  }
}

// selvage:bao, and the modules below it, which generated models name.
function made(name) {
  if (makers[name] !== undefined) return makers[name]();
  return P.StringPrototypeStartsWith(name, "selvage:bao") ? load("bao/index").baoModule(name) : undefined;
}

function make(name, bundled) {
  const node = nodeName(name);
  const namespace = node !== "" ? nodeExports(node, bundled) : made(name);
  if (namespace === undefined) throw new P.Error(`No such module "${name}".`);
  P.ObjectDefineProperty(namespace, P.SymbolToStringTag, { __proto__: null, value: "Module" });
  return (namespaces[name] = P.ObjectPreventExtensions(namespace));
}

// Throws when there is no such module. bundled: what the bundler would have put in place of a module that is absent counts.
export function namespaceOf(name, bundled = false) {
  return namespaces[name] ?? make(name, bundled);
}

// What require(name) gives.
export function requireOf(name, bundled) {
  const namespace = namespaceOf(name, bundled);
  return nodeName(name) === "" ? namespace : namespace.default;
}
