// A structured clone made directly, without bytes in between: what structuredClone() does when nothing is transferred.
// It must agree with clone_writer.js and clone_reader.js in everything that can be seen.

import { platformName } from "errors";
import { errorClass, errorMembers, errors, viewName, views, viewKind } from "clone_format";
import { arrayIndices, languageForms, notCloned, tracksLength } from "clone_writer";

const { getPrototypeOf, keys: ownKeys, hasOwn } = Object;
const ObjectPrototype = Object.prototype;
const SharedPrototype = globalThis.SharedArrayBuffer?.prototype;
const isArray = P.ArrayIsArray;
const isView = P.ArrayBufferIsView;

function set(object, name, value) {
    if (name === "__proto__") {
        P.ObjectDefineProperty(object, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
    } else {
        object[name] = value;
    }
}

function hidden(object, name, value) {
    P.ObjectDefineProperty(object, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
}

export class Copier {
    // viaBytes(value): for objects of the platform, whose form is their writer's affair.
    constructor(viaBytes) {
        this.viaBytes = viaBytes;
        this.seen = new P.Map();
    }

    copy(value) {
        switch (typeof value) {
            case "object":
                return value === null ? null : this.object(value);
            case "symbol":
            case "function":
                throw notCloned(value);
        }
        return value;
    }

    keep(value, copy) {
        P.MapPrototypeSet(this.seen, value, copy);
        return copy;
    }

    object(value) {
        const known = P.MapPrototypeGet(this.seen, value);
        if (known !== undefined) return known;
        const proto = getPrototypeOf(value);
        if (proto === ObjectPrototype || proto === null) return this.plain(value);
        if (isArray(value)) return this.array(value);
        if (isView(value)) return this.view(value);
        // The engine shares its memory with nobody but itself, so the copy is the same object.
        if (proto === SharedPrototype) return value;
        for (let p = proto; p !== null && p !== ObjectPrototype; p = getPrototypeOf(p)) {
            const form = P.MapPrototypeGet(languageForms, p);
            if (form === "") throw notCloned(value);
            if (form !== undefined) return this.language(form, value);
            if (platformName(p) !== undefined) return this.keep(value, this.viaBytes(value));
        }
        return this.plain(value);
    }

    plain(value) {
        const copy = this.keep(value, {});
        this.properties(value, copy, ownKeys(value), 0);
        return copy;
    }

    properties(value, copy, names, from) {
        for (let i = from; i < names.length; i++) {
            const name = names[i];
            const member = value[name];
            // A getter may have deleted what follows it.
            if (member === undefined && !hasOwn(value, name)) continue;
            set(copy, name, this.copy(member));
        }
    }

    array(value) {
        const copy = this.keep(value, []);
        const length = value.length;
        const names = ownKeys(value);
        const indices = arrayIndices(names, length);
        if (indices === length) {
            for (let i = 0; i < length; i++) copy[i] = this.copy(value[i]);
        } else {
            this.properties(value, copy, P.ArrayPrototypeSlice(names, 0, indices), 0);
        }
        copy.length = length;
        this.properties(value, copy, names, indices);
        return copy;
    }

    language(form, value) {
        switch (form) {
            case "Map": {
                const list = [];
                P.MapPrototypeForEach(value, (v, k) => P.ArrayPrototypePush(list, k, v));
                const map = this.keep(value, new P.Map());
                for (let i = 0; i < list.length; i += 2) {
                    const key = this.copy(list[i]);
                    P.MapPrototypeSet(map, key, this.copy(list[i + 1]));
                }
                return map;
            }
            case "Set": {
                const list = [];
                P.SetPrototypeForEach(value, (v) => P.ArrayPrototypePush(list, v));
                const copy = this.keep(value, new P.Set());
                for (let i = 0; i < list.length; i++) P.SetPrototypeAdd(copy, this.copy(list[i]));
                return copy;
            }
            case "Date":
                return this.keep(value, new P.Date(P.DatePrototypeGetTime(value)));
            case "RegExp":
                return this.keep(value, new P.RegExp(P.RegExpPrototypeGetSource(value), P.RegExpPrototypeGetFlags(value)));
            case "ArrayBuffer":
                return this.buffer(value);
            case "Error":
                return this.error(value);
            case "Boolean":
                return this.keep(value, P.Object(P.BooleanPrototypeValueOf(value)));
            case "Number":
                return this.keep(value, P.Object(P.NumberPrototypeValueOf(value)));
            case "String":
                return this.keep(value, P.Object(P.StringPrototypeValueOf(value)));
        }
        return this.keep(value, P.Object(P.BigIntPrototypeValueOf(value)));
    }

    // The writer's texts for what is detached; else the bytes again.
    buffer(value) {
        const length = P.ArrayBufferPrototypeGetByteLength(value);
        if (P.ArrayBufferPrototypeGetDetached?.(value) || P.ArrayBufferPrototypeGetResizable?.(value)) {
            return this.keep(value, this.viaBytes(value));
        }
        return this.keep(value, P.ArrayBufferPrototypeSlice(value, 0, length));
    }

    view(value) {
        const name = viewName(value);
        const isDataView = name === undefined;
        const Class = views[viewKind[isDataView ? "DataView" : name]];
        const buffer = isDataView ? P.DataViewPrototypeGetBuffer(value) : P.TypedArrayPrototypeGetBuffer(value);
        const copied = this.object(buffer);
        const offset = isDataView ? P.DataViewPrototypeGetByteOffset(value) : P.TypedArrayPrototypeGetByteOffset(value);
        const length = isDataView ? P.DataViewPrototypeGetByteLength(value) : P.TypedArrayPrototypeGetLength(value);
        return this.keep(value, copied !== buffer && tracksLength(value, buffer, isDataView) ? new Class(copied, offset) : new Class(copied, offset, length));
    }

    error(value) {
        void value.stack; // the engine makes it when it is asked for
        const Class = errors[errorClass(value)];
        const copy = this.keep(value, Class === AggregateError ? new Class([]) : new Class());
        delete copy.line;
        delete copy.column;
        delete copy.sourceURL;
        for (const key of ["stack", "message"]) {
            const d = P.ReflectGetOwnPropertyDescriptor(value, key);
            if (d === undefined) continue;
            const text = d.get !== undefined ? value[key] : d.value;
            if (text !== undefined) hidden(copy, key, `${text}`);
        }
        if (P.ReflectGetOwnPropertyDescriptor(value, "cause") !== undefined) hidden(copy, "cause", this.copy(value.cause));
        const names = errorMembers(value);
        for (let i = 0; i < names.length; i++) {
            const member = this.copy(value[names[i]]);
            const enumerable = names[i] !== "errors";
            P.ObjectDefineProperty(copy, names[i], { __proto__: null, value: member, writable: true, enumerable, configurable: true });
        }
        return copy;
    }
}
