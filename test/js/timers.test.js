test("setTimeout passes its arguments and runs in order of deadlines", async () => {
  const seen = [];
  const last = new Promise(resolve => setTimeout((a, b) => resolve(seen.push(a + b)), 150, 1, 2));
  setTimeout(() => seen.push("zero"));
  await last;
  assertEquals(seen, ["zero", 3]);
});

test("setInterval repeats until it is cleared", async () => {
  let n = 0;
  await new Promise(resolve => {
    const id = setInterval(() => {
      if (++n === 3) {
        clearInterval(id);
        resolve();
      }
    }, 1);
  });
  await sleep(10);
  assertEquals(n, 3);
});

test("clearTimeout stops a timer that has not fired, and ignores what is no timer", async () => {
  let fired = false;
  clearTimeout(setTimeout(() => (fired = true), 1));
  clearTimeout(undefined);
  clearTimeout(123456);
  await sleep(10);
  assert(!fired);
});

test("queueMicrotask runs before timers", async () => {
  const seen = [];
  setTimeout(() => seen.push("timer"), 0);
  queueMicrotask(() => seen.push("job"));
  await sleep(5);
  assertEquals(seen, ["job", "timer"]);
});

test("setTimeout refuses what is no function", () => {
  assertThrows(() => setTimeout("1 + 1"), TypeError);
});
