// Values as text, in the form that people know from Node's console: inspect(), format().

import { isObject, platformName } from "errors";
import { formatBigInt, formatNumber, formatSymbol, quote } from "inspect_text";
import { width } from "text_width";

const CUSTOM = Symbol.for("nodejs.util.inspect.custom");
const { getPrototypeOf, getOwnPropertyDescriptor, getOwnPropertySymbols, getOwnPropertyNames, keys: ownKeys, hasOwn } = Object;
const isEnumerable = P.ObjectPrototypePropertyIsEnumerable;
const { isArray } = Array;
const isView = ArrayBuffer.isView;
const viewName = P.uncurryThis(getOwnPropertyDescriptor(P.TypedArray.prototype, Symbol.toStringTag).get);
const { min, max, round, floor, sqrt } = Math;

export const defaultOptions = {
    showHidden: false,
    depth: 2,
    colors: false,
    customInspect: true,
    showProxy: false,
    maxArrayLength: 100,
    maxStringLength: 10000,
    breakLength: 80,
    compact: 3,
    sorted: false,
    getters: false,
    numericSeparator: false,
};

const codes = {
    __proto__: null,
    special: [36, 39],
    number: [33, 39],
    bigint: [33, 39],
    boolean: [33, 39],
    undefined: [90, 39],
    null: [1, 22],
    string: [32, 39],
    symbol: [32, 39],
    date: [35, 39],
    regexp: [31, 39],
    module: [4, 24],
};

const plainStyle = (text) => text;

function colorStyle(text, style) {
    const code = codes[style];
    return code === undefined ? text : `\u001b[${code[0]}m${text}\u001b[${code[1]}m`;
}

class Context {
    constructor(options) {
        for (const name of ownKeys(defaultOptions)) this[name] = defaultOptions[name];
        if (isObject(options)) {
            for (const name of ownKeys(options)) if (hasOwn(defaultOptions, name)) this[name] = options[name];
        }
        if (this.depth === null) this.depth = Infinity;
        if (this.maxArrayLength === null) this.maxArrayLength = Infinity;
        if (this.maxStringLength === null) this.maxStringLength = Infinity;
        this.style = this.colors ? colorStyle : plainStyle;
        this.indent = 0;
        this.started = 0; // depth of the object that was begun last: tells how deep what was just written is
        this.seen = [];
        this.circular = null;
    }

    options() {
        const out = {};
        for (const name of ownKeys(defaultOptions)) out[name] = this[name];
        return out;
    }
}

export function inspect(value, options = undefined, ...legacy) {
    let given = options;
    if (typeof options === "boolean") given = { showHidden: options };
    if (legacy.length > 0) {
        given = isObject(given) ? { ...given } : {};
        if (legacy[0] !== undefined) given.depth = legacy[0];
        if (legacy[1] !== undefined) given.colors = legacy[1];
    }
    return formatValue(new Context(given), value, 0, true);
}
inspect.custom = CUSTOM;

// ---- primitives ----

function formatPrimitive(ctx, value) {
    switch (typeof value) {
        case "string":
            return formatString(ctx, value);
        case "number":
            return ctx.style(formatNumber(value, ctx.numericSeparator), "number");
        case "bigint":
            return ctx.style(formatBigInt(value, ctx.numericSeparator), "bigint");
        case "boolean":
            return ctx.style(`${value}`, "boolean");
        case "undefined":
            return ctx.style("undefined", "undefined");
        case "symbol":
            return ctx.style(formatSymbol(value), "symbol");
    }
    return ctx.style("null", "null");
}

function formatString(ctx, value) {
    let trailer = "";
    if (value.length > ctx.maxStringLength) {
        const rest = value.length - ctx.maxStringLength;
        value = value.slice(0, ctx.maxStringLength);
        trailer = `... ${rest} more character${rest > 1 ? "s" : ""}`;
    }
    // A long text with line ends is shown line by line.
    if (value.length > 16 && value.length > ctx.breakLength - ctx.indent - 4 && value.includes("\n")) {
        const parts = value.split(/(?<=\n)/);
        return parts.map((part) => ctx.style(quote(part), "string")).join(` +\n${" ".repeat(ctx.indent + 2)}`) + trailer;
    }
    return ctx.style(quote(value), "string") + trailer;
}

// ---- names ----

function brand(check, value) {
    try {
        check(value);
        return true;
    } catch {
        return false;
    }
}

function get(value, key) {
    try {
        return value[key];
    } catch {
        return undefined;
    }
}

// Name of the class of an object: the constructor of the nearest prototype that has one. null without prototype.
function constructorName(value) {
    let object = value;
    while (object !== null && object !== undefined) {
        let d;
        try {
            d = getOwnPropertyDescriptor(object, "constructor");
        } catch {
            return null;
        }
        if (d !== undefined && typeof d.value === "function" && typeof d.value.name === "string" && d.value.name !== "") {
            if (isInstance(value, d.value)) return d.value.name;
        }
        object = getPrototypeOf(object);
    }
    return null;
}

function isInstance(value, Class) {
    try {
        return value instanceof Class;
    } catch {
        return false;
    }
}

function prefix(name, tag, fallback, size = "") {
    if (name === null) {
        return tag !== "" && fallback !== tag ? `[${fallback}${size}: null prototype] [${tag}] ` : `[${fallback}${size}: null prototype] `;
    }
    return tag !== "" && name !== tag ? `${name}${size} [${tag}] ` : `${name}${size} `;
}

function memberKeys(ctx, value) {
    let names;
    if (ctx.showHidden) {
        names = [...getOwnPropertyNames(value), ...getOwnPropertySymbols(value)];
        return names;
    }
    names = ownKeys(value);
    const symbols = getOwnPropertySymbols(value);
    for (let i = 0; i < symbols.length; i++) if (isEnumerable(value, symbols[i])) names.push(symbols[i]);
    return names;
}

function notIndex(key) {
    return typeof key === "symbol" || !/^(?:0|[1-9]\d{0,9})$/.test(key);
}

// ---- objects ----

const OBJECT = 0, ARRAY = 1;

function formatValue(ctx, value, depth, typed = false) {
    if (!isObject(value)) return formatPrimitive(ctx, value);
    const target = N.proxyTarget(value);
    const plain = target === undefined ? value : behindProxies(target);
    if (target !== undefined && (isRevoked(value) || isRevoked(plain))) return ctx.style("<Revoked Proxy>", "special");
    if (ctx.customInspect) {
        const custom = get(plain, CUSTOM);
        if (typeof custom === "function" && custom !== inspect && constructorOwns(plain)) {
            const left = ctx.depth === Infinity ? Infinity : ctx.depth - depth;
            const out = custom.call(value, left, { ...ctx.options(), stylize: ctx.style, depth: left }, inspect);
            if (out !== value) {
                if (typeof out !== "string") return formatValue(ctx, out, depth);
                return out.replaceAll("\n", `\n${" ".repeat(ctx.indent)}`);
            }
        }
    }
    if (ctx.seen.includes(value)) {
        if (ctx.circular === null) ctx.circular = new Map();
        let index = ctx.circular.get(value);
        if (index === undefined) ctx.circular.set(value, (index = ctx.circular.size + 1));
        return ctx.style(`[Circular *${index}]`, "special");
    }
    // Its target is what is shown of a proxy: looking at the proxy would run its traps.
    if (target !== undefined) return `Proxy(${formatValue(ctx, target, depth, typed)})`;
    return formatRaw(ctx, value, depth, typed);
}

export function behindProxies(value) {
    for (let next = value; next !== undefined; next = N.proxyTarget(value)) value = next;
    return value;
}

// The one operation that tells a revoked proxy without running a trap.
function isRevoked(value) {
    return !brand(isArray, value);
}

// A prototype object that only carries the method for its instances is shown as an object.
function constructorOwns(value) {
    const d = getOwnPropertyDescriptor(value, "constructor");
    return d === undefined || d.value === undefined || d.value.prototype !== value;
}

// What is written about an object: braces, a base text before them, entries of special kinds, then properties.
function describe(ctx, value, depth) {
    const name = constructorName(value);
    let tag = get(value, Symbol.toStringTag);
    if (typeof tag !== "string" || tag === "" || tag === name) tag = "";
    if (tag !== "" && (ctx.showHidden ? hasOwn(value, Symbol.toStringTag) : isEnumerable(value, Symbol.toStringTag))) tag = "";
    const none = () => [];

    if (isArray(value)) {
        const keys = memberKeys(ctx, value).filter(notIndex);
        const head = name !== "Array" || tag !== "" ? prefix(name, tag, "Array", `(${value.length})`) : "";
        return { keys, braces: [`${head}[`, "]"], entries: formatArray, extras: ARRAY, empty: value.length === 0 };
    }
    if (isView(value)) {
        const kind = viewName(value);
        if (kind !== undefined) {
            const length = P.TypedArrayPrototypeGetLength(value);
            const keys = memberKeys(ctx, value).filter(notIndex);
            return { keys, braces: [`${prefix(name, tag, kind, `(${length})`)}[`, "]"], entries: formatTyped, extras: ARRAY, empty: length === 0 };
        }
        const keys = memberKeys(ctx, value);
        return { keys, braces: [`${prefix(name, tag, "DataView")}{`, "}"], entries: formatDataView, extras: OBJECT };
    }
    if (typeof value === "function") {
        const keys = memberKeys(ctx, value);
        return { keys, braces: ["{", "}"], base: functionBase(value, name, tag), style: "special", entries: none, extras: OBJECT, whole: true };
    }
    if (isError(value)) {
        const keys = errorKeys(ctx, value);
        return { keys, braces: ["{", "}"], base: formatError(ctx, value, name, keys, depth), entries: none, extras: OBJECT, whole: true };
    }
    if (brand(P.SetPrototypeGetSize, value)) {
        const size = P.SetPrototypeGetSize(value);
        const keys = memberKeys(ctx, value);
        return { keys, braces: [`${prefix(name, tag, "Set", `(${size})`)}{`, "}"], entries: formatSet, extras: OBJECT, empty: size === 0 };
    }
    if (brand(P.MapPrototypeGetSize, value)) {
        const size = P.MapPrototypeGetSize(value);
        const keys = memberKeys(ctx, value);
        return { keys, braces: [`${prefix(name, tag, "Map", `(${size})`)}{`, "}"], entries: formatMap, extras: OBJECT, empty: size === 0 };
    }
    return describeRest(ctx, value, name, tag, none);
}

function describeRest(ctx, value, name, tag, none) {
    const keys = memberKeys(ctx, value);
    if (brand(P.DatePrototypeGetTime, value)) {
        const time = P.DatePrototypeGetTime(value);
        let base = time === time ? P.DatePrototypeToISOString(value) : "Invalid Date";
        if (name !== "Date") base = `${prefix(name, tag, "Date")}${base}`;
        return { keys, braces: ["{", "}"], base, style: "date", entries: none, extras: OBJECT, whole: true };
    }
    if (brand(P.RegExpPrototypeGetFlags, value) && P.ObjectPrototypeToString(value) === "[object RegExp]" && brand(P.RegExpPrototypeExec, value)) {
        let base = P.RegExpPrototypeToString(name === null ? new RegExp(value) : value);
        if (name !== "RegExp") base = `${prefix(name, tag, "RegExp")}${base}`;
        return { keys, braces: ["{", "}"], base, style: "regexp", entries: none, extras: OBJECT, whole: true };
    }
    if (brand(P.ArrayBufferPrototypeGetByteLength, value)) {
        return { keys, braces: [`${prefix(name, tag, "ArrayBuffer")}{`, "}"], entries: formatBuffer, extras: OBJECT };
    }
    if (brand((v) => P.WeakMapPrototypeHas(v, {}), value)) {
        const entries = () => [ctx.style("<items unknown>", "special")];
        return { keys, braces: [`${prefix(name, tag, "WeakMap")}{`, "}"], entries, extras: OBJECT };
    }
    if (brand((v) => P.WeakSetPrototypeHas(v, {}), value)) {
        const entries = () => [ctx.style("<items unknown>", "special")];
        return { keys, braces: [`${prefix(name, tag, "WeakSet")}{`, "}"], entries, extras: OBJECT };
    }
    if (P.ObjectPrototypeToString(value) === "[object Arguments]") {
        return { keys, braces: ["[Arguments] {", "}"], entries: none, extras: OBJECT, empty: true };
    }
    const boxed = boxedBase(ctx, value, name, tag, keys);
    if (boxed !== null) return boxed;

    const platform = platformMembers(ctx, value);
    if (platform !== null) {
        const size = platform.size === undefined ? "" : `(${platform.size})`;
        const entries = (c, v, depth) => platform.lines(c, depth);
        return { keys, braces: [`${name ?? platform.name}${size} {`, "}"], entries, extras: OBJECT, empty: !platform.any };
    }
    if (name === "Object" && tag === "") return { keys, braces: ["{", "}"], entries: none, extras: OBJECT, empty: true };
    return { keys, braces: [`${prefix(name, tag, "Object")}{`, "}"], entries: none, extras: OBJECT, empty: true };
}

function boxedBase(ctx, value, name, tag, keys) {
    const kinds = [
        ["Number", P.NumberPrototypeValueOf],
        ["String", P.StringPrototypeValueOf],
        ["Boolean", P.BooleanPrototypeValueOf],
        ["BigInt", P.BigIntPrototypeValueOf],
        ["Symbol", P.SymbolPrototypeValueOf],
    ];
    for (let i = 0; i < kinds.length; i++) {
        if (!brand(kinds[i][1], value)) continue;
        const kind = kinds[i][0];
        const inner = kinds[i][1](value);
        let base = `[${kind}`;
        if (name !== kind) base += name === null ? " (null prototype)" : ` (${name})`;
        const plain = { style: plainStyle, breakLength: Infinity, indent: 0, maxStringLength: Infinity };
        base += `: ${formatPrimitive(plain, inner)}]`;
        if (tag !== "" && tag !== name) base += ` [${tag}]`;
        const rest = kind === "String" ? keys.filter((key) => notIndex(key)) : keys;
        return { keys: rest, braces: ["{", "}"], base, style: kind.toLowerCase(), entries: () => [], extras: OBJECT, whole: true };
    }
    return null;
}

// Objects of the platform keep their state private; what their getters say is what there is to see.
function platformMembers(ctx, value) {
    let proto = getPrototypeOf(value);
    let name;
    const getters = [];
    for (; proto !== null; proto = getPrototypeOf(proto)) {
        const known = platformName(proto);
        if (known === undefined) continue;
        name ??= known;
        const members = getOwnPropertyNames(proto);
        for (let i = 0; i < members.length; i++) {
            const d = getOwnPropertyDescriptor(proto, members[i]);
            if (d.get !== undefined && d.enumerable && !getters.includes(members[i])) getters.push(members[i]);
        }
    }
    if (name === undefined) return null;
    const entries = name === "Headers" || name === "URLSearchParams" || name === "FormData" ? listEntries(value) : null;
    const shown = entries === null ? getters : [];
    return {
        name,
        any: shown.length > 0 || (entries !== null && entries.length > 0),
        size: entries === null ? undefined : entries.length,
        lines: (c, depth) => {
            const out = [];
            if (entries !== null) {
                for (let i = 0; i < entries.length; i++) {
                    out.push(`${formatValue(c, entries[i][0], depth)} => ${formatIndented(c, entries[i][1], depth)}`);
                }
            }
            for (let i = 0; i < shown.length; i++) {
                let member;
                try {
                    member = value[shown[i]];
                } catch {
                    continue;
                }
                out.push(`${propertyName(c, shown[i])}: ${formatIndented(c, member, depth)}`);
            }
            return out;
        },
    };
}

function listEntries(value) {
    try {
        return [...value];
    } catch {
        return [];
    }
}

function formatIndented(ctx, value, depth) {
    ctx.indent += 2;
    const text = formatValue(ctx, value, depth);
    ctx.indent -= 2;
    return text;
}

function formatRaw(ctx, value, depth, typed) {
    const shape = describe(ctx, value, depth);
    const { keys, braces } = shape;
    let base = shape.base ?? "";
    const inherited = ctx.showHidden && depth <= ctx.depth ? inheritedMembers(value) : [];
    if (keys.length === 0 && (inherited.size ?? 0) === 0) {
        if (shape.whole) return withReference(ctx, value, shape.style === undefined ? base : ctx.style(base, shape.style));
        if (shape.empty) return `${braces[0]}${braces[1]}`;
    }
    if (depth > ctx.depth) return ctx.style(`[${tooDeep(value)}]`, "special");

    ctx.seen.push(value);
    ctx.started = depth;
    let output;
    try {
        output = shape.entries(ctx, value, depth + 1);
        for (let i = 0; i < keys.length; i++) output.push(formatProperty(ctx, value, depth + 1, keys[i], OBJECT));
        for (const [key, d] of inherited) {
            const text = formatProperty(ctx, value, depth + 1, key, OBJECT, d);
            output.push(ctx.colors ? `\u001b[2m${text}\u001b[22m` : text);
        }
    } catch (e) {
        if (!(e instanceof RangeError)) throw e;
        return ctx.style(`[${tooDeep(value)}: Inspection interrupted prematurely. Maximum call stack size exceeded.]`, "special");
    } finally {
        ctx.seen.pop();
    }
    const circular = ctx.circular?.get(value);
    if (circular !== undefined) {
        const reference = ctx.style(`<ref *${circular}>`, "special");
        if (base === "") braces[0] = `${reference} ${braces[0]}`;
        else base = `${reference} ${base}`;
    }
    if (ctx.sorted) {
        if (shape.extras === OBJECT) output.sort(typeof ctx.sorted === "function" ? ctx.sorted : undefined);
    }
    return join(ctx, output, base, braces, shape.extras, depth, value);
}

// With hidden members shown, an object of a class of the user's shows what its prototypes have besides methods, too: three layers of them, up to
// the first class of the language.
function inheritedMembers(value) {
    const members = new Map();
    let proto = getPrototypeOf(value);
    for (let layer = 0; layer < 3 && proto !== null; layer++, proto = getPrototypeOf(proto)) {
        const maker = getOwnPropertyDescriptor(proto, "constructor")?.value;
        if (typeof maker === "function" && (platformName(proto) !== undefined || isNativeFunction(maker))) break;
        for (const key of Reflect.ownKeys(proto)) {
            if (key === "constructor" || hasOwn(value, key) || members.has(key)) continue;
            const d = getOwnPropertyDescriptor(proto, key);
            if (typeof d.value !== "function") members.set(key, d);
        }
    }
    return members;
}

function isNativeFunction(value) {
    return P.FunctionPrototypeToString(value).endsWith("{\n    [native code]\n}");
}

function withReference(ctx, value, base) {
    const circular = ctx.circular?.get(value);
    return circular === undefined ? base : `${ctx.style(`<ref *${circular}>`, "special")} ${base}`;
}

function tooDeep(value) {
    if (isArray(value)) return "Array";
    const name = constructorName(value);
    if (name === null) return "Object: null prototype";
    const tag = get(value, Symbol.toStringTag);
    return typeof tag === "string" && tag !== "" && tag !== name && !hasOwn(value, Symbol.toStringTag) ? `${name} [${tag}]` : name;
}

function propertyName(ctx, key) {
    if (typeof key === "symbol") return `[${ctx.style(formatSymbol(key), "symbol")}]`;
    if (key === "__proto__") return "['__proto__']";
    if (/^[a-zA-Z_][a-zA-Z_0-9]*$/.test(key)) return key;
    return ctx.style(quote(key), "string");
}

function formatProperty(ctx, value, depth, key, kind, d = getOwnPropertyDescriptor(value, key)) {
    d ??= { value: value[key], enumerable: true };
    let text;
    if (d.value !== undefined || (d.get === undefined && d.set === undefined)) {
        ctx.indent += 2;
        text = formatValue(ctx, d.value, depth);
        ctx.indent -= 2;
    } else if (d.get !== undefined) {
        const label = d.set !== undefined ? "Getter/Setter" : "Getter";
        text = ctx.getters ? formatGetter(ctx, value, key, label, depth, d) : ctx.style(`[${label}]`, "special");
    } else {
        text = ctx.style("[Setter]", "special");
    }
    if (kind === ARRAY) return text;
    let name;
    if (typeof key === "symbol") name = d.enumerable ? ctx.style(formatSymbol(key), "symbol") : `[${ctx.style(formatSymbol(key), "symbol")}]`;
    else if (!d.enumerable) name = `[${key}]`;
    else name = propertyName(ctx, key);
    return `${name}: ${text}`;
}

function formatGetter(ctx, value, key, label, depth, d) {
    if (ctx.getters === "get" && d.set !== undefined) return ctx.style(`[${label}]`, "special");
    if (ctx.getters === "set" && d.set === undefined) return ctx.style(`[${label}]`, "special");
    try {
        const member = d.get.call(value);
        if (isObject(member)) return `${ctx.style(`[${label}]`, "special")} ${formatIndented(ctx, member, depth)}`;
        return `${ctx.style(`[${label}:`, "special")} ${formatPrimitive(ctx, member)}${ctx.style("]", "special")}`;
    } catch (e) {
        return ctx.style(`[${label}: <Inspection threw (${e?.message})>]`, "special");
    }
}

// ---- kinds of objects ----

const more = (n) => `... ${n} more item${n > 1 ? "s" : ""}`;

function formatArray(ctx, value, depth) {
    const length = value.length;
    const most = min(max(0, ctx.maxArrayLength), length);
    const output = [];
    let i = 0;
    for (; i < length && output.length < most; i++) {
        if (hasOwn(value, i)) {
            output.push(formatProperty(ctx, value, depth, `${i}`, ARRAY));
            continue;
        }
        let holes = 1;
        if (length - i > 1000 && ownKeys(value).length < length / 2) {
            // A long run of holes is found by its end, not walked.
            const next = ownKeys(value).find((key) => !notIndex(key) && +key > i);
            holes = (next === undefined ? length : +next) - i;
        } else {
            while (i + holes < length && !hasOwn(value, i + holes)) holes++;
        }
        output.push(ctx.style(`<${holes} empty item${holes > 1 ? "s" : ""}>`, "undefined"));
        i += holes - 1;
    }
    if (i < length) output.push(more(length - i));
    return output;
}

function formatTyped(ctx, value, depth) {
    const length = P.TypedArrayPrototypeGetLength(value);
    const most = min(max(0, ctx.maxArrayLength), length);
    const output = [];
    for (let i = 0; i < most; i++) output.push(formatPrimitive(ctx, value[i]));
    if (length > most) output.push(more(length - most));
    if (ctx.showHidden) {
        ctx.indent += 2;
        for (const key of ["BYTES_PER_ELEMENT", "length", "byteLength", "byteOffset", "buffer"]) {
            output.push(`[${key}]: ${formatValue(ctx, value[key], depth)}`);
        }
        ctx.indent -= 2;
    }
    return output;
}

function formatDataView(ctx, value, depth) {
    const out = [];
    for (const key of ["byteLength", "byteOffset", "buffer"]) out.push(`${key}: ${formatIndented(ctx, value[key], depth)}`);
    return out;
}

function formatBuffer(ctx, value) {
    let bytes;
    try {
        bytes = new Uint8Array(value);
    } catch {
        return [ctx.style("(detached)", "special")];
    }
    const most = min(max(0, ctx.maxArrayLength), bytes.length);
    let hex = "";
    for (let i = 0; i < most; i++) hex += `${i > 0 ? " " : ""}${bytes[i] < 16 ? "0" : ""}${bytes[i].toString(16)}`;
    if (bytes.length > most) hex += ` ... ${bytes.length - most} more byte${bytes.length - most > 1 ? "s" : ""}`;
    return [`${ctx.style("[Uint8Contents]", "special")}: <${hex}>`, `byteLength: ${ctx.style(`${bytes.length}`, "number")}`];
}

function formatSet(ctx, value, depth) {
    const output = [];
    const size = P.SetPrototypeGetSize(value);
    const most = min(max(0, ctx.maxArrayLength), size);
    ctx.indent += 2;
    let i = 0;
    P.SetPrototypeForEach(value, (v) => {
        if (i++ < most) output.push(formatValue(ctx, v, depth));
    });
    if (size > most) output.push(more(size - most));
    ctx.indent -= 2;
    return output;
}

function formatMap(ctx, value, depth) {
    const output = [];
    const size = P.MapPrototypeGetSize(value);
    const most = min(max(0, ctx.maxArrayLength), size);
    ctx.indent += 2;
    let i = 0;
    P.MapPrototypeForEach(value, (v, k) => {
        if (i++ < most) output.push(`${formatValue(ctx, k, depth)} => ${formatValue(ctx, v, depth)}`);
    });
    if (size > most) output.push(more(size - most));
    ctx.indent -= 2;
    return output;
}

function functionBase(value, name, tag) {
    const source = P.FunctionPrototypeToString(value);
    if (source.startsWith("class") && source.endsWith("}")) {
        let base = `[class ${ownName(value) || "(anonymous)"}`;
        if (name !== "Function" && name !== null) base += ` [${name}]`;
        if (tag !== "" && name !== tag) base += ` [${tag}]`;
        const parent = getPrototypeOf(value);
        if (name === null) base += " extends [null prototype]";
        else if (typeof parent === "function" && parent.name) base += ` extends ${parent.name}`;
        return `${base}]`;
    }
    const kinds = { AsyncFunction: 1, GeneratorFunction: 1, AsyncGeneratorFunction: 1 };
    const own = get(value, Symbol.toStringTag);
    const kind = hasOwn(kinds, own) ? own : "Function";
    let base = `[${kind}`;
    if (name === null) base += " (null prototype)";
    base += ownName(value) === "" ? " (anonymous)" : `: ${ownName(value)}`;
    base += "]";
    if (name !== kind && name !== "Function" && name !== null) base += ` ${name}`;
    if (tag !== "" && name !== tag && tag !== kind) base += ` [${tag}]`;
    return base;
}

function ownName(value) {
    const d = getOwnPropertyDescriptor(value, "name");
    return typeof d?.value === "string" ? d.value : "";
}

// ---- errors ----

export function isError(value) {
    return isInstance(value, Error) || P.ObjectPrototypeToString(value) === "[object Error]";
}

// The engine's own members of an error say where it was made; the stack does so better.
const engineMembers = ["line", "column", "sourceURL"];

function errorKeys(ctx, value) {
    let keys = memberKeys(ctx, value).filter((key) => !engineMembers.includes(key));
    if (hasOwn(value, "cause") && !keys.includes("cause")) keys.push("cause");
    if (isArray(get(value, "errors")) && hasOwn(value, "errors") && !keys.includes("errors")) keys.push("errors");
    const dom = platformName(getPrototypeOf(value)) === "DOMException";
    keys = keys.filter((key) => {
        if (key === "stack") return false;
        if (key === "name" || key === "message") return !dom && !`${value.stack}`.includes(`${value[key]}`) && key !== "message";
        return !(dom && key === "code");
    });
    return keys;
}

function headline(value, name) {
    const own = get(value, "name");
    const message = get(value, "message");
    let head = typeof own === "string" && own !== "" ? own : (name ?? "Error");
    // A class of the user's that kept the name of its parent is named by its own.
    if (name !== null && head !== name && head.endsWith("Error") && !head.includes(name) && hasOwn(value, "name") === false) head = name;
    return typeof message === "string" && message !== "" ? `${head}: ${message}` : head;
}

// An error as V8 shows it: headline, then frames.
export function errorText(value) {
    return stackText(value, constructorName(value));
}

function stackText(value, name) {
    const stack = get(value, "stack");
    const head = headline(value, name);
    if (typeof stack !== "string" || stack === "") return `[${head}]`;
    // A stack that somebody wrote, or that came from elsewhere, has the form already.
    if (/^\s+at /m.test(stack) || stack.startsWith(head)) return stack;
    const frames = N.stackFrames(stack);
    return frames === "" ? head : head + frames;
}

function formatError(ctx, value, name, keys) {
    let text = stackText(value, name);
    if (ctx.indent !== 0) text = text.replaceAll("\n", `\n${" ".repeat(ctx.indent)}`);
    return text;
}

// ---- putting it together ----

// Many short elements stand in columns, about as wide as high.
function group(ctx, output, value) {
    const separator = 2;
    let count = output.length;
    if (ctx.maxArrayLength < output.length) count--; // "... more items" has a line of its own
    let total = 0;
    let longest = 0;
    const widths = [];
    for (let i = 0; i < count; i++) {
        widths[i] = width(output[i], ctx.colors);
        total += widths[i] + separator;
        longest = max(longest, widths[i]);
    }
    const most = longest + separator;
    if (most * 3 + ctx.indent >= ctx.breakLength || !(total / most > 5 || longest <= 6)) return output;
    const biased = max(most - 3 - sqrt(most - total / output.length), 1);
    const columns = min(round(sqrt(2.5 * biased * count) / biased), floor((ctx.breakLength - ctx.indent) / most), ctx.compact * 4, 15);
    if (columns <= 1) return output;
    const widest = [];
    for (let i = 0; i < columns; i++) {
        let line = 0;
        for (let j = i; j < count; j += columns) line = max(line, widths[j]);
        widest.push(line + separator);
    }
    let right = true;
    if (value !== undefined) {
        for (let i = 0; i < output.length && right; i++) right = typeof value[i] === "number" || typeof value[i] === "bigint";
    }
    const rows = [];
    for (let i = 0; i < count; i += columns) {
        const last = min(i + columns, count) - 1;
        let row = "";
        for (let j = i; j < last; j++) {
            const cell = `${output[j]}, `;
            const size = widest[j - i] + output[j].length - widths[j];
            row += right ? cell.padStart(size) : cell.padEnd(size);
        }
        row += right ? output[last].padStart(widest[last - i] + output[last].length - widths[last] - separator) : output[last];
        rows.push(row);
    }
    if (count < output.length) rows.push(output[count]);
    return rows;
}

function join(ctx, output, base, braces, extras, depth, value) {
    const head = base === "" ? "" : `${base} `;
    if (ctx.compact !== true) {
        if (typeof ctx.compact === "number" && ctx.compact >= 1) {
            const entries = output.length;
            if (extras === ARRAY && entries > 6) output = group(ctx, output, value);
            if (ctx.started - depth < ctx.compact && entries === output.length) {
                const start = output.length + ctx.indent + braces[0].length + base.length + 10;
                if (fits(ctx, output, start, base)) {
                    const text = output.join(", ");
                    if (!text.includes("\n")) return `${head}${braces[0]} ${text} ${braces[1]}`;
                }
            }
        }
        const line = `\n${" ".repeat(ctx.indent)}`;
        return `${head}${braces[0]}${line}  ${output.join(`,${line}  `)}${line}${braces[1]}`;
    }
    if (fits(ctx, output, 0, base)) return `${braces[0]}${base === "" ? "" : ` ${base}`} ${output.join(", ")} ${braces[1]}`;
    const line = `\n${" ".repeat(ctx.indent)}`;
    const first = base === "" && braces[0].length === 1 ? " " : `${base === "" ? "" : ` ${base}`}${line}  `;
    return `${braces[0]}${first}${output.join(`,${line}  `)} ${braces[1]}`;
}

function fits(ctx, output, start, base) {
    let total = output.length + start;
    if (total + output.length > ctx.breakLength) return false;
    for (let i = 0; i < output.length; i++) {
        total += ctx.colors ? width(output[i]) : output[i].length;
        if (total > ctx.breakLength) return false;
    }
    return base === "" || !base.includes("\n");
}
