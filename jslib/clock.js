// Time and chance as the platform has them: the clock stands still while JavaScript runs (C moves N.clock with each batch
// of frames and each timer), and Math.random is ours, so that processes forked from one another do not repeat it.

const clock = N.clock;
const { Date: NativeDate, ReflectConstruct: construct, DatePrototypeToString: toText } = P;

function FrozenDate(year, month, date, hours, minutes, seconds, ms) {
  if (new.target === undefined) return toText(new NativeDate(clock[0]));
  if (arguments.length === 0) return new.target === FrozenDate ? new NativeDate(clock[0]) : construct(NativeDate, [clock[0]], new.target);
  return construct(NativeDate, arguments, new.target);
}

function now() {
  return clock[0];
}

// xorshift128: four words of state, all from the kernel.
let a = 0, b = 0, c = 0, d = 0;
let seeded = false;

function word() {
  let t = d;
  const s = a;
  d = c;
  c = b;
  b = s;
  t ^= t << 11;
  t ^= t >>> 8;
  a = t ^ s ^ (s >>> 19);
  return a >>> 0;
}

function random() {
  if (!seeded) seed();
  return ((word() >>> 5) * 67108864 + (word() >>> 6)) / 9007199254740992;
}

function seed() {
  const words = N.randomSeed();
  a = words[0];
  b = words[1];
  c = words[2];
  d = words[3] | 1;
  seeded = true;
}

// The next Math.random() takes new words from the kernel: after a fork.
export function reseed() {
  seeded = false;
}

const hidden = value => ({ __proto__: null, value, writable: true, configurable: true, enumerable: false });

export function installClock() {
  const define = P.ObjectDefineProperty;
  define(FrozenDate, "name", { __proto__: null, value: "Date", configurable: true });
  define(FrozenDate, "prototype", { __proto__: null, value: NativeDate.prototype, writable: false, enumerable: false, configurable: false });
  define(FrozenDate, "now", hidden(now));
  define(FrozenDate, "parse", hidden(NativeDate.parse));
  define(FrozenDate, "UTC", hidden(NativeDate.UTC));
  define(NativeDate.prototype, "constructor", hidden(FrozenDate));
  define(P.globalThis, "Date", hidden(FrozenDate));
  define(P.globalThis.Math, "random", hidden(random));
}
