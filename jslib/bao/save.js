// Creating, changing and deleting. An item is always written by an update expression; with unique constraints in a transaction that
// writes theirs too.

import { PREFIX, UNIQUE_CONSTRAINT_KEY } from "bao/constants";
import { back, batchContext, currentFrame } from "bao/context";
import { ConditionalError, ItemNotFoundError, ValidationError } from "bao/exceptions";
import { addFilter } from "bao/expressions";
import { StringSetField } from "bao/fields";
import { forget, foundAfterWrite } from "bao/find";
import { NOT_MINE, TASK_SAVE, retrying, sleep } from "bao/client";
import { isPlain } from "bao/marshal";
import { planOf } from "bao/plan";
import { pluginManager } from "bao/plugins";

const CHECK_FAILED = "ConditionalCheckFailed";

// ---- unique constraints ----

function constraintsOf(Model) {
  return Object.values(Model.uniqueConstraints || {});
}

function constraintKey(Model, constraint, value) {
  return {
    _pk: Model._formatUniqueConstraintKey(constraint.constraintId, Model.modelPrefix, constraint.field, value),
    _sk: UNIQUE_CONSTRAINT_KEY,
  };
}

function putConstraint(Model, constraint, value, relatedId) {
  const key = constraintKey(Model, constraint, value), testId = Model.manager.getTestId();
  const Item = { ...key, uniqueValue: key._pk, relatedId, relatedModel: Model.name };
  if (testId) Item._gsi_test_id = testId;
  return {
    Put: {
      TableName: Model.table,
      Item,
      ConditionExpression: "attribute_not_exists(#pk) OR (relatedId = :relatedId AND relatedModel = :modelName)",
      ExpressionAttributeNames: { "#pk": "_pk" },
      ExpressionAttributeValues: { ":relatedId": relatedId, ":modelName": Model.name },
    },
  };
}

function deleteConstraint(Model, constraint, value, relatedId) {
  return {
    Delete: {
      TableName: Model.table,
      Key: constraintKey(Model, constraint, value),
      ConditionExpression: "relatedId = :relatedId AND relatedModel = :modelName",
      ExpressionAttributeValues: { ":relatedId": relatedId, ":modelName": Model.name },
    },
  };
}

// Throws when a value belongs to another item. The transaction decides in the end: this makes the better message.
async function checkUnique(Model, data, ownId) {
  const frame = currentFrame(), { documentClient, tableName } = Model.manager;
  for (const constraint of constraintsOf(Model)) {
    const value = data[constraint.field];
    if (!value) continue;
    let result;
    try {
      result = back(frame, await documentClient.call("GetItem", { TableName: tableName, Key: constraintKey(Model, constraint, value) }));
    } catch (error) {
      console.error("Error checking unique constraint:", error);
      throw new ConditionalError(`Failed to validate ${constraint.field} uniqueness`, "unique_constraint", constraint.field);
    }
    if (result.Item && (!ownId || result.Item.relatedId !== ownId))
      throw new ConditionalError(`${constraint.field} must be unique`, "unique_constraint", constraint.field);
  }
}

// What the transaction has beside the item itself.
function constraintItems(Model, stored, current, primaryId) {
  const items = [];
  for (const constraint of constraintsOf(Model)) {
    const now = stored[constraint.field], before = current?._loadedDyData[constraint.field];
    if (now === undefined || now === before) continue;
    if (current && before) items.push(deleteConstraint(Model, constraint, before, primaryId));
    if (now !== null) items.push(putConstraint(Model, constraint, now, primaryId));
  }
  return items;
}

// ---- what is stored ----

// The program's values as stored ones; those of a new item with what fields begin with.
function storedValues(Model, values, isNew) {
  const stored = {};
  for (const [name, field] of Object.entries(Model.fields)) {
    if (isNew && values[name] === undefined) {
      const initial = field.getInitialValue();
      if (initial !== undefined) values[name] = initial;
    }
    if (values[name] !== undefined) {
      field.validate(values[name]);
      stored[name] = field.toDy(values[name]);
    } else if (typeof field.updateBeforeSave === "function") {
      const made = field.updateBeforeSave(values[name]);
      if (made !== values[name]) stored[name] = field.toDy(made);
    }
  }
  return stored;
}

// Values that keys of indexes are made of: an index has two, of which perhaps one changes.
function indexSource(Model, stored, current, forceReindex) {
  const source = { ...stored };
  if (!current) return source;
  const fill = name => {
    const value = current._dyData[name];
    if (source[name] === undefined && value !== undefined) source[name] = value;
  };
  if (forceReindex) {
    Object.keys(Model.fields).forEach(fill);
    return source;
  }
  for (const { pk, sk } of Object.values(Model.indexes)) {
    const hasPk = pk === PREFIX || source[pk] !== undefined, hasSk = sk === PREFIX || source[sk] !== undefined;
    if (hasPk && !hasSk) fill(sk);
    if (hasSk && !hasPk) fill(pk);
  }
  return source;
}

function partOfKey(Model, name, source) {
  if (name === PREFIX) return Model.modelPrefix;
  const value = source[name];
  return value === undefined ? undefined : Model._getField(name).toGsi(value);
}

function indexKeys(Model, source, isUpdate) {
  const keys = {};
  for (const [name, index] of Object.entries(Model.indexes)) {
    if (index.indexId === undefined) continue;
    const pk = partOfKey(Model, index.pk, source), sk = partOfKey(Model, index.sk, source);
    if (isUpdate && (pk === undefined) !== (sk === undefined)) {
      const [has, lacks] = sk === undefined ? [["partition", index.pk], ["sort", index.sk]] : [["sort", index.sk], ["partition", index.pk]];
      throw new Error(
        `Update includes GSI ${has[0]} key "${has[1]}" for index "${name}" but is missing ${lacks[0]} key "${lacks[1]}". Include both fields or use forceReindex.`,
      );
    }
    if (pk === undefined || sk === undefined) continue;
    keys[`_${index.indexId}_pk`] = Model._formatGsiKey(Model.modelPrefix, index.indexId, pk);
    keys[`_${index.indexId}_sk`] = sk;
  }
  return keys;
}

const CLAUSES = ["SET", "ADD", "REMOVE", "DELETE"];

function updateExpression(Model, stored, current) {
  const names = {}, values = {}, clauses = { SET: [], ADD: [], REMOVE: [], DELETE: [] };
  for (const [name, value] of Object.entries(stored)) {
    if (value === undefined) continue;
    if (value === null) {
      clauses.REMOVE.push(`#${name}`);
      names[`#${name}`] = name;
      continue;
    }
    const field = Model._getField(name);
    const part = field instanceof StringSetField && current ? field.getUpdateExpression(name, value, current._loadedDyData[name]) : field.getUpdateExpression(name, value);
    if (!part) continue;
    for (const one of part.type === "ADD_DELETE" ? part.operations : [part]) {
      clauses[one.type]?.push(one.expression);
      if (one.attrNameKey) names[one.attrNameKey] = one.fieldName;
      if (one.fieldValue !== null && one.attrValueKey) values[one.attrValueKey] = one.fieldValue;
    }
  }
  const text = CLAUSES.filter(clause => clauses[clause].length > 0).map(clause => `${clause} ${clauses[clause].join(", ")}`);
  return { text: text.join(" "), names, values };
}

function updateParams(Model, primaryId, stored, current, isNew, condition) {
  const { text, names, values } = updateExpression(Model, stored, current);
  const params = { TableName: Model.table, Key: Model._getDyKeyForPkSk(Model._parsePrimaryId(primaryId)), UpdateExpression: text, ReturnValues: "ALL_NEW" };
  if (Object.keys(names).length > 0) params.ExpressionAttributeNames = names;
  if (Object.keys(values).length > 0) params.ExpressionAttributeValues = values;
  if (condition) {
    addFilter(params, condition, Model, "ConditionExpression");
  } else if (isNew) {
    params.ConditionExpression = "attribute_not_exists(#pk)";
    params.ExpressionAttributeNames = { ...names, "#pk": "_pk" };
  }
  // Nothing but a touch: an update without an expression has none of its parameters.
  if (text === "") delete params.UpdateExpression;
  return params;
}

// ---- saving ----

function checkRequired(Model, values) {
  for (const [name, field] of Object.entries(Model.fields))
    if (field.required && (values[name] === undefined || values[name] === null)) throw new ValidationError(`Field is required: ${name}`, name, values[name]);
}

async function currentOf(Model, primaryId, options) {
  if (options.instanceObj) return options.instanceObj;
  const found = await Model.find(primaryId, { batchDelay: 0 });
  if (!found || !found.exists()) throw new ItemNotFoundError("Item not found", primaryId);
  return found;
}

// A transaction does not say what it wrote.
async function saveInTransaction(Model, primaryId, items) {
  const frame = currentFrame();
  const response = back(frame, await retrying(Model.documentClient, "TransactWriteItems", { TransactItems: items, ReturnConsumedCapacity: "TOTAL" }));
  forget(Model, primaryId);
  let saved = back(frame, await Model.find(primaryId, { batchDelay: 0 }));
  if (!saved.exists()) {
    back(frame, await sleep(200)); // what was just written may not be seen at once
    saved = back(frame, await Model.find(primaryId, { batchDelay: 0 }));
  }
  if (!saved.exists()) throw new ConditionalError("Failed to fetch saved item", "update");
  saved._addConsumedCapacity(response.ConsumedCapacity, "write", false);
  return saved;
}

async function saveAlone(Model, primaryId, params) {
  const frame = currentFrame();
  const response = back(frame, await retrying(Model.documentClient, "UpdateItem", { ...params, ReturnConsumedCapacity: "TOTAL" }));
  forget(Model, primaryId);
  const saved = Model._createFromDyItem(response.Attributes);
  saved._setConsumedCapacity(response.ConsumedCapacity, "write", false);
  return saved;
}

async function translated(Model, error, values, ownId) {
  if (error.name === "ConditionalCheckFailedException") return new ConditionalError("Condition check failed", "update", error);
  if (error.name !== "TransactionCanceledException") return error;
  if (error.CancellationReasons?.some(reason => reason.Code === CHECK_FAILED))
    return new ConditionalError("Transaction cancelled due to condition check failure", "update", error);
  await checkUnique(Model, values, ownId);
  return error;
}

// ---- saving as the table makes it (src/dynamo/model_save.c) ----

// What a field stores as JSON says it: a value, or a set.
function isStorable(value) {
  if (typeof value !== "object" || value === null) return isPlain(value);
  return Array.isArray(value) && value.length > 0 && value.every(member => typeof member === "string" && member !== "");
}

// The plan of a model whose item can be saved by it; null: by what is written here. Keys and unique values are made of the program's
// values; the table has the stored ones.
function savePlan(Model, values, stored, current, condition) {
  const { _config: config } = Model;
  if (config?.compatible || (config?.batchContext?.requireBatchContext && batchContext() === undefined)) return null;
  const plan = planOf(Model);
  if (plan === null || (condition && !isPlain(condition))) return null;
  for (const name in stored) if (!isStorable(stored[name])) return null;
  for (const name of plan.unique) if (stored[name] !== values[name] || (stored[name] && typeof stored[name] !== "string")) return null;
  if (current !== null) {
    const before = current._loadedDyData;
    for (const name of plan.unique) if (before[name] !== undefined && typeof before[name] !== "string") return null;
    return plan;
  }
  for (const name of plan.key) if (stored[name] !== values[name] && !(values[name] instanceof Date)) return null;
  return plan;
}

function picked(from, names) {
  const made = {};
  for (const name of names) if (from[name] !== undefined) made[name] = from[name];
  return made;
}

// What keys of indexes need besides; undefined: nothing, null: what JSON does not say.
function fillOf(Model, stored, current, forceReindex) {
  const source = indexSource(Model, stored, current, forceReindex);
  for (const name in stored) delete source[name];
  return Object.values(source).every(isPlain) ? source : null;
}

async function saveByPlan(Model, plan, primaryId, stored, current, { forceReindex, condition }) {
  const frame = currentFrame(), task = { values: stored };
  if (current === null) {
    task.new = true;
  } else {
    task.id = primaryId;
    task.fill = fillOf(Model, stored, current, forceReindex);
    task.before = picked(current._loadedDyData, plan.compared);
    if (task.fill === null) return NOT_MINE;
  }
  if (condition) task.condition = condition;
  const result = back(frame, await Model.documentClient.task(TASK_SAVE, plan.text, JSON.stringify(task)));
  if (result === NOT_MINE) return result;
  if (result.taken !== undefined) throw new ConditionalError(`${result.taken} must be unique`, "unique_constraint", result.taken);
  if (result.written === undefined) {
    const saved = Model._createFromDyItem(result.Attributes);
    forget(Model, primaryId ?? saved.getPrimaryId());
    saved._setConsumedCapacity(result.ConsumedCapacity, "write", false);
    return saved;
  }
  if (!result.read.Item) throw new ConditionalError("Failed to fetch saved item", "update"); // another has removed it
  const id = primaryId ?? Model.getPrimaryId(result.read.Item);
  forget(Model, id);
  const saved = foundAfterWrite(Model, id, result.read);
  saved._addConsumedCapacity(result.written.ConsumedCapacity, "write", false);
  return saved;
}

async function saveHere(Model, primaryId, values, stored, current, { isNew, forceReindex, condition }) {
  const frame = currentFrame(), source = indexSource(Model, stored, current, forceReindex);
  back(frame, await checkUnique(Model, values, isNew ? null : primaryId));
  const items = constraintItems(Model, stored, current, primaryId);
  Object.assign(stored, indexKeys(Model, source, !isNew));
  if (Model.iterable) Object.assign(stored, Model._getIterationKeys(primaryId));
  const params = updateParams(Model, primaryId, stored, current, isNew, condition);
  try {
    items.push({ Update: params });
    return back(frame, await (items.length > 1 ? saveInTransaction(Model, primaryId, items) : saveAlone(Model, primaryId, params)));
  } catch (error) {
    throw back(frame, await translated(Model, error, values, isNew ? null : primaryId));
  }
}

// ---- either way ----

async function saveItem(Model, givenId, values, options) {
  const frame = currentFrame();
  const { isNew = false, forceReindex = false, condition } = options, how = { isNew, forceReindex, condition };
  const current = isNew ? null : back(frame, await currentOf(Model, givenId, options));
  const read = current !== null && !options.instanceObj ? [...current.getConsumedCapacity()] : [];
  const stored = storedValues(Model, values, isNew);
  const plan = savePlan(Model, values, stored, current, condition);
  let primaryId = isNew ? undefined : typeof givenId === "string" ? givenId : current.getPrimaryId();
  if (isNew && plan === null) primaryId = Model._createNewPrimaryId(values);
  if (isNew) checkRequired(Model, values);
  for (const [name, value] of Object.entries(values)) Model._getField(name).validate(value, name);
  let saved = NOT_MINE;
  if (plan !== null) {
    try {
      saved = back(frame, await saveByPlan(Model, plan, primaryId, stored, current, how));
    } catch (error) {
      throw back(frame, await translated(Model, error, values, isNew ? null : primaryId));
    }
  }
  if (saved === NOT_MINE) saved = back(frame, await saveHere(Model, primaryId ?? Model._createNewPrimaryId(values), values, stored, current, how));
  saved._addConsumedCapacity(read, "read", false);
  return saved;
}

async function hooks(Model, name, ...args) {
  if (pluginManager.has(Model.name)) await pluginManager.executeHooks(Model.name, name, ...args);
}

function withCondition(params, condition, Model) {
  if (condition) addFilter(params, condition, Model, "ConditionExpression");
  return params;
}

async function deleteItem(Model, item, condition) {
  const { _pk, _sk } = item._dyData, frame = currentFrame();
  const params = withCondition({ TableName: Model.table, Key: { _pk, _sk } }, condition, Model);
  const constraints = constraintsOf(Model).filter(constraint => item[constraint.field]);
  if (constraints.length === 0) {
    const input = { ...params, ReturnValues: "ALL_OLD", ReturnConsumedCapacity: "TOTAL" };
    const response = back(frame, await retrying(Model.documentClient, "DeleteItem", input));
    return [response.Attributes ? Model._createFromDyItem(response.Attributes) : item, response];
  }
  const TransactItems = [{ Delete: params }];
  for (const constraint of constraints) TransactItems.push(deleteConstraint(Model, constraint, item[constraint.field], item.getPrimaryId()));
  return [item, back(frame, await retrying(Model.documentClient, "TransactWriteItems", { TransactItems, ReturnConsumedCapacity: "TOTAL" }))];
}

const saveMethods = {
  async create(values) {
    const frame = currentFrame();
    back(frame, await hooks(this, "beforeSave", values, { isNew: true }));
    const saved = back(frame, await this._saveItem(null, values, { isNew: true }));
    back(frame, await hooks(this, "afterSave", saved, { isNew: true }));
    return saved;
  },

  async update(primaryId, values, options = {}) {
    const settings = { isNew: false, ...options }, frame = currentFrame();
    back(frame, await hooks(this, "beforeSave", values, settings));
    const saved = back(frame, await this._saveItem(primaryId, values, settings));
    back(frame, await hooks(this, "afterSave", saved, settings));
    return saved;
  },

  async delete(primaryId, options = {}) {
    const frame = currentFrame();
    back(frame, await hooks(this, "beforeDelete", primaryId, options));
    const item = back(frame, await this.find(primaryId, { batchDelay: 0 }));
    if (!item.exists()) throw new ItemNotFoundError("Item not found", primaryId);
    let deleted, response;
    try {
      [deleted, response] = back(frame, await deleteItem(this, item, options.condition));
    } catch (error) {
      const failed =
        error.name === "ConditionalCheckFailedException" ||
        (error.name === "TransactionCanceledException" && error.CancellationReasons?.[0]?.Code === CHECK_FAILED);
      throw failed ? new ConditionalError("Delete condition not met", "delete", options.condition) : error;
    }
    forget(this, item.getPrimaryId());
    back(frame, await hooks(this, "afterDelete", primaryId, options));
    deleted._setConsumedCapacity(response.ConsumedCapacity, "write", false);
    return deleted;
  },

  _createNewPrimaryId(values) {
    const _pk = this._formatPrimaryKey(this.modelPrefix, this._getPkValue(values));
    return this.getPrimaryId({ ...values, _pk, _sk: this._getSkValue(values) });
  },

  _saveItem(primaryId, values, options = {}) {
    return saveItem(this, primaryId, values, options);
  },
};

export { saveMethods };
