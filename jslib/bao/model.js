// BaoModel: what every model is and has. Finding, querying and saving are in find.js, query.js and save.js.

import { ID_SEPARATOR, ITERATION_PK_FIELD, ITERATION_SK_FIELD, PREFIX, SYSTEM_FIELDS, UNIQUE_CONSTRAINT_KEY } from "bao/constants";
import { TenantContext, back, batchContext, countCapacity, currentFrame } from "bao/context";
import { ConfigurationError, ValidationError } from "bao/exceptions";
import { RelatedField, StringField, StringSetField } from "bao/fields";
import { findMethods } from "bao/find";
import { ModelManager } from "bao/manager";
import { queryMethods } from "bao/query";
import { saveMethods } from "bao/save";
import { validateConfiguration } from "bao/validate";

const systemField = new StringField();
const CAPACITY_TYPES = ["read", "write"];

// What is known of the fields of a class, made with its first instance: their properties are its prototype's.
const layouts = new WeakMap();

class Layout {
  constructor(Model) {
    this.of = Model.fields;
    this.names = Object.keys(Model.fields);
    this.fields = this.names.map(name => Model.fields[name]);
    for (const [name, field] of Object.entries(Model.fields)) Object.defineProperty(Model.prototype, name, property(name, field));
  }
}

function layoutOf(Model) {
  let layout = layouts.get(Model);
  if (layout === undefined || layout.of !== Model.fields) layouts.set(Model, (layout = new Layout(Model)));
  return layout;
}

function property(name, field) {
  const isSet = field instanceof StringSetField;
  return {
    get() {
      return isSet ? field.fromDy(this._dyData[name], this, name) : field.fromDy(this._dyData[name]);
    },
    set(value) {
      const stored = field.toDy(value);
      if (stored === this._dyData[name]) return;
      this._store(name, stored);
      if (field instanceof RelatedField) delete this._relatedObjects[name];
    },
    configurable: true,
  };
}

// The stored item that the instance at hand is made of; undefined: a new one.
let loaded;

class BaoModel {
  static _tenantId = null;
  static _testId = null;
  static _config = null;
  static table = null;
  static documentClient = null;

  static modelPrefix = null;
  static fields = {};
  static primaryKey = null;
  static indexes = {};
  static uniqueConstraints = {};
  static iterable = false;
  static iterationBuckets = 100;
  static defaultQueryLimit = 100;

  // ---- instances ----

  constructor(jsData = {}) {
    const item = loaded;
    loaded = undefined;
    const { names, fields } = layoutOf(this.constructor);
    this._dyData = item ?? {};
    this._loadedDyData = {};
    this._changes = new Set();
    this._relatedObjects = {};
    this._consumedCapacity = [];
    if (item === undefined) {
      for (let i = 0; i < SYSTEM_FIELDS.length; i++) if (jsData[SYSTEM_FIELDS[i]] !== undefined) this._dyData[SYSTEM_FIELDS[i]] = jsData[SYSTEM_FIELDS[i]];
      for (let i = 0; i < names.length; i++) {
        const value = jsData[names[i]];
        this._dyData[names[i]] = fields[i].toDy(value === undefined ? fields[i].getInitialValue() : value);
      }
    }
  }

  // Fields are properties of every instance, wherever they stand.
  hasOwnProperty(name) {
    return Object.hasOwn(this, name) || Object.hasOwn(this.constructor.fields, name);
  }

  // A stored value that differs from the one of before. What was loaded is shared until then.
  _store(name, value) {
    if (this._dyData === this._loadedDyData) this._dyData = { ...this._dyData };
    this._dyData[name] = value;
    this._changes.add(name);
  }

  static _createFromDyItem(dyItem) {
    loaded = dyItem;
    try {
      const made = new this();
      made._dyData = dyItem;
      made._resetChangeTracking();
      return made;
    } finally {
      loaded = undefined;
    }
  }

  exists() {
    return true;
  }

  hasChanges() {
    return this._changes.size > 0;
  }

  isLoaded() {
    return Object.keys(this._loadedDyData).length > 0;
  }

  _resetChangeTracking() {
    this._loadedDyData = this._dyData;
    if (this._changes.size > 0) this._changes.clear();
  }

  _getAllData() {
    const data = {};
    for (const [name, field] of Object.entries(this.constructor.fields)) data[name] = field.fromDy(this._dyData[name]);
    return data;
  }

  _getChanges() {
    const changes = {};
    for (const name of this._changes) changes[name] = this.constructor._getField(name).fromDy(this._dyData[name]);
    return changes;
  }

  async save(options = {}) {
    const { forceReindex = false, ...others } = options;
    if (!forceReindex && !this.hasChanges() && this.isLoaded()) return this;
    const isNew = !this.isLoaded();
    const changes = isNew || forceReindex ? this._getAllData() : this._getChanges();
    const settings = { ...others, instanceObj: this, forceReindex };
    if (isNew) settings.isNew = true;
    const frame = currentFrame();
    const saved = back(frame, await this.constructor.update(this.getPrimaryId(), changes, settings));
    this._dyData = saved._dyData;
    this._resetChangeTracking();
    return this;
  }

  // ---- keys ----

  static get manager() {
    return ModelManager.getInstance(TenantContext.getCurrentTenant() || this._tenantId);
  }

  static setTestId(testId) {
    this._tenantId = this._testId = testId;
    const manager = ModelManager.getInstance(testId);
    this.documentClient = manager.documentClient;
    this.table = manager.tableName;
  }

  static _getField(fieldName) {
    if (fieldName === PREFIX) return systemField;
    const field = this.fields[fieldName];
    if (field) return field;
    if (SYSTEM_FIELDS.includes(fieldName)) return systemField;
    throw new ConfigurationError(`Field ${fieldName} not found in ${this.name} fields`, this.name);
  }

  static _keyValue(part, data) {
    if (!data) throw new ValidationError(`Data object is required for static _get${part === "pk" ? "Pk" : "Sk"}Value call`);
    const name = this.primaryKey[part];
    return name === PREFIX ? this.modelPrefix : data[name];
  }

  static _getPkValue(data) {
    return this._keyValue("pk", data);
  }

  static _getSkValue(data) {
    return this._keyValue("sk", data);
  }

  _getPkValue() {
    return this.constructor._getPkValue(this._dyData);
  }

  _getSkValue() {
    return this.constructor._getSkValue(this._dyData);
  }

  // Every key begins with the tenant, where there is one.
  static _tenantKey(key) {
    const tenantId = this.manager.getTenantId();
    return tenantId ? `[${tenantId}]#${key}` : key;
  }

  static _formatPrimaryKey(modelPrefix, value) {
    return this._tenantKey(`${modelPrefix}#${value}`);
  }

  static _formatGsiKey(modelPrefix, indexId, value) {
    return this._tenantKey(`${modelPrefix}#${indexId}#${value}`);
  }

  static _formatUniqueConstraintKey(constraintId, modelPrefix, field, value) {
    return this._tenantKey(`${UNIQUE_CONSTRAINT_KEY}#${constraintId}#${modelPrefix}#${field}:${value}`);
  }

  // A partition key that is the prefix alone has no tenant: that is how the items lie in the tables.
  static _getDyKeyForPkSk(pkSk) {
    if (this.primaryKey.sk === PREFIX) return { _pk: this._formatPrimaryKey(this.modelPrefix, pkSk.pk), _sk: this.modelPrefix };
    if (this.primaryKey.pk === PREFIX) return { _pk: this.modelPrefix, _sk: pkSk.sk };
    return { _pk: this._formatPrimaryKey(this.modelPrefix, pkSk.pk), _sk: pkSk.sk };
  }

  static _getPrimaryKeyValues(data) {
    if (!data) throw new ValidationError("Data object is required for _getPrimaryKeyValues call");
    const pk = this._getField(this.primaryKey.pk).toGsi(this._getPkValue(data));
    if (pk === undefined || pk === null) throw new ValidationError("PK must be defined to get a PkSk");
    if (!this.primaryKey.sk) return { pk };
    const sk = this._getField(this.primaryKey.sk).toGsi(this._getSkValue(data));
    if (sk === undefined || sk === null) throw new ValidationError("SK must be defined for a composite primary key");
    return { pk, sk };
  }

  static makePrimaryId(pk, sk) {
    if (this.primaryKey.pk === PREFIX) return sk;
    return this.primaryKey.sk === PREFIX ? pk : pk + ID_SEPARATOR + sk;
  }

  static getPrimaryId(data) {
    const { pk, sk } = this._getPrimaryKeyValues(data);
    return this.makePrimaryId(pk, sk);
  }

  getPrimaryId() {
    return this.constructor.getPrimaryId(this._dyData);
  }

  static _parsePrimaryId(primaryId) {
    if (typeof primaryId === "object" && primaryId !== null) return primaryId.pk !== undefined ? primaryId : this._getPrimaryKeyValues(primaryId);
    if (typeof primaryId !== "string") throw new ValidationError(`primaryId must be a string or an object. Got ${typeof primaryId}`);
    if (primaryId.includes(ID_SEPARATOR)) {
      const [pk, sk] = primaryId.split(ID_SEPARATOR);
      return { pk, sk };
    }
    if (this.primaryKey.pk === PREFIX) return { pk: this.modelPrefix, sk: primaryId };
    return this.primaryKey.sk === PREFIX ? { pk: primaryId, sk: this.modelPrefix } : { pk: primaryId };
  }

  // ---- iteration ----

  static _hashObjectId(objectId) {
    let hash = 0;
    for (let i = 0; i < objectId.length; i++) hash = ((hash << 5) - hash + objectId.charCodeAt(i)) | 0;
    return Math.abs(hash);
  }

  static _iterationPartition(bucket) {
    const suffix = this.iterationBuckets === 1 ? "" : `#${`${bucket}`.padStart(3, "0")}`;
    return this._tenantKey(`${this.modelPrefix}#iter${suffix}`);
  }

  static _getIterationKeys(objectId) {
    if (!this.iterable) return {};
    const bucket = this._hashObjectId(objectId) % this.iterationBuckets;
    return { [ITERATION_PK_FIELD]: this._iterationPartition(bucket), [ITERATION_SK_FIELD]: objectId };
  }

  static getIterationBuckets() {
    return this.iterable ? this.iterationBuckets : 1;
  }

  // ---- related objects ----

  clearRelatedCache(fieldName) {
    delete this._relatedObjects[fieldName];
  }

  getRelated(fieldName) {
    if (!(this.constructor.fields[fieldName] instanceof RelatedField))
      throw new ConfigurationError(`Field ${fieldName} is not a RelatedField`, this.constructor.name);
    return this._relatedObjects[fieldName];
  }

  async getOrLoadRelatedField(fieldName, loaderContext = undefined) {
    const known = this._relatedObjects[fieldName];
    if (known) return known;
    const field = this.constructor.fields[fieldName];
    if (!field || !field.modelName) throw new ConfigurationError(`Field ${fieldName} is not a valid relation field`, this.constructor.name);
    const value = this[fieldName];
    if (!value) return null;
    return (this._relatedObjects[fieldName] = await this._find(field, value, loaderContext));
  }

  _find(field, value, loaderContext) {
    const Model = this.constructor.manager.getModel(field.modelName);
    return value instanceof Model ? value : Model.find(value, loaderContext === undefined ? {} : { loaderContext });
  }

  async loadRelatedData(fieldNames = null, loaderContext = undefined) {
    const loading = [];
    for (const [name, field] of Object.entries(this.constructor.fields)) {
      if ((fieldNames && !fieldNames.includes(name)) || !(field instanceof RelatedField)) continue;
      const value = this[name];
      if (!value) continue;
      const keep = async () => {
        this._relatedObjects[name] = await this._find(field, value, loaderContext);
      };
      loading.push(keep());
    }
    await Promise.all(loading);
    return this;
  }

  // ---- capacity ----

  _setConsumedCapacity(capacity, type = "read", fromContext = false) {
    this.clearConsumedCapacity();
    this._addConsumedCapacity(capacity, type, fromContext);
  }

  // What DynamoDB said, or entries of another instance. skipContextAccumulation: the batch has counted it.
  _addConsumedCapacity(consumedCapacity, type, isRelated = false, skipContextAccumulation = false) {
    if (!CAPACITY_TYPES.includes(type)) throw new ValidationError(`Invalid consumed capacity type: ${type}`);
    if (!consumedCapacity) return;
    if (Array.isArray(consumedCapacity)) {
      for (let i = 0; i < consumedCapacity.length; i++) this._addConsumedCapacity(consumedCapacity[i], type, isRelated, skipContextAccumulation);
      return;
    }
    const inner = consumedCapacity.consumedCapacity;
    const entry = inner
      ? { consumedCapacity: inner, fromContext: consumedCapacity.fromContext || isRelated, type: consumedCapacity.type || type }
      : { consumedCapacity, fromContext: isRelated, type };
    this._consumedCapacity.push(entry);
    if (!entry.fromContext && !skipContextAccumulation) countCapacity(batchContext(), entry.consumedCapacity.CapacityUnits || 0, entry.type);
  }

  getNumericConsumedCapacity(type, includeRelated = false) {
    if (!CAPACITY_TYPES.includes(type) && type !== "total") throw new ValidationError(`Invalid consumed capacity type: ${type}`);
    let total = 0;
    for (const entry of this._consumedCapacity ?? [])
      if (!entry.fromContext && (entry.type === type || type === "total")) total += entry.consumedCapacity?.CapacityUnits || 0;
    if (includeRelated) for (const related of Object.values(this._relatedObjects)) if (related) total += related.getNumericConsumedCapacity(type, true);
    return total;
  }

  getConsumedCapacity() {
    return this._consumedCapacity;
  }

  clearConsumedCapacity() {
    this._consumedCapacity = [];
  }
}

Object.assign(BaoModel, findMethods, queryMethods, saveMethods, { _validateConfiguration: validateConfiguration });

export { BaoModel };
