// CountQueuingStrategy and ByteLengthQueuingStrategy.

import { badArgument, badConstructorArgument, isObject, publish } from "errors";

function markOf(type, init) {
    if (!isObject(init)) throw badConstructorArgument(type, 1, "QueuingStrategyInit");
    const mark = init.highWaterMark;
    return mark === undefined ? undefined : Number(mark);
}

function size() {
    return 1;
}

function byteSize(chunk) {
    return isObject(chunk) ? chunk.byteLength : undefined;
}

export class CountQueuingStrategy {
    #mark;

    constructor(init) {
        this.#mark = markOf("CountQueuingStrategy", init);
    }
    get highWaterMark() {
        return this.#mark;
    }
    get size() {
        void this.#mark;
        return size;
    }
}

export class ByteLengthQueuingStrategy {
    #mark;

    constructor(init) {
        this.#mark = markOf("ByteLengthQueuingStrategy", init);
    }
    get highWaterMark() {
        return this.#mark;
    }
    get size() {
        void this.#mark;
        return byteSize;
    }
}

publish(CountQueuingStrategy);
publish(ByteLengthQueuingStrategy);
Object.defineProperty(byteSize, "name", { value: "size" });
