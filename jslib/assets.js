// The static files of the worker: a Fetcher whose answers come from main.

import { op } from "io";
import { makeFetcher } from "fetcher";

const ASSETS_FETCH = 152;
const ARGUMENTS = "wwbwqsssys"; // resource, stream, and the fields of a fetch
const RESULT = "hssbsrqka";
const STREAM = 1; // of a fetch's arguments: the number of the body's stream

// The assets of this index among the resources.
export function assetsFetcher(index) {
    return makeFetcher((args) => op(ASSETS_FETCH, ARGUMENTS, [index, args[STREAM], ...args], RESULT));
}
