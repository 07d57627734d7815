// Carries asynchronous context through the suspensions of a program, which the engine offers no hook for: the program's text
// is changed where it suspends. docs/internals/async-context.md tells what becomes of each form, and why it is enough.
//
// In the result `C.` is the object that async_context.js gives, under a name that the program does not use:
//
//   await X          C.back(C.frame, await C.held(X))     the frame is read before the suspension and put back after it
//   yield X          C.first(yield C.held(X), C.resumed(c))      in async generators; c is the generator's own record
//   return X         return C.held(X)                     in async functions: X may be a thenable of the program's
//   catch, finally   start with C.frame = c               where the block before them suspends: a rejection skips C.back
//   for await        the same, at the start of its body and after it
//   for (x of y)     the same after each body that suspends, since a rejection closes the iterator
//   new Promise(f)   new Promise(C.executor(f))
//
// Text is only put in, never across a line's end, so lines stay what they are and a source map needs new columns alone.

const SYNC = 0, ASYNC = 1, ASYNC_GENERATOR = 2;

const WORD = /[\w$]/;

class Scope {
  constructor(kind, at) {
    this.kind = kind;
    this.at = at; // where a declaration of its own may stand; -1: nowhere
    this.declared = false;
    this.suspends = 0; // suspensions seen so far
  }
}

class Rewriter {
  constructor(code, prefix) {
    this.code = code;
    this.context = prefix + "a";
    this.record = prefix + "c";
    this.edits = []; // { at, removed, text }
    this.scope = null;
  }

  put(at, text, removed = 0, order = this.edits.length) {
    const glued = removed === 0 && at > 0 && WORD.test(this.code[at - 1]) && WORD.test(text[0]); // "of[1]", "return[1]"
    this.edits.push({ at, removed, text: glued ? " " + text : text, order });
  }

  call(name) {
    return `${this.context}.${name}(`;
  }

  // The frame that the function at hand runs in, as an expression.
  own() {
    this.declare();
    return this.scope.kind === ASYNC_GENERATOR ? `${this.record}.frame` : this.record;
  }

  declare() {
    const scope = this.scope;
    if (scope.declared) return;
    scope.declared = true;
    const value = scope.kind === ASYNC_GENERATOR ? `${this.call("record")})` : `${this.context}.frame`;
    this.put(scope.at, `const ${this.record}=${value};`, 0, -1);
  }

  // Puts the frame back where a suspension may have ended without C.back.
  restore() {
    const own = this.own();
    return this.scope.kind === ASYNC_GENERATOR ? `${this.call("resumed")}${this.record});` : `${this.context}.frame=${own};`;
  }

  // ---- the tree ----

  visit(node) {
    const handler = handlers[node.type];
    if (handler === undefined) this.children(node);
    else handler(this, node);
  }

  children(node) {
    for (const key in node) {
      const value = node[key];
      if (typeof value !== "object" || value === null) continue;
      if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) if (value[i] !== null && typeof value[i].type === "string") this.visit(value[i]);
      } else if (typeof value.type === "string") {
        this.visit(value);
      }
    }
  }

  wrap(node, before, after) {
    const sequence = node.type === "SequenceExpression";
    this.put(node.start, sequence ? before + "(" : before);
    this.visit(node);
    this.put(node.end, sequence ? ")" + after : after);
  }

  // ---- functions ----

  function(node) {
    const outer = this.scope;
    const block = node.body.type === "BlockStatement";
    const scope = new Scope(!node.async ? SYNC : node.generator ? ASYNC_GENERATOR : ASYNC, block ? afterDirectives(node.body, node.body.start + 1) : -1);
    // What parameters hold belongs to the function, and cannot suspend.
    this.scope = scope;
    if (node.id) this.visit(node.id);
    for (let i = 0; i < node.params.length; i++) this.visit(node.params[i]);
    if (block) this.children(node.body);
    else if (scope.kind === ASYNC && mayBeThenable(node.body)) this.wrap(node.body, this.call("held"), ")");
    else this.visit(node.body);
    this.scope = outer;
  }

  await(node) {
    const scope = this.scope;
    scope.suspends++;
    const frame = scope.kind === ASYNC_GENERATOR ? this.own() : `${this.context}.frame`;
    this.put(node.start, `${this.call("back")}${frame},await ${this.call("held")}`, 5);
    this.visit(node.argument);
    this.put(node.end, "))");
  }

  yield(node) {
    const scope = this.scope;
    if (scope.kind !== ASYNC_GENERATOR) return this.children(node);
    scope.suspends++;
    this.declare();
    if (node.argument === null) {
      this.put(node.start, this.call("first"));
      this.put(node.end, `,${this.call("resumed")}${this.record}))`);
      return;
    }
    if (!node.delegate) {
      this.put(node.start, `${this.call("first")}yield ${this.call("held")}`, 5);
      this.visit(node.argument);
      this.put(node.end, `),${this.call("resumed")}${this.record}))`);
      return;
    }
    this.put(node.start, this.call("first"));
    this.wrap(node.argument, this.call("delegate"), `,${this.record})`);
    this.put(node.end, `,${this.call("back")}${this.own()}))`);
  }

  // ---- statements ----

  return(node) {
    if (node.argument === null) return;
    if (this.scope.kind === ASYNC_GENERATOR) this.scope.suspends++;
    if (this.scope.kind === SYNC || !mayBeThenable(node.argument)) this.visit(node.argument);
    else this.wrap(node.argument, this.call("held"), ")");
  }

  try(node) {
    const before = this.scope.suspends;
    this.visit(node.block);
    if (node.handler) {
      if (this.scope.suspends !== before) this.put(node.handler.body.start + 1, this.restore());
      this.visit(node.handler);
    }
    if (node.finalizer) {
      if (this.scope.suspends !== before) this.put(node.finalizer.start + 1, this.restore());
      this.visit(node.finalizer);
    }
  }

  // labelled: where the first of its labels stands, or the loop itself.
  forAwait(node, start) {
    this.scope.suspends++;
    this.put(start, "try{");
    this.visit(node.left);
    this.wrap(node.right, this.call("each"), ")");
    const block = node.body.type === "BlockStatement";
    this.put(block ? node.body.start + 1 : node.body.start, (block ? "" : "{") + `${this.context}.frame=${this.own()};`);
    if (block) this.children(node.body);
    else this.visit(node.body);
    if (!block) this.put(node.body.end, "}");
    this.put(node.end, `}finally{${this.restore()}}`);
  }

  // A rejection in the body closes the iterator, which may be a generator of the program's.
  forOf(node) {
    this.visit(node.left);
    this.visit(node.right);
    const before = this.scope.suspends;
    const mark = this.edits.length;
    this.visit(node.body);
    if (this.scope.suspends === before) return;
    this.put(node.body.start, "{try{", 0, mark - 0.5);
    this.put(node.body.end, `}finally{${this.restore()}}}`);
  }

  labelled(node) {
    let inner = node.body;
    while (inner.type === "LabeledStatement") inner = inner.body;
    if (inner.type === "ForOfStatement" && inner.await) this.forAwait(inner, node.start);
    else this.children(node);
  }

  program(node) {
    const at = afterDirectives(node, 0);
    this.put(at, `const ${this.context}=__selvage.context();`, 0, -2);
    this.scope = new Scope(ASYNC, at);
    this.children(node);
  }
}

function onFunction(rewriter, node) {
  rewriter.function(node);
}

const handlers = {
  __proto__: null,
  FunctionDeclaration: onFunction,
  FunctionExpression: onFunction,
  ArrowFunctionExpression: onFunction,
  AwaitExpression: (rewriter, node) => rewriter.await(node),
  YieldExpression: (rewriter, node) => rewriter.yield(node),
  ReturnStatement: (rewriter, node) => rewriter.return(node),
  TryStatement: (rewriter, node) => rewriter.try(node),
  LabeledStatement: (rewriter, node) => rewriter.labelled(node),
  ForOfStatement(rewriter, node) {
    if (node.await) rewriter.forAwait(node, node.start);
    else rewriter.forOf(node);
  },
  NewExpression(rewriter, node) {
    const executor = node.arguments[0];
    if (node.callee.type !== "Identifier" || node.callee.name !== "Promise" || executor === undefined || executor.type === "SpreadElement") return rewriter.children(node);
    rewriter.wrap(executor, rewriter.call("executor"), ")");
    for (let i = 1; i < node.arguments.length; i++) rewriter.visit(node.arguments[i]);
  },
  // Their fields and blocks are functions of their own, which cannot suspend.
  StaticBlock: inSync,
  PropertyDefinition(rewriter, node) {
    if (node.computed) rewriter.visit(node.key);
    if (node.value !== null) inSync(rewriter, node.value, true);
  },
};

function inSync(rewriter, node, itself = false) {
  const outer = rewriter.scope;
  rewriter.scope = new Scope(SYNC, -1);
  if (itself) rewriter.visit(node);
  else rewriter.children(node);
  rewriter.scope = outer;
}

// Where statements may be put in front of the others of a body.
function afterDirectives(body, start) {
  let at = start;
  for (let i = 0; i < body.body.length && typeof body.body[i].directive === "string"; i++) at = body.body[i].end;
  return at;
}

// Of what cannot be one nothing needs to be looked at.
const plain = {
  __proto__: null,
  ArrayExpression: true,
  ArrowFunctionExpression: true,
  AwaitExpression: true,
  BinaryExpression: true,
  ClassExpression: true,
  FunctionExpression: true,
  Literal: true,
  TemplateLiteral: true,
  UnaryExpression: true,
  UpdateExpression: true,
};

function mayBeThenable(node) {
  return plain[node.type] !== true;
}

// ---- text ----

function byPlace(a, b) {
  return a.at - b.at || a.order - b.order;
}

function apply(code, edits) {
  const parts = [];
  let from = 0;
  for (let i = 0; i < edits.length; i++) {
    const { at, removed, text } = edits[i];
    parts.push(code.slice(from, at), text);
    from = at + removed;
  }
  parts.push(code.slice(from));
  return parts.join("");
}

// ---- source map ----

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const values = new Int8Array(128).fill(-1);
for (let i = 0; i < 64; i++) values[DIGITS.charCodeAt(i)] = i;

function vlq(value) {
  let rest = value < 0 ? (-value << 1) | 1 : value << 1;
  let out = "";
  do {
    const digit = rest & 31;
    rest >>>= 5;
    out += DIGITS[rest > 0 ? digit | 32 : digit];
  } while (rest > 0);
  return out;
}

// By line: the columns after which the text has moved, and how far.
function shiftsByLine(code, edits) {
  const lines = [];
  let line = 0, start = 0, next = code.indexOf("\n");
  for (let i = 0; i < edits.length; i++) {
    const { at, removed, text } = edits[i];
    while (next >= 0 && next < at) {
      line++;
      start = next + 1;
      next = code.indexOf("\n", start);
    }
    // What ends something stands before the text at its place, what begins something is a part of it.
    const ends = text[0] === ")" || text[0] === "}" || text[0] === ",";
    (lines[line] ??= []).push(ends ? at - start - 0.5 : at - start, text.length - removed);
  }
  return lines;
}

// Only the first field of a segment, its column, changes: the others are copied.
function moved(mappings, lines) {
  const out = [];
  let from = 0;
  for (let line = 0; from <= mappings.length; line++) {
    let end = mappings.indexOf(";", from);
    if (end < 0) end = mappings.length;
    const shifts = lines[line];
    out.push(shifts === undefined ? mappings.slice(from, end) : movedLine(mappings, from, end, shifts));
    from = end + 1;
  }
  return out.join(";");
}

function movedLine(mappings, from, end, shifts) {
  const out = [];
  let column = 0, last = 0, next = 0, shift = 0;
  for (let at = from; at < end; at++) {
    let value = 0, bits = 0, digit;
    do {
      digit = values[mappings.charCodeAt(at++)];
      value |= (digit & 31) << bits;
      bits += 5;
    } while (digit & 32);
    column += value & 1 ? -(value >>> 1) : value >>> 1;
    let stop = mappings.indexOf(",", at);
    if (stop < 0 || stop > end) stop = end;
    while (next < shifts.length && shifts[next] < column) {
      shift += shifts[next + 1];
      next += 2;
    }
    out.push(vlq(column + shift - last) + mappings.slice(at, stop));
    last = column + shift;
    at = stop;
  }
  return out.join(",");
}

// ---- all of it ----

// `code`: the body of an async function, as the runtime takes scripts. `map`: its source map as JSON, or "". Gives
// { code, map }. Throws a SyntaxError with `loc` { line, column } when the code cannot be read.
export function rewrite(code, map) {
  const { Parser } = load("npm/acorn").exports;
  // The bundler has seen to it that no name is declared twice; to look again takes time by the square of the names.
  class Reader extends Parser {
    declareName() {}
  }
  const tree = Reader.parse(code, {
    ecmaVersion: "latest",
    sourceType: "script",
    allowAwaitOutsideFunction: true,
    allowReturnOutsideFunction: true,
    checkPrivateFields: false,
  });
  let prefix = "__selvage_";
  for (let i = 1; code.includes(prefix); i++) prefix = `__selvage${i}_`;
  const rewriter = new Rewriter(code, prefix);
  rewriter.program(tree);
  const edits = rewriter.edits.sort(byPlace);
  if (map === "") return { code: apply(code, edits), map: "" };
  const parsed = JSON.parse(map);
  parsed.mappings = moved(parsed.mappings, shiftsByLine(code, edits));
  return { code: apply(code, edits), map: JSON.stringify(parsed) };
}
