// console.log's way with its arguments: format specifiers, then the rest, in Node's form.

import { behindProxies, defaultOptions, inspect } from "inspect";
import { formatBigInt, formatNumber, formatSymbol } from "inspect_text";
import { isObject, platformName } from "errors";

const { getPrototypeOf, hasOwn } = Object;

function get(value, key) {
    try {
        return value[key];
    } catch {
        return undefined;
    }
}

function hasOwnToString(value) {
    // The text of an object counts when a class of the user's gives it, not when it is Object's or Error's.
    for (let o = behindProxies(value); o !== null; o = getPrototypeOf(o)) {
        if (hasOwn(o, "toString") || hasOwn(o, Symbol.toPrimitive)) {
            return (
                o !== Object.prototype && o !== Error.prototype && o !== Array.prototype && o !== Date.prototype && o !== RegExp.prototype &&
                typeof get(value, "toString") === "function" && platformName(o) === undefined && o !== P.TypedArray.prototype
            );
        }
    }
    return false;
}

function numberText(value, convert, separator) {
    if (typeof value === "bigint") return formatBigInt(value, separator);
    if (typeof value === "symbol") return "NaN";
    return formatNumber(convert(value), separator);
}

function specifier(code, value, options) {
    const separator = options?.numericSeparator ?? defaultOptions.numericSeparator;
    switch (code) {
        case "s":
            if (typeof value === "number") return formatNumber(value, separator);
            if (typeof value === "bigint") return formatBigInt(value, separator);
            if (!isObject(value)) return typeof value === "symbol" ? formatSymbol(value) : `${value}`;
            if (typeof value === "function" || hasOwnToString(value)) return safeText(value);
            return inspect(value, { ...options, depth: 0, colors: false, compact: 3 });
        case "d":
            return isObject(value) ? formatNumber(safeNumber(value), separator) : numberText(value, Number, separator);
        case "i":
            return isObject(value) ? formatNumber(parseInt(safeText(value)), separator) : numberText(value, (v) => parseInt(v), separator);
        case "f":
            return typeof value === "symbol" ? "NaN" : formatNumber(parseFloat(safeText(value)), separator);
        case "j":
            try {
                return `${JSON.stringify(value)}`;
            } catch (e) {
                if (/cyclic|circular/i.test(`${e?.message}`)) return "[Circular]";
                throw e;
            }
        case "o":
            return inspect(value, { ...options, showHidden: true, showProxy: true, depth: 4 });
        case "O":
            return inspect(value, options);
        case "c":
            return "";
    }
    return undefined;
}

function safeNumber(value) {
    try {
        return Number(value);
    } catch {
        return NaN;
    }
}

function safeText(value) {
    try {
        return `${value}`;
    } catch {
        return "";
    }
}

// What console.log writes for its arguments.
export function formatWithOptions(options, ...args) {
    const first = args[0];
    let at = 0;
    let out = "";
    let gap = "";
    if (typeof first === "string") {
        if (args.length === 1) return first;
        at = 1;
        let last = 0;
        for (let i = 0; i < first.length - 1; i++) {
            if (first[i] !== "%") continue;
            const code = first[i + 1];
            if (code === "%") {
                out += first.slice(last, i) + "%";
                last = i + 2;
                i++;
                continue;
            }
            if (at >= args.length) continue;
            const text = specifier(code, args[at], options);
            if (text === undefined) continue;
            out += first.slice(last, i) + text;
            at++;
            last = i + 2;
            i++;
        }
        out += first.slice(last);
        gap = " ";
    }
    for (; at < args.length; at++) {
        const value = args[at];
        out += gap + (typeof value === "string" ? value : inspect(value, options));
        gap = " ";
    }
    return out;
}

export function format(...args) {
    return formatWithOptions({}, ...args);
}
