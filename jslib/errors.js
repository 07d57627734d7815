// DOMException, and the error texts that every built-in class shares.

// Names with a legacy code, in the order of the legacy constants.
const LEGACY = [
    ["IndexSizeError", "INDEX_SIZE_ERR", 1],
    ["", "DOMSTRING_SIZE_ERR", 2],
    ["HierarchyRequestError", "HIERARCHY_REQUEST_ERR", 3],
    ["WrongDocumentError", "WRONG_DOCUMENT_ERR", 4],
    ["InvalidCharacterError", "INVALID_CHARACTER_ERR", 5],
    ["", "NO_DATA_ALLOWED_ERR", 6],
    ["NoModificationAllowedError", "NO_MODIFICATION_ALLOWED_ERR", 7],
    ["NotFoundError", "NOT_FOUND_ERR", 8],
    ["NotSupportedError", "NOT_SUPPORTED_ERR", 9],
    ["InUseAttributeError", "INUSE_ATTRIBUTE_ERR", 10],
    ["InvalidStateError", "INVALID_STATE_ERR", 11],
    ["SyntaxError", "SYNTAX_ERR", 12],
    ["InvalidModificationError", "INVALID_MODIFICATION_ERR", 13],
    ["NamespaceError", "NAMESPACE_ERR", 14],
    ["InvalidAccessError", "INVALID_ACCESS_ERR", 15],
    ["", "VALIDATION_ERR", 16],
    ["TypeMismatchError", "TYPE_MISMATCH_ERR", 17],
    ["SecurityError", "SECURITY_ERR", 18],
    ["NetworkError", "NETWORK_ERR", 19],
    ["AbortError", "ABORT_ERR", 20],
    ["URLMismatchError", "URL_MISMATCH_ERR", 21],
    ["QuotaExceededError", "QUOTA_EXCEEDED_ERR", 22],
    ["TimeoutError", "TIMEOUT_ERR", 23],
    ["InvalidNodeTypeError", "INVALID_NODE_TYPE_ERR", 24],
    ["DataCloneError", "DATA_CLONE_ERR", 25],
];

const { defineProperty, setPrototypeOf, getOwnPropertyNames, getOwnPropertyDescriptor } = Object;
const construct = Reflect.construct;
const TheError = Error;

function codeOf(name) {
    for (let i = 0; i < LEGACY.length; i++) {
        if (LEGACY[i][0] === name && name !== "") return LEGACY[i][2];
    }
    return 0;
}

const fixed = (value) => ({ value, writable: false, enumerable: true, configurable: true });

// A genuine Error object (so it has a stack and counts as an error everywhere) whose four visible members are its own, as
// on the platform.
export class DOMException {
    constructor(message = "", name = "Error") {
        message = `${message}`;
        name = `${name}`;
        const e = construct(TheError, [], new.target);
        defineProperty(e, "code", fixed(codeOf(name)));
        defineProperty(e, "name", fixed(name));
        defineProperty(e, "message", fixed(message));
        return e;
    }
}

// Prototypes of the platform's classes, for code that must tell their instances from the user's (structured clone).
const platformNames = new WeakMap();
const nameOf = WeakMap.prototype.get.bind(platformNames);

// The class whose prototype this is ("Headers"), or undefined.
export function platformName(prototype) {
    return nameOf(prototype);
}

setPrototypeOf(DOMException.prototype, Error.prototype);
for (let i = 0; i < LEGACY.length; i++) {
    const d = { value: LEGACY[i][2], writable: false, enumerable: true, configurable: true };
    defineProperty(DOMException, LEGACY[i][1], d);
    defineProperty(DOMException.prototype, LEGACY[i][1], d);
}
publish(DOMException);

// Gives a class the visible shape of a platform interface: a tag, enumerable members, and no declared parameters (code
// that inspects `length` sees 0 everywhere on the platform). `name` is for classes whose visible name differs.
export function publish(Class, name = Class.name) {
    defineProperty(Class, "length", { value: 0, writable: false, enumerable: false, configurable: true });
    if (Class.name !== name) {
        defineProperty(Class, "name", { value: name, writable: false, enumerable: false, configurable: true });
    }
    platformNames.set(Class.prototype, name);
    shape(Class);
    shape(Class.prototype);
    defineProperty(Class.prototype, Symbol.toStringTag, {
        value: name,
        writable: true,
        enumerable: false,
        configurable: true,
    });
    return Class;
}

function shape(target) {
    const names = getOwnPropertyNames(target);
    for (let i = 0; i < names.length; i++) {
        const key = names[i];
        if (key === "constructor" || key === "prototype" || key === "length" || key === "name") {
            const d = getOwnPropertyDescriptor(target, key);
            if (d.get === undefined) continue;
        }
        const d = getOwnPropertyDescriptor(target, key);
        if (!d.configurable) continue;
        if (typeof d.value === "function") {
            defineProperty(d.value, "length", { value: 0, configurable: true });
        } else if (d.get === undefined) {
            continue;
        }
        d.enumerable = true;
        defineProperty(target, key, d);
    }
}

// The platform's texts for wrong arguments.
export function badConstructorArgument(type, index, expected) {
    return new TypeError(
        `Failed to construct '${type}': constructor parameter ${index} is not of type '${expected}'.`,
    );
}

export function badArgument(type, method, index, expected) {
    return new TypeError(
        `Failed to execute '${method}' on '${type}': parameter ${index} is not of type '${expected}'.`,
    );
}

export function badField(dictionary, field, expected) {
    return new TypeError(
        `Incorrect type for the '${field}' field on '${dictionary}': the provided value is not of type '${expected}'.`,
    );
}

export function illegalConstructor() {
    return new TypeError("Illegal constructor");
}

export function illegalInvocation() {
    return new TypeError(
        "Illegal invocation: function called with incorrect `this` reference. See " +
            "https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.",
    );
}

export function isObject(value) {
    return (typeof value === "object" && value !== null) || typeof value === "function";
}
