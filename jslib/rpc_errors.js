// Errors of RPC, and the form in which errors of a worker cross to its caller.

import { DOMException, isObject } from "errors";
import { hasFlag } from "flags";
import { isInstance } from "rpc_classes";

export function disposedError() {
    return new Error("RPC stub used after being disposed.");
}

export function brokenError() {
    return new Error("The destination execution context for this RPC was canceled while the call was still running.");
}

// Errors cross with name and message; names that are none of the language's become part of the message.
const names = ["Error", "EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError"];

// stack: for logs; callers do not see it.
export function rpcErrorJSON(error, stack = "") {
    let name = "Error";
    let message;
    let dom = false;
    let clone;
    try {
        // The value itself, where it can go.
        if (isObject(error) && hasFlag("enhanced_error_serialization")) clone = load("clone").serializeToText(error);
    } catch {
        clone = undefined;
    }
    try {
        if (isObject(error) && typeof error.message === "string" && isInstance(error, Error)) {
            dom = isInstance(error, DOMException);
            name = `${error.name}`;
            message = error.message;
            if (!dom && !P.ArrayPrototypeIncludes(names, name)) {
                message = `${name}: ${message}`;
                name = "Error";
            }
        } else if (isObject(error)) {
            message = "#<Object>";
        } else {
            message = typeof error === "symbol" ? P.SymbolPrototypeToString(error) : `${error}`;
        }
    } catch {
        message = "an error that cannot be shown";
    }
    return P.JSONStringify({ __proto__: null, name, message, stack, dom, clone });
}
