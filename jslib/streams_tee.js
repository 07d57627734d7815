// tee(): two streams that get the chunks of one. Chunks of a byte stream are copied for the second branch.

import { READABLE, resolved, then } from "streams_util";
import { cancelStream, closedPromise, lockStream, makeValueStream, readInto, streamState } from "streams_readable";
import { ByteController, makeByteStream } from "streams_byob";

const { TypedArrayPrototypeSlice: sliceBytes } = P;

// The source of one branch.
class Branch {
    constructor(hub) {
        this.hub = hub;
        this.controller = null;
        this.cancelled = false;
    }
    get starts() {
        return false;
    }
    pull() {
        this.hub.pull();
    }
    cancel(reason) {
        this.cancelled = true;
        return this.hub.cancelled(reason);
    }
}

// Reads the original and feeds the branches; is its own read request.
class Hub {
    constructor(rs) {
        this.rs = rs;
        this.bytes = rs.controller instanceof ByteController;
        this.reader = lockStream(rs);
        this.reading = false;
        this.again = false;
        this.one = new Branch(this);
        this.two = new Branch(this);
    }

    open() {
        const one = this.make(this.one);
        const two = this.make(this.two);
        if (this.rs.state !== READABLE) this.pull();
        else then(closedPromise(this.reader), () => this.close(), (e) => this.error(e));
        return [one, two];
    }

    // Without a queue of its own: nothing is read before somebody wants it.
    make(branch) {
        const stream = this.bytes ? makeByteStream(branch, 0) : makeValueStream(branch, 0);
        const rs = streamState(stream);
        branch.controller = rs.controller;
        rs.length = this.rs.length;
        return stream;
    }

    pull() {
        if (this.reading) {
            this.again = true;
            return;
        }
        this.reading = true;
        readInto(this.rs, this);
    }

    chunk(value) {
        this.reading = false;
        const { one, two } = this;
        let copy = value;
        if (this.bytes && !one.cancelled && !two.cancelled) copy = sliceBytes(value);
        this.give(one, value);
        this.give(two, copy);
        if (this.again) {
            this.again = false;
            if (one.controller.wantsChunk || two.controller.wantsChunk) this.pull();
        }
    }

    give(branch, value) {
        if (branch.cancelled || !branch.controller.canEnqueue) return;
        if (this.bytes) branch.controller.enqueueOwned(value.buffer, value.byteOffset, value.byteLength);
        else branch.controller.enqueue(value);
    }

    close() {
        this.reading = false;
        const { one, two } = this;
        if (!one.cancelled && one.controller.canEnqueue) one.controller.close();
        if (!two.cancelled && two.controller.canEnqueue) two.controller.close();
    }

    error(reason) {
        this.reading = false;
        if (!this.one.cancelled) this.one.controller.fail(reason);
        if (!this.two.cancelled) this.two.controller.fail(reason);
    }

    // One of the branches was cancelled; when both are, so is the original. The platform gives it the last reason.
    cancelled(reason) {
        if (!this.one.cancelled || !this.two.cancelled) return resolved(undefined);
        return cancelStream(this.rs, reason);
    }
}

export function tee(rs) {
    rs.disturbed = true;
    return new Hub(rs).open();
}
