// What the library is set to where a program says nothing: from the environment, as dynamo-bao takes it.

function environment() {
  const { process } = globalThis;
  if (process !== undefined && process !== null && typeof process.env === "object" && process.env !== null) return process.env;
  return load("workers").currentEnv() ?? {};
}

// A text of the environment, or undefined.
export function setting(name) {
  const value = environment()[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function defaults() {
  return {
    aws: { region: setting("AWS_REGION") ?? "us-west-2" },
    db: { tableName: setting("TABLE_NAME") ?? "dynamo-bao-dev" },
    codegen: { moduleSystem: "commonjs" },
    logging: { level: setting("DYNAMO_BAO_LOG_LEVEL") ?? "ERROR" },
    paths: { modelsDir: null },
    tenancy: { enabled: setting("DYNAMO_BAO_TENANCY_ENABLED") === "true" },
    batchContext: { requireBatchContext: setting("DYNAMO_BAO_REQUIRE_BATCH_CONTEXT") === "true" },
  };
}

const LEVELS = { __proto__: null, OFF: -1, ERROR: 0, WARN: 1, INFO: 2, DEBUG: 3 };

export class Logger {
  constructor(context) {
    this.context = context;
    this.currentLevel = "ERROR";
  }

  log(level, ...args) {
    if (LEVELS[level] <= LEVELS[this.currentLevel]) console.log(`[${level}] ${this.context}:`, ...args);
  }

  debug(...args) {
    this.log("DEBUG", ...args);
  }

  info(...args) {
    this.log("INFO", ...args);
  }

  warn(...args) {
    this.log("WARN", ...args);
  }

  error(...args) {
    this.log("ERROR", ...args);
  }

  static getLogger(context) {
    return new Logger(context);
  }
}

export const defaultLogger = new Logger("Default");

export function setLevel(level) {
  const name = `${level}`.toUpperCase();
  if (LEVELS[name] !== undefined) defaultLogger.currentLevel = name;
}
