// URLPattern against the web-platform-tests, which leave out what can be told from the pattern itself.

const COMPONENTS = ["protocol", "username", "password", "hostname", "port", "pathname", "search", "hash"];
const EARLIER = {
  protocol: [],
  username: [],
  password: [],
  hostname: ["protocol"],
  port: ["protocol", "hostname"],
  pathname: ["protocol", "hostname", "port"],
  search: ["protocol", "hostname", "port", "pathname"],
  hash: ["protocol", "hostname", "port", "pathname", "search"],
};

// The pattern string that a component has when the vector does not say.
function likely(entry, component) {
  const [first, second] = entry.pattern;
  const isObject = typeof first === "object";
  if (entry.exactly_empty_components?.includes(component)) return "";
  if (isObject && first[component]) return first[component];
  if (isObject && EARLIER[component].some((c) => c in first)) return "*";
  const base = isObject && first.baseURL ? first.baseURL : typeof second === "string" ? second : null;
  if (base === null || component === "username" || component === "password") return "*";
  const value = new URL(base)[component];
  if (component === "protocol") return value.slice(0, -1);
  return component === "search" || component === "hash" ? value.slice(1) : value;
}

function expectedMatch(entry, component) {
  const given = entry.expected_match[component];
  if (given === undefined) {
    return { input: "", groups: entry.exactly_empty_components?.includes(component) ? {} : { 0: "" } };
  }
  const groups = {};
  for (const key of Object.keys(given.groups)) groups[key] = given.groups[key] ?? undefined; // JSON has no undefined
  return { input: given.input, groups };
}

function check(entry) {
  if (entry.expected_obj === "error") {
    assertThrows(() => new URLPattern(...entry.pattern), TypeError);
    return;
  }
  const pattern = new URLPattern(...entry.pattern);
  for (const c of COMPONENTS) assertEquals(pattern[c], entry.expected_obj?.[c] ?? likely(entry, c), c);
  if (entry.expected_match === "error") {
    assertThrows(() => pattern.test(...entry.inputs), TypeError);
    assertThrows(() => pattern.exec(...entry.inputs), TypeError);
    return;
  }
  const inputs = entry.inputs ?? [];
  assertEquals(pattern.test(...inputs), !!entry.expected_match, "test()");
  const result = pattern.exec(...inputs);
  if (!entry.expected_match) {
    assertEquals(result, null);
    return;
  }
  assertEquals(result.inputs, entry.expected_match.inputs ?? inputs, "inputs");
  for (const c of COMPONENTS) assertEquals(result[c], expectedMatch(entry, c), c);
}

VECTORS.forEach((entry, i) => {
  if (typeof entry === "string") return;
  test(`${i}: ${JSON.stringify(entry.pattern)} ${JSON.stringify(entry.inputs)}`, () => check(entry));
});
