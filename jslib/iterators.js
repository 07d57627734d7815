// The iterators of the platform's key-value classes: by position over a list, so that what is added behind them is seen.

const { defineProperty } = Object;

// Returns a function (items) => iterator of pick(item). The iterator's class shows itself as `tag`.
export function listIterator(tag, pick) {
    class ListIterator {
        #items;
        #at = 0;

        constructor(items) {
            this.#items = items;
        }
        next() {
            const items = this.#items;
            if (this.#at >= items.length) return { done: true, value: undefined };
            return { done: false, value: pick(items[this.#at++]) };
        }
    }
    const proto = ListIterator.prototype;
    delete proto.constructor;
    P.ObjectSetPrototypeOf(proto, P.IteratorPrototype);
    defineProperty(proto, "next", { enumerable: true });
    defineProperty(proto, Symbol.toStringTag, { value: tag, configurable: true });
    return (items) => new ListIterator(items);
}
