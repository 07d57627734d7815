// The input gate of an object: what may enter it now, and critical sections.
//
// Storage answers at once, so a turn never leaves a storage operation pending and nothing but a critical section
// (blockConcurrencyWhile, storage.transaction) closes the gate. While one is open only what began inside of it enters:
// results of its operations, its timers. Everything else waits in order, calls from outside too. Sections nest: the
// innermost decides.

// One critical section. `parent` is the one in which it was asked for.
export class Section {
  over = false;

  constructor(parent) {
    this.parent = parent;
    this.depth = parent === null ? 1 : parent.depth + 1;
  }
}

export class Gate {
  #number;
  #waiting = []; // [section, function], in order of arrival; sections that were asked for come first
  #asked = 0; // how many of them
  #top = null; // the innermost section that is open
  #over = false;
  running = null; // the section of the turn that runs

  constructor(number) {
    this.#number = number;
  }

  // What is left of a section that may have ended.
  #live(section) {
    while (section !== null && section.over) section = section.parent;
    return section;
  }

  // True: the turn that begins belongs to `section`, and may run.
  admits(section) {
    section = this.#live(section);
    if (section !== this.#top) return false;
    this.running = section;
    return true;
  }

  // Whether somebody waits who could enter outside of any section.
  get crowded() {
    return this.#waiting.length > 0;
  }

  get inSection() {
    return this.#top !== null;
  }

  // The object is no more: nobody who waits enters.
  close() {
    this.#over = true;
    this.#waiting = [];
    this.#asked = 0;
  }

  // run() follows in a turn of its own.
  defer(section, run) {
    if (this.#over) return;
    P.ArrayPrototypePush(this.#waiting, [section, run]);
    if (this.#live(section) === this.#top) N.objectWake(this.#number);
  }

  // A section begins before anything else that waits: what came from outside meanwhile is kept out by it.
  // begin() is called inside of it.
  enterSection(section, begin) {
    if (this.#over) return;
    const run = () => {
      this.#top = this.running = section;
      begin();
    };
    P.ArrayPrototypeSplice(this.#waiting, this.#asked++, 0, [section.parent, run]);
    if (this.#live(section.parent) === this.#top) N.objectWake(this.#number);
  }

  leaveSection(section) {
    if (section.over) return;
    section.over = true;
    this.#top = this.#live(this.#top);
    if (!this.#over && this.#waiting.length > 0) N.objectWake(this.#number);
  }

  // From C, in a turn of its own: the first that may enter does.
  wake() {
    for (let i = 0; i < this.#waiting.length; i++) {
      const [section, run] = this.#waiting[i];
      if (!this.admits(section)) continue;
      P.ArrayPrototypeSplice(this.#waiting, i, 1);
      if (i < this.#asked) this.#asked--;
      if (this.#waiting.length > 0) N.objectWake(this.#number);
      run();
      return;
    }
  }
}
