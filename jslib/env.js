// The worker's bindings: env, or globals in service-worker syntax.

// A binding of a kind that is not there: whatever is called on it says so. Looking at it is allowed, because libraries look
// through env for bindings of the kind that they want.
function unsupported(name, key) {
  const refuse = () => {
    throw new P.Error(`The binding "${name}" (${key}) is of a kind that this version does not support.`);
  };
  const get = (target, member) => (typeof member === "symbol" || member === "then" || member === "toJSON" ? undefined : refuse);
  return new P.Proxy({ __proto__: null }, { __proto__: null, get, has: () => false, set: refuse, deleteProperty: refuse });
}

function valueOf(row, data) {
  switch (row.type) {
    case "plain_text":
    case "secret_text":
      return row.text;
    case "json":
      return row.json;
    case "module":
      return data(row.module);
    case "queue":
      return load("queues").workerQueue(row.index);
    case "dispatch_namespace":
      return load("dispatch").dispatchNamespace(row.index, row.options);
    case "worker_loader":
      return load("loader").workerLoader(row.index);
    case "assets":
      return load("assets").assetsFetcher(row.index);
    case "service":
      return load("rpc").serviceStub(row.index);
    case "kv_namespace":
      if (row.options?.secret_name !== undefined) return load("kv").storedSecret(row.index, row.options.secret_name);
      return load("kv").kvNamespace(row.index);
    case "ratelimit":
      return load("ratelimit").rateLimit(row.index, row.options);
    case "analytics_engine":
      return load("analytics").analyticsEngine(row.index);
    case "send_email":
      return load("email").sendEmail(row.index, row.options);
    case "r2_bucket":
      return load("r2").r2Bucket(row.index);
    case "d1":
      return load("d1").d1Database(row.index);
    case "durable_object_namespace":
      return load("namespace").objectNamespace(row);
    default:
      return unsupported(row.name, row.text ?? row.type);
  }
}

// rows: `env` of the start configuration. data(name): the value of a module.
export function makeEnv(rows, data) {
  const env = {};
  for (let i = 0; i < rows.length; i++) {
    if (rows[i].type === "env") P.ObjectAssign(env, load("ties").envOf(data(rows[i].module)));
    if (rows[i].name === "") continue; // a member of ctx.exports
    P.ObjectDefineProperty(env, rows[i].name, {
      __proto__: null,
      value: valueOf(rows[i], data),
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return env;
}

export function envToGlobals(env) {
  const names = P.ObjectKeys(env);
  for (let i = 0; i < names.length; i++)
    P.ObjectDefineProperty(P.globalThis, names[i], { __proto__: null, value: env[names[i]], writable: true, enumerable: true, configurable: true });
}
