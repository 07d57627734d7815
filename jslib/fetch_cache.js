// fetch() whose request says how it is to be cached: cf: { cacheTtl, cacheEverything, cacheKey, cacheTtlByStatus }, with the
// `cache` mode beside it. Responses lie in a cache of the tenant's own, apart from those of the Cache API; what may be kept
// and for how long, where the request does not say it, is main's to judge (src/cache/judge.c).

import { Response, responseFromWire } from "response";
import { keepIn, matchIn } from "caches";
import { blockGet } from "headers";
import { requireEvent } from "io";

const NAME = "fetch";
const STATUS = "cf-cache-status";
const KEPT = "x-selvage-origin-cache-control"; // what the origin said, while our own word stands in its place
const TTL_MAX = 31536000 * 10;
const { StringPrototypeIndexOf: indexOf, StringPrototypeSlice: substring, StringPrototypeSplit: split } = P;
const { StringPrototypeStartsWith: startsWith, StringPrototypeToLowerCase: lowerCase } = P;
const then = P.PromisePrototypeThen;

// Files that are cached by default, by the ending of their names.
const STATIC =
    "7z avi avif apk bin bmp bz2 class css csv doc docx dmg ejs eot eps exe flac gif gz ico iso jar jpg jpeg js mid midi mkv mp3 mp4 ogg otf pdf pict " +
    "pls png ppt pptx ps rar svg svgz swf tar tif tiff ttf webm webp woff woff2 xls xlsx zip zst";
let endings = null;

function isStatic(url) {
    endings ??= new P.Set(split(STATIC, " "));
    const end = P.StringPrototypeSearch(url, /[?#]/);
    const path = end < 0 ? url : substring(url, 0, end);
    const dot = P.StringPrototypeLastIndexOf(path, ".");
    return dot > P.StringPrototypeLastIndexOf(path, "/") && P.SetPrototypeHas(endings, lowerCase(substring(path, dot + 1)));
}

function whole(value) {
    const n = P.MathTrunc(+value);
    return n === n ? P.MathMin(n, TTL_MAX) : undefined;
}

// "200-299": 60, "404": 0. undefined: nothing is said of it.
function ttlOf(byStatus, status) {
    const ranges = P.ObjectKeys(byStatus);
    for (let i = 0; i < ranges.length; i++) {
        const [from, to] = split(ranges[i], "-");
        if (status >= +from && status <= +(to ?? from)) return whole(byStatus[ranges[i]]);
    }
    return undefined;
}

class Plan {
    constructor(cf, url) {
        this.everything = cf.cacheEverything === true;
        this.ttl = cf.cacheTtl === undefined || cf.cacheTtl === null ? undefined : whole(cf.cacheTtl);
        this.byStatus = typeof cf.cacheTtlByStatus === "object" && cf.cacheTtlByStatus !== null ? cf.cacheTtlByStatus : null;
        const { cacheKey } = cf;
        this.key = cacheKey === undefined || cacheKey === null || cacheKey === "" ? withoutFragment(url) : `${cacheKey}`;
        this.eligible = this.everything || this.ttl !== undefined || isStatic(url);
    }

    // Seconds that the request gives a response; undefined: its own headers say it.
    seconds(status) {
        const own = this.byStatus === null ? undefined : ttlOf(this.byStatus, status);
        if (own !== undefined) return own;
        return status >= 500 ? 0 : this.ttl;
    }
}

function withoutFragment(url) {
    const at = indexOf(url, "#");
    return at < 0 ? url : substring(url, 0, at);
}

// null: the request says nothing of caching. cf is its text.
export function planOf(cf, url, method) {
    if ((method !== "GET" && method !== "HEAD") || indexOf(cf, '"cache') < 0) return null;
    const told = P.JSONParse(cf);
    if (told.cacheTtl === undefined && told.cacheEverything !== true && told.cacheKey === undefined && told.cacheTtlByStatus === undefined) return null;
    return new Plan(told, url);
}

// The response that was kept, as it came from its origin, with CF-Cache-Status: HIT; undefined: there is none.
async function find(plan, request) {
    let found;
    try {
        found = await matchIn(NAME, plan.key, request);
    } catch {
        return undefined; // there are no stores here
    }
    if (found === undefined) return undefined;
    const { status, headers, body } = found;
    const own = blockGet(headers, KEPT);
    let block = "";
    const lines = split(headers, "\n");
    for (let i = 0; i < lines.length; i++) {
        const line = lines[i];
        const ours = own !== null && (startsWith(line, `${KEPT}:`) || startsWith(line, "cache-control:"));
        if (line !== "" && !ours) block += `${line}\n`;
    }
    if (own !== null && own !== "") block += `cache-control:${own}\n`;
    return responseFromWire(status, "", withoutFragment(request.url), false, block, request.method === "HEAD" ? null : body, null, status === 206);
}

// Puts a copy where the next request finds it. What fails here is nobody's error.
function keep(plan, request, response, seconds) {
    const { headers, status } = response;
    const copy = response.clone();
    const stored = new Response(copy.body, { __proto__: null, status, headers });
    stored.headers.delete(STATUS);
    if (seconds !== undefined) {
        stored.headers.set(KEPT, headers.get("cache-control") ?? "");
        stored.headers.set("cache-control", `max-age=${seconds}`);
        stored.headers.delete("expires");
        stored.headers.delete("set-cookie");
        stored.headers.delete("pragma");
    }
    const put = keepIn(NAME, plan.key, request, stored);
    const event = requireEvent();
    const over = then(put, undefined, () => undefined);
    if (event.waitUntil !== undefined) event.waitUntil(over); // an object's
    else load("runtime").addWaitUntil(event, over);
}

function mayKeep(method, status, socket, seconds) {
    if (method !== "GET" || status === 206 || status === 304 || status < 200 || socket !== 0) return false;
    return seconds === undefined || seconds > 0;
}

const STATUS_AT = 0, HEADERS_AT = 4, SOCKET_AT = 7; // fields of an answer

// run() asks the origin: a promise of the fields of the answer, of which respond() makes the response.
export async function cached(plan, request, run, respond) {
    const { cache, method } = request;
    const bypass = !plan.eligible || cache === "no-store";
    if (!bypass && cache === undefined) {
        const hit = await find(plan, request);
        if (hit !== undefined) return hit;
    }
    const fields = await run();
    const seconds = plan.seconds(fields[STATUS_AT]);
    const kept = !bypass && mayKeep(method, fields[STATUS_AT], fields[SOCKET_AT], seconds);
    fields[HEADERS_AT] += `${STATUS}:${bypass ? "DYNAMIC" : !kept ? "BYPASS" : cache === undefined ? "MISS" : "EXPIRED"}\n`;
    const response = respond(fields);
    if (kept) keep(plan, request, response, seconds);
    return response;
}
