// What is open at the moment, by the number that the channel knows it by.
//
// Not a Map: the engine's keeps, of entries that were removed, its former storage linked to the present one. Once a collection has found
// such storage old, everything that was put into the map since counts as alive in each collection of young objects: of a table through which
// every request passes, all garbage of all requests.

const CAPACITY_MIN = 8; // a power of two, as every capacity

// Numbers from 1 on to objects: open addressing with linear probing, at most half full.
export class IdTable {
  constructor() {
    this.size = 0;
    this.#allocate(CAPACITY_MIN);
  }

  #keys; // 0: free
  #values;
  #mask;

  #allocate(capacity) {
    this.#keys = [];
    this.#values = [];
    this.#mask = capacity - 1;
    for (let i = 0; i < capacity; i++) {
      this.#keys[i] = 0;
      this.#values[i] = undefined;
    }
  }

  // The place of `id`, or the free one where its search ends.
  #find(id) {
    const keys = this.#keys;
    const mask = this.#mask;
    let at = id & mask;
    while (keys[at] !== 0 && keys[at] !== id) at = (at + 1) & mask;
    return at;
  }

  // undefined: there is none. Any number may be asked for.
  get(id) {
    return this.#values[this.#find(id)];
  }

  has(id) {
    return this.#values[this.#find(id)] !== undefined;
  }

  set(id, value) {
    let at = this.#find(id);
    if (this.#keys[at] === 0) {
      if (++this.size * 2 > this.#mask) {
        this.#grow();
        at = this.#find(id);
      }
      this.#keys[at] = id;
    }
    this.#values[at] = value;
  }

  // Whether it was there.
  delete(id) {
    const keys = this.#keys;
    const values = this.#values;
    const mask = this.#mask;
    let free = this.#find(id);
    if (keys[free] === 0) return false;
    // What a search would have passed this place for moves up.
    for (let at = (free + 1) & mask; keys[at] !== 0; at = (at + 1) & mask) {
      if (((at - keys[at]) & mask) < ((at - free) & mask)) continue;
      keys[free] = keys[at];
      values[free] = values[at];
      free = at;
    }
    keys[free] = 0;
    values[free] = undefined;
    if (--this.size === 0 && mask >= 1023) this.#allocate(CAPACITY_MIN);
    return true;
  }

  #grow() {
    const keys = this.#keys;
    const values = this.#values;
    this.#allocate((this.#mask + 1) * 2);
    for (let i = 0; i < keys.length; i++) {
      if (keys[i] === 0) continue;
      const at = this.#find(keys[i]);
      this.#keys[at] = keys[i];
      this.#values[at] = values[i];
    }
  }

  // Calls fn(value, id) for what is there now; fn may change the table.
  forEach(fn) {
    const keys = this.#keys;
    const values = this.#values;
    const ids = [];
    const found = [];
    for (let i = 0; i < keys.length; i++) {
      if (keys[i] === 0) continue;
      found[ids.length] = values[i];
      ids[ids.length] = keys[i];
    }
    for (let i = 0; i < ids.length; i++) fn(found[i], ids[i]);
  }
}
