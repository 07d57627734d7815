/* The part of a Pages Functions bundle that is the same for all: routes, middleware, next(). */

const ORDER = ["", "Get", "Post", "Put", "Patch", "Delete", "Options", "Head"];
const ESCAPED = /[.+*?^${}()|[\]\\/]/g;
const SEGMENT = "[^/#?]+?";

/* A route as a regular expression; `whole`: to its end, else what begins with it. */
function compile(route, whole) {
  const keys = [];
  let source = "^", at = 0;

  for (const m of route.matchAll(/(\/?):(\w+)(\*?)/g)) {
    const [text, prefix, name, star] = m;

    source += route.slice(at, m.index).replace(ESCAPED, "\\$&");
    at = m.index + text.length;
    keys.push({ name, prefix, star });
    if (prefix)
      source += star ? `(?:/((?:${SEGMENT})(?:/(?:${SEGMENT}))*))?` : `(?:/(${SEGMENT}))`;
    else
      source += star ? `((?:${SEGMENT})*)` : `(${SEGMENT})`;
  }
  source += route.slice(at).replace(ESCAPED, "\\$&");
  if (whole)
    source += "[/#?]?$";
  else
    source += "(?:[/#?](?=$))?" + (at < route.length && route.endsWith("/") ? "" : "(?=[/#?]|$)");
  return { pattern: new RegExp(source, "i"), keys };
}

function run({ pattern, keys }, path) {
  const found = pattern.exec(path);

  if (!found)
    return null;
  const params = Object.create(null);
  keys.forEach(({ name, prefix, star }, i) => {
    const value = found[i + 1];

    if (value !== undefined)
      params[name] = star ? value.split(prefix) : value;
  });
  return { params, path: found[0] };
}

/* More segments first; then those with fewer wildcards, and with fewer parameters. */
function compare(a, b) {
  const left = a.route.split("/").filter(Boolean), right = b.route.split("/").filter(Boolean);

  if (left.length !== right.length)
    return right.length - left.length;
  for (let i = 0; i < left.length; i++)
    for (const sign of ["*", ":"]) {
      const order = left[i].includes(sign) - right[i].includes(sign);

      if (order)
        return order;
    }
  return !a.method - !b.method || a.route.localeCompare(b.route);
}

function tableOf(files) {
  const routes = [];

  for (const [route, mount, middleware, module] of files)
    for (const suffix of ORDER) {
      const name = `onRequest${suffix}`, method = suffix.toUpperCase();

      if (!(name in module))
        continue;
      let entry = routes.find((e) => e.route === route && e.method === method);
      if (!entry)
        routes.push(entry = { route, method, middlewares: [], modules: [] });
      entry.mount = mount;
      entry[middleware ? "middlewares" : "modules"] = [module[name]].flat();
    }
  for (const entry of routes.sort(compare)) {
    entry.exactly = compile(entry.route, true);
    entry.below = compile(entry.route, false);
    entry.mounted = compile(entry.mount, false);
  }
  return routes;
}

/* What a request goes through, in order. */
function* handlersOf(routes, method, path) {
  const fits = (e) => !e.method || e.method === method;

  for (const entry of routes.toReversed()) {
    const match = entry.middlewares.length > 0 && fits(entry) && run(entry.below, path);
    const mount = match && run(entry.mounted, path);

    if (mount)
      for (const handler of entry.middlewares)
        yield { handler, params: match.params, path: mount.path };
  }
  for (const entry of routes) {
    const match = entry.modules.length > 0 && fits(entry) && run(entry.exactly, path);

    if (!match || !run(entry.mounted, path))
      continue;
    for (const handler of entry.modules)
      yield { handler, params: match.params, path: match.path };
    break;
  }
}

/* A response whose headers may be changed. */
function mutable(response) {
  return new Response([101, 204, 205, 304].includes(response.status) ? null : response.body, response);
}

function router(files, fallback) {
  const routes = tableOf(files);

  return {
    async fetch(original, env, context) {
      const handlers = handlersOf(routes, original.method, new URL(original.url).pathname);
      let request = original, data = {}, failsOpen = false;
      const finish = () => (fallback ? env[fallback].fetch(request) : fetch(request));

      const next = async (input, init) => {
        if (input !== undefined)
          request = new Request(typeof input === "string" ? new URL(input, request.url).toString() : input, init);
        const { done, value } = handlers.next();
        if (done)
          return mutable(await finish());
        const response = await value.handler({
          request: new Request(request.clone()),
          functionPath: value.path,
          next,
          params: value.params,
          get data() {
            return data;
          },
          set data(replacement) {
            if (typeof replacement !== "object" || replacement === null)
              throw new Error("context.data must be an object");
            data = replacement;
          },
          env,
          waitUntil: context.waitUntil.bind(context),
          passThroughOnException() {
            failsOpen = true;
          },
        });
        if (!(response instanceof Response))
          throw new Error("Your Pages function should return a Response");
        return mutable(response);
      };

      try {
        return await next();
      } catch (error) {
        if (failsOpen)
          return mutable(await finish());
        throw error;
      }
    },
  };
}
