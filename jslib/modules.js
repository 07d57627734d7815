// The built-in modules that a worker may import, as namespaces: one object for a name, with exactly the module's exports.

import { hasFlag } from "flags";

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
      get env() {
        return workers.currentEnv();
      },
      get exports() {
        return workers.currentExports();
      },
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

// Throws when there is no such module.
export function namespaceOf(name) {
  const known = namespaces[name];
  if (known !== undefined) return known;
  const make = makers[name];
  if (make === undefined) {
    const hint = P.StringPrototypeStartsWith(name, "node:") && !hasFlag("nodejs_compat") ? ' The package or file that imports it needs the "nodejs_compat" compatibility flag.' : "";
    throw new P.Error(`No such module "${name}".${hint}`);
  }
  const namespace = make();
  P.ObjectDefineProperty(namespace, P.SymbolToStringTag, { __proto__: null, value: "Module" });
  return (namespaces[name] = P.ObjectPreventExtensions(namespace));
}
