// selvage:bao: models over one table, as dynamo-bao has them, and its modules under their names (dynamo-bao/src/...).

import { DynamoDBClient, DynamoDBDocumentClient, commands, marshall, unmarshall } from "bao/client";
import { Logger, defaultLogger, defaults, setLevel } from "bao/config";
import { TenantContext, getBatchContextCapacity, runWithBatchContext } from "bao/context";
import { ConfigurationError } from "bao/exceptions";
import { FilterExpressionBuilder, KeyConditionBuilder } from "bao/expressions";
import { fields } from "bao/fields";
import { ObjectNotFound } from "bao/find";
import { IndexConfig, IndexConfigClass, PrimaryKeyConfig, PrimaryKeyConfigClass, UniqueConstraintConfig, UniqueConstraintConfigClass } from "bao/keys";
import { ModelManager } from "bao/manager";
import { BaoModel } from "bao/model";
import { pluginManager } from "bao/plugins";

const CONSTANTS = [
  "GSI_INDEX_ID1",
  "GSI_INDEX_ID2",
  "GSI_INDEX_ID3",
  "GSI_INDEX_ID4",
  "GSI_INDEX_ID5",
  "ITERATION_INDEX_NAME",
  "ITERATION_PK_FIELD",
  "ITERATION_SK_FIELD",
  "UNIQUE_CONSTRAINT_ID1",
  "UNIQUE_CONSTRAINT_ID2",
  "UNIQUE_CONSTRAINT_ID3",
  "SYSTEM_FIELDS",
  "UNIQUE_CONSTRAINT_KEY",
];

function pick(from, names) {
  const made = {};
  for (const name of names) made[name] = from[name];
  return made;
}

const constants = pick(load("bao/constants"), CONSTANTS);
const exceptions = pick(load("bao/exceptions"), Object.keys(load("bao/exceptions")));
const models = {};

// ---- initModels ----

function merged(given) {
  const config = { ...defaults(), ...given };
  for (const [part, value] of Object.entries(defaults())) config[part] = { ...value, ...given[part] };
  return config;
}

// A manifest's namespace of a CommonJS module has its exports under "default" again.
function isNamespaceDefault(name, value) {
  return (name === "default" || name === "module.exports") && typeof value === "object";
}

function registerModels(manager, given) {
  if (!given || typeof given !== "object") throw new ConfigurationError("models must be an object containing model classes");
  const registered = {};
  for (const [name, Model] of Object.entries(given)) {
    if (isNamespaceDefault(name, Model)) continue;
    if (!Model || typeof Model !== "function") throw new ConfigurationError(`Invalid model "${name}": must be a constructor function`);
    if (!(Model.prototype instanceof BaoModel)) throw new ConfigurationError(`Model "${name}" must extend BaoModel`);
    manager.registerModel(Model);
    registered[name] = Model;
  }
  return registered;
}

function initModels(userConfig = {}) {
  const config = merged(userConfig);
  TenantContext.validateTenantRequired(config);
  setLevel(config.logging.level);
  const manager = ModelManager.getInstance(TenantContext.getCurrentTenant() || config.testId);
  if (!config.models) throw new ConfigurationError("Filesystem not available. Please provide models directly using the 'models' config option.");
  const registered = registerModels(manager, config.models);
  manager.start(config);
  manager.models = registered;
  return manager;
}

// ---- modules ----

const main = {
  initModels,
  BaoModel,
  ModelManager,
  fields,
  TenantContext,
  runWithBatchContext,
  getBatchContextCapacity,
  PrimaryKeyConfig,
  IndexConfig,
  UniqueConstraintConfig,
  constants,
  exceptions,
  models,
};

const parts = {
  __proto__: null,
  index: () => main,
  model: () => ({ BaoModel, PrimaryKeyConfig, IndexConfig, UniqueConstraintConfig }),
  fields: () => fields,
  constants: () => constants,
  exceptions: () => exceptions,
  config: () => defaults(),
  "model-manager": () => ({ ModelManager }),
  "model-config": () => ({
    PrimaryKeyConfig: PrimaryKeyConfigClass,
    IndexConfig: IndexConfigClass,
    UniqueConstraintConfig: UniqueConstraintConfigClass,
  }),
  "tenant-context": () => ({ TenantContext }),
  "plugin-manager": () => ({ pluginManager }),
  "object-not-found": () => ({ ObjectNotFound }),
  "filter-expression": () => ({ FilterExpressionBuilder }),
  "key-condition": () => ({ KeyConditionBuilder }),
  "dynamodb-client": () => ({ DynamoDBClient, DynamoDBDocumentClient, ...commands, marshall, unmarshall }),
  "mixins/batch-loading-mixin": () => ({ runWithBatchContext, getBatchContextCapacity }),
  "utils/logger": () => ({ Logger, defaultLogger }),
};

const PREFIX = "selvage:bao";

// The exports of "selvage:bao" and of what stands below it ("selvage:bao/src/model.js"); undefined: there is no such module.
export function baoModule(name) {
  const match = name === PREFIX ? [name, "index"] : /^selvage:bao\/src\/([a-z\-/]+?)(?:\.js)?$/.exec(name);
  const part = match === null ? undefined : parts[match[1]];
  return part === undefined ? undefined : { __proto__: null, ...part() };
}
