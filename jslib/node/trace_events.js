// node:trace_events: an object that remembers whether it is on.

import { inspect } from "inspect";
import { errorWithCode, nodeError } from "node/internal/errors";
import { validateArray, validateObject } from "node/internal/validators";

class Tracing {
  #categories;
  #enabled = false;

  constructor(categories) {
    this.#categories = categories;
  }
  enable() {
    this.#enabled = true;
  }
  disable() {
    this.#enabled = false;
  }
  get enabled() {
    return this.#enabled;
  }
  get categories() {
    return this.#categories.join(",");
  }
  [Symbol.for("nodejs.util.inspect.custom")](depth, options) {
    return typeof depth === "number" && depth < 0 ? this : `Tracing ${inspect({ enabled: this.enabled, categories: this.categories })}`;
  }
}

function createTracing(options) {
  validateObject(options, "options");
  validateArray(options.categories, "options.categories");
  for (let i = 0; i < options.categories.length; i++)
    if (typeof options.categories[i] !== "string") throw nodeError("ERR_INVALID_ARG_TYPE", `options.categories[${i}]`, "string", options.categories[i]);
  if (options.categories.length === 0) throw errorWithCode(TypeError, "ERR_TRACE_EVENTS_CATEGORY_REQUIRED", "At least one category is required");
  return new Tracing(options.categories);
}

const trace_events = { createTracing, getEnabledCategories() {} };
export { trace_events as default };
