// The console: text in Node's form, one LOG frame a call.

import { format, formatWithOptions } from "format";
import { inspect } from "inspect";
import { width } from "text_width";
import { isObject } from "errors";

const ObjectPrototype = Object.prototype;
const DEBUG = 0, INFO = 1, LOG = 2, WARN = 3, ERROR = 4;

let indent = "";
const counts = new P.Map();
const timers = new P.Map();

function write(level, text, values = "") {
    if (indent !== "") text = indent + text.replaceAll("\n", `\n${indent}`);
    load("runtime").log(level, text, values);
}

function say(level, args, values = "") {
    // One text is the commonest call, and there is nothing to format.
    write(level, args.length === 1 && typeof args[0] === "string" ? args[0] : format(...args), values);
}

// ---- what traces keep of a line ----

// Data has a form in JSON; what is made by a class has the text that it says of itself.
function isData(value) {
    if (value === null || value === undefined || P.ArrayIsArray(value)) return true;
    const type = typeof value;
    if (type === "string" || type === "number" || type === "boolean") return true;
    if (type !== "object" && type !== "function") return false;
    const proto = P.ObjectGetPrototypeOf(value);
    return proto === null || proto === ObjectPrototype || typeof value.toJSON === "function";
}

function valueText(value) {
    try {
        return P.JSONStringify(isData(value) ? value : `${value}`) ?? "null";
    } catch {
        return "{}"; // a cycle, or a getter that throws: lines never fail
    }
}

// The arguments of a line as a JSON array.
function valuesOf(args) {
    const texts = [];
    for (let i = 0; i < args.length; i++) texts[i] = valueText(args[i]);
    return `[${P.ArrayPrototypeJoin(texts, ",")}]`;
}

// One of the five methods whose lines are part of a trace.
function tell(level, args) {
    say(level, args, N.isTraced() ? valuesOf(args) : "");
}

const labelOf = (label) => (label === undefined ? "default" : `${label}`);
const warning = (text) => write(WARN, text);

// Frames of the caller; our own are left out by the native.
function stackHere() {
    return N.stackFrames(new P.Error().stack);
}

function elapsed(ms) {
    if (ms >= 3600000 || ms >= 60000) {
        const hours = P.MathFloor(ms / 3600000);
        const minutes = P.MathFloor((ms % 3600000) / 60000);
        const seconds = ((ms % 60000) / 1000).toFixed(3);
        const two = (n) => (n < 10 ? `0${n}` : `${n}`);
        return hours > 0
            ? `${hours}:${two(minutes)}:${two(P.MathFloor(+seconds))} (h:mm:ss)`
            : `${minutes}:${+seconds < 10 ? `0${seconds}` : seconds} (m:ss.mmm)`;
    }
    if (ms >= 1000) return `${(ms / 1000).toFixed(3)}s`;
    return `${+ms.toFixed(3)}ms`;
}

function timerText(label, method) {
    const started = P.MapPrototypeGet(timers, label);
    if (started === undefined) {
        warning(`Warning: No such label '${label}' for console.${method}()`);
        return null;
    }
    return `${label}: ${elapsed(load("performance").now() - started)}`;
}

const methods = {
    debug(...args) {
        tell(DEBUG, args);
    },
    error(...args) {
        tell(ERROR, args);
    },
    info(...args) {
        tell(INFO, args);
    },
    log(...args) {
        tell(LOG, args);
    },
    warn(...args) {
        tell(WARN, args);
    },
    dir(...args) {
        write(LOG, inspect(args[0], { customInspect: false, ...(isObject(args[1]) ? args[1] : {}) }));
    },
    dirxml(...args) {
        say(LOG, args);
    },
    table(...args) {
        if (!isObject(args[0])) return say(LOG, args);
        write(LOG, tableText(args[0], P.ArrayIsArray(args[1]) ? args[1] : undefined));
    },
    trace(...args) {
        const text = format(...args);
        write(LOG, (text === "" ? "Trace" : `Trace: ${text}`) + stackHere());
    },
    group(...args) {
        if (args.length > 0) say(LOG, args);
        indent += "  ";
    },
    groupCollapsed(...args) {
        if (args.length > 0) say(LOG, args);
        indent += "  ";
    },
    groupEnd(...args) {
        indent = indent.slice(2);
    },
    clear(...args) {
        indent = "";
    },
    count(...args) {
        const label = labelOf(args[0]);
        const n = (P.MapPrototypeGet(counts, label) ?? 0) + 1;
        P.MapPrototypeSet(counts, label, n);
        write(LOG, `${label}: ${n}`);
    },
    countReset(...args) {
        const label = labelOf(args[0]);
        if (!P.MapPrototypeDelete(counts, label)) warning(`Warning: Count for '${label}' does not exist`);
    },
    assert(...args) {
        if (args.length > 0 && args[0]) return;
        const rest = args.slice(1);
        if (typeof rest[0] === "string") rest[0] = `Assertion failed: ${rest[0]}`;
        else rest.unshift(rest.length > 0 ? "Assertion failed:" : "Assertion failed");
        say(ERROR, rest);
    },
    time(...args) {
        const label = labelOf(args[0]);
        if (P.MapPrototypeHas(timers, label)) return warning(`Warning: Label '${label}' already exists for console.time()`);
        P.MapPrototypeSet(timers, label, load("performance").now());
    },
    timeEnd(...args) {
        const label = labelOf(args[0]);
        const text = timerText(label, "timeEnd");
        if (text === null) return;
        P.MapPrototypeDelete(timers, label);
        write(LOG, text);
    },
    timeLog(...args) {
        const text = timerText(labelOf(args[0]), "timeLog");
        if (text !== null) write(LOG, args.length > 1 ? `${text} ${formatWithOptions({}, ...args.slice(1))}` : text);
    },
    timeStamp(...args) {},
    profile(...args) {},
    profileEnd(...args) {},
    createTask(...args) {
        if (args.length === 0 || typeof args[0] !== "string" || args[0] === "") {
            throw new TypeError("First argument must be a non-empty string.");
        }
        return {
            run(fn) {
                return fn();
            },
        };
    },
};

// ---- tables ----

const cellOptions = { maxArrayLength: 3, breakLength: Infinity };

function cell(value) {
    const deep = isObject(value) && !P.ArrayIsArray(value) && Object.keys(value).length > 2;
    return inspect(value, { ...cellOptions, depth: deep ? -1 : 0 });
}

function tableText(data, only) {
    const rows = []; // [index text, value]
    let head = "(index)";
    if (data instanceof Map || data instanceof Set) {
        head = "(iteration index)";
        let i = 0;
        for (const entry of data) rows.push([`${i++}`, entry]);
    } else {
        for (const key of Object.keys(data)) rows.push([key, data[key]]);
    }
    const columns = [];
    const values = [];
    let hasValues = false;
    const cells = [];
    const map = data instanceof Map;
    for (let i = 0; i < rows.length; i++) {
        const value = rows[i][1];
        const row = (cells[i] = new Map());
        if (map) {
            row.set("Key", cell(value[0]));
            row.set("Values", cell(value[1]));
            continue;
        }
        if (!isObject(value) || (typeof value === "function" && Object.keys(value).length === 0)) {
            values[i] = cell(value);
            hasValues = true;
            continue;
        }
        for (const key of only ?? Object.keys(value)) {
            if (!columns.includes(key)) columns.push(key);
            row.set(key, Object.hasOwn(value, key) ? cell(value[key]) : "");
        }
    }
    if (map) columns.push("Key", "Values");
    const heads = [head, ...columns.map(String)];
    const lines = rows.map((row, i) => [row[0], ...columns.map((key) => cells[i].get(key) ?? "")]);
    if (hasValues) {
        heads.push("Values");
        lines.forEach((line, i) => line.push(values[i] ?? ""));
    }
    return boxes(heads, lines);
}

function boxes(heads, lines) {
    const widths = heads.map((head, i) => 2 + Math.max(width(head), ...lines.map((line) => width(line[i]))));
    const rule = (left, middle, right) => left + widths.map((n) => "\u2500".repeat(n)).join(middle) + right;
    const centred = (text, size) => {
        const left = Math.floor((size - width(text)) / 2);
        return " ".repeat(left) + text + " ".repeat(size - width(text) - left);
    };
    const row = (cells) => `\u2502${cells.map((text, i) => centred(text, widths[i])).join("\u2502")}\u2502`;
    let out = `${rule("\u250c", "\u252c", "\u2510")}\n${row(heads)}\n${rule("\u251c", "\u253c", "\u2524")}\n`;
    for (const line of lines) out += `${row(line)}\n`;
    return out + rule("\u2514", "\u2534", "\u2518");
}

export const console = {};
for (const name of Object.keys(methods)) {
    Object.defineProperty(console, name, { value: methods[name], writable: true, enumerable: true, configurable: true });
}
Object.defineProperty(console, Symbol.toStringTag, { value: "console", writable: false, enumerable: false, configurable: true });
