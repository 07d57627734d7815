// The models of one tenant, with the client and the table that they use.

import { DynamoDBClient, DynamoDBDocumentClient } from "bao/client";
import { defaultLogger } from "bao/config";
import { ConfigurationError } from "bao/exceptions";
import { pluginManager } from "bao/plugins";

export const managers = new Map();

function tenants() {
  return load("bao/context").TenantContext;
}

export class ModelManager {
  static _instances = managers;

  constructor() {
    this._initialized = false;
    this._docClient = null;
    this._tableName = null;
    this._tenantId = null;
    this._tenancyEnabled = false;
    this._models = new Map();
    this._config = null;
    this.#scopes = new Map();
  }

  #scopes;

  // What stands for a model of this tenant where ids alone would not do.
  scopeOf(Model) {
    let scope = this.#scopes.get(Model);
    if (scope === undefined) this.#scopes.set(Model, (scope = { name: `${this._tenantId ?? ""}/${Model.name}` }));
    return scope;
  }

  static getInstance(tenantId = null) {
    const key = tenantId || "default";
    let manager = managers.get(key);
    if (manager === undefined) {
      manager = new ModelManager();
      manager._tenantId = tenantId;
      managers.set(key, manager);
    }
    return manager;
  }

  // As init(), at once: what is wrong with a model is thrown.
  start(config) {
    tenants().validateTenantRequired(config);
    this._config = config;
    this._docClient = DynamoDBDocumentClient.from(new DynamoDBClient(config.aws ?? {}));
    this._tableName = config.db.tableName;
    this._tenancyEnabled = config.tenancy?.enabled || false;
    this._tenantId = config.tenantId || config.testId || this._tenantId;
    for (const Model of this._models.values()) this.#equip(Model);
    this._initialized = true;
    return this;
  }

  async init(config = {}) {
    return this.start(config);
  }

  #equip(Model) {
    Model._tenantId = Model._testId = this._tenantId;
    Model.documentClient = this._docClient;
    Model.table = this._tableName;
    Model._config = this._config;
    Model._validateConfiguration();
  }

  getModel(modelName) {
    const Model = this._models.get(modelName);
    if (Model === undefined) throw new ConfigurationError(`Model ${modelName} not found`);
    return Model;
  }

  registerModel(Model) {
    this._models.set(Model.name, Model);
    Model.registerPlugin = function (plugin) {
      pluginManager.registerPlugin(this.name, plugin);
      for (const [name, method] of Object.entries(plugin.methods ?? {})) {
        if (Model.prototype[name]) defaultLogger.warn(`Method ${name} already exists for model ${this.name}`);
        Model.prototype[name] = method;
      }
    };
    Model._tenantId = Model._testId = this._tenantId;
    if (this._initialized) this.#equip(Model);
    return Model;
  }

  get documentClient() {
    return this._docClient;
  }

  get tableName() {
    return this._tableName;
  }

  getTenantId() {
    return this._tenantId;
  }

  getTestId() {
    return this._tenantId;
  }

  isTenancyEnabled() {
    return this._tenancyEnabled;
  }

  listModels() {
    return [...this._models.keys()];
  }

  getModels() {
    return [...this._models.values()];
  }
}
