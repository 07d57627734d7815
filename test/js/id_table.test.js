const { IdTable } = builtin("id_table");

// The same steps on a Map tell what is right.
function compare(steps) {
  const table = new IdTable();
  const map = new Map();
  for (const [id, value] of steps) {
    if (value === undefined) {
      assertEquals(table.delete(id), map.delete(id));
    } else {
      table.set(id, value);
      map.set(id, value);
    }
    assertEquals(table.size, map.size);
  }
  for (const [id, value] of map) assertEquals(table.get(id), value);
  const all = [];
  table.forEach((value, id) => all.push([id, value]));
  assertEquals(all.sort((a, b) => a[0] - b[0]), [...map].sort((a, b) => a[0] - b[0]));
}

test("numbers whose searches cross are found after others were removed", () => {
  compare([[1, "a"], [9, "b"], [17, "c"], [1], [17, "d"], [9], [17]]);
  compare([[7, "a"], [15, "b"], [8, "c"], [7], [15, "d"], [16, "e"], [8], [15]]);
});

test("sets and removals at random are those of a Map", () => {
  let state = 7;
  const next = n => (state = (state * 1103515245 + 12345) % 2147483648) % n;
  for (const range of [4, 20, 100, 5000]) {
    const steps = [];
    for (let i = 0; i < 3000; i++) steps.push(next(3) === 0 ? [1 + next(range)] : [1 + next(range), i + 1]);
    compare(steps);
  }
});

test("numbers of 32 bits are told apart", () => {
  compare([[0xffffffff, "a"], [0x7fffffff, "b"], [0x80000000, "c"], [0xffffffff], [0xfffffff7, "d"]]);
});

test("what is no number of an entry finds nothing", () => {
  const table = new IdTable();
  for (let id = 1; id < 9; id++) table.set(id, id);
  for (const id of [0, -0, -1, NaN, 1.5, Infinity, 2 ** 32 + 1]) {
    assertEquals(table.get(id), undefined);
    assertEquals(table.has(id), false);
    assertEquals(table.delete(id), false);
  }
  assertEquals(table.size, 8);
});

test("a table that was large and is empty is usable, and forEach allows removals", () => {
  const table = new IdTable();
  for (let id = 1; id <= 5000; id++) table.set(id, { id });
  table.forEach((value, id) => assertEquals(table.delete(id), true));
  assertEquals(table.size, 0);
  table.set(3, "x");
  assertEquals(table.get(3), "x");
});
