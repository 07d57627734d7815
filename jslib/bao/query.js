// Queries by a key or an index, iteration over all of a model, and unique constraints as a way to find.

import { ITERATION_INDEX_NAME, ITERATION_PK_FIELD, ITERATION_SK_FIELD, UNIQUE_CONSTRAINT_KEY } from "bao/constants";
import { back, batchContext, countCapacity, currentFrame } from "bao/context";
import { ConfigurationError, QueryError, ValidationError } from "bao/exceptions";
import { KeyConditionBuilder, addFilter } from "bao/expressions";
import { ObjectNotFound } from "bao/find";
import { PrimaryKeyConfigClass } from "bao/keys";
import { NOT_MINE, TASK_QUERY, retrying } from "bao/client";
import { isPlain, isPlainItem } from "bao/marshal";
import { planOf } from "bao/plan";

function iterableOnly(Model) {
  if (!Model.iterable) throw new Error(`Model ${Model.name} is not configured as iterable`);
}

async function* iterate(Model, bucket, { batchSize = 100, filter = null } = {}) {
  const frame = currentFrame();
  let startKey;
  do {
    back(frame, undefined);
    const params = {
      TableName: Model.table,
      IndexName: ITERATION_INDEX_NAME,
      KeyConditionExpression: "#pk = :pk",
      ExpressionAttributeNames: { "#pk": ITERATION_PK_FIELD },
      ExpressionAttributeValues: { ":pk": Model._iterationPartition(bucket) },
      Limit: batchSize,
      ReturnConsumedCapacity: "TOTAL",
    };
    if (startKey) params.ExclusiveStartKey = startKey;
    if (filter) addFilter(params, filter, Model, "FilterExpression");
    const response = back(frame, await Model.documentClient.call("Query", params));
    if (response.Items && response.Items.length > 0) {
      const { items } = back(frame, await Model.batchFind(response.Items.map(item => item[ITERATION_SK_FIELD])));
      const batch = Object.values(items);
      if (batch.length > 0) yield batch;
    }
    startKey = response.LastEvaluatedKey;
  } while (startKey);
}

// A query as the table makes it; NOT_MINE where JSON does not say all that is asked. index and field are undefined for the model's own key.
async function queryTask(Model, index, field, pk, skField, sk, options) {
  const plan = typeof pk === "string" && pk !== "" ? planOf(Model) : null;
  if (plan === null) return NOT_MINE;
  const { filter, startKey, limit } = options, most = limit || Model.defaultQueryLimit;
  if ((sk && !isPlain(sk)) || (filter && !isPlain(filter)) || (startKey && !isPlainItem(startKey)) || typeof most !== "number") return NOT_MINE;
  const query = { index, field, pk, limit: most };
  if (sk) {
    query.skField = skField;
    query.sk = sk[skField];
    if (query.sk === undefined || query.sk === null || Object.keys(sk)[0] !== skField) return NOT_MINE;
  }
  if (filter) query.filter = filter;
  if (startKey) query.start = startKey;
  if (options.direction === "DESC") query.backward = true;
  if (options.countOnly) query.count = true;
  return Model.documentClient.task(TASK_QUERY, plan.text, JSON.stringify(query));
}

const queryMethods = {
  async queryByPrimaryKey(pkValue, skCondition = null, options = {}) {
    const frame = currentFrame();
    let response = NOT_MINE;
    if (options.indexName === undefined && options.gsiIndexId === undefined)
      response = back(frame, await queryTask(this, undefined, undefined, pkValue, this.primaryKey.sk, skCondition, options));
    if (response === NOT_MINE) {
      const params = this._getBaseQueryParams("_pk", this._formatPrimaryKey(this.modelPrefix, pkValue), skCondition, options);
      response = back(frame, await retrying(this.documentClient, "Query", params));
    }
    return this._processQueryResponse(response, options);
  },

  async getRelatedObjectsViaMap(indexName, pkValue, targetField, mapSkCondition = null, limit = null, direction = "ASC", startKey = null) {
    const options = { loadRelated: true, relatedOnly: true, relatedFields: [targetField], limit, direction, startKey };
    return this.queryByIndex(indexName, pkValue, mapSkCondition, options);
  },

  async queryByIndex(indexName, pkValue, skCondition = null, options = {}) {
    const index = this.indexes[indexName];
    if (!index) throw new QueryError(`Index "${indexName}" not found in ${this.name} model`, indexName);
    if (skCondition) {
      const [[fieldName]] = Object.entries(skCondition);
      if (fieldName !== index.sk) throw new QueryError(`Field "${fieldName}" is not the sort key for index "${indexName}"`, indexName, fieldName);
    }
    const primary = index instanceof PrimaryKeyConfigClass, frame = currentFrame();
    const sk = skCondition ? { [index.sk]: skCondition[index.sk] } : null;
    let response = back(frame, await queryTask(this, primary ? undefined : index.indexId, primary ? undefined : index.pk, pkValue, index.sk, sk, options));
    if (response === NOT_MINE) response = back(frame, await retrying(this.documentClient, "Query", this._indexQueryParams(index, indexName, pkValue, sk, options)));
    return this._processQueryResponse(response, options);
  },

  _indexQueryParams(index, indexName, pkValue, sk, options) {
    const primary = index instanceof PrimaryKeyConfigClass;
    const partition = primary
      ? this._formatPrimaryKey(this.modelPrefix, pkValue)
      : this._formatGsiKey(this.modelPrefix, index.indexId, this._getField(index.pk).toGsi(pkValue));
    return this._getBaseQueryParams(primary ? "_pk" : `_${index.indexId}_pk`, partition, sk, { ...options, indexName, gsiIndexId: index.indexId });
  },

  _getBaseQueryParams(pkFieldName, pkValue, skCondition, options = {}) {
    const params = {
      TableName: this.table,
      KeyConditionExpression: "#pk = :pk",
      ExpressionAttributeNames: { "#pk": pkFieldName },
      ExpressionAttributeValues: { ":pk": pkValue },
      ScanIndexForward: options.direction !== "DESC",
      ReturnConsumedCapacity: "TOTAL",
      Limit: options.limit || this.defaultQueryLimit,
    };
    if (skCondition) {
      const sortKey = options.gsiIndexId ? `_${options.gsiIndexId}_sk` : "_sk";
      const made = new KeyConditionBuilder().buildKeyCondition(this, options.indexName || "primary", skCondition, sortKey);
      params.KeyConditionExpression += ` AND ${made.condition}`;
      Object.assign(params.ExpressionAttributeNames, made.names);
      Object.assign(params.ExpressionAttributeValues, made.values);
    }
    if (options.countOnly) params.Select = "COUNT";
    if (options.gsiIndexId) params.IndexName = options.gsiIndexId;
    if (options.startKey) params.ExclusiveStartKey = options.startKey;
    if (options.filter) addFilter(params, options.filter, this, "FilterExpression");
    return params;
  },

  async _processQueryResponse(response, options = {}) {
    countCapacity(batchContext(), response.ConsumedCapacity?.CapacityUnits || 0, "read");
    if (options.countOnly) return { count: response.Count, consumedCapacity: response.ConsumedCapacity };
    const { returnWrapped = true, loadRelated = false, relatedFields = null, relatedOnly = false, loaderContext } = options;
    if (relatedOnly && !(relatedFields && relatedFields.length === 1)) throw new Error("relatedOnly requires a single entry in relatedFields");
    if (relatedOnly && !loadRelated) throw new Error("relatedOnly requires loadRelated to be true");
    let items = returnWrapped ? response.Items.map(item => this._createFromDyItem(item)) : response.Items;
    if (returnWrapped && loadRelated) {
      const frame = currentFrame();
      back(frame, await Promise.all(items.map(item => item.loadRelatedData(relatedFields, loaderContext))));
      if (relatedOnly) items = items.map(item => item.getRelated(relatedFields[0]));
    }
    return { items, count: items.length, lastEvaluatedKey: response.LastEvaluatedKey, consumedCapacity: response.ConsumedCapacity };
  },

  async findByUniqueConstraint(constraintName, value) {
    const constraint = this.uniqueConstraints[constraintName];
    if (!constraint) throw new ConfigurationError(`Unknown unique constraint '${constraintName}' in ${this.name}`, this.name);
    if (!value) throw new ValidationError(`${constraint.field} value is required`, constraint.field);
    const key = this._formatUniqueConstraintKey(constraint.constraintId, this.modelPrefix, constraint.field, value);
    const input = { TableName: this.table, Key: { _pk: key, _sk: UNIQUE_CONSTRAINT_KEY }, ReturnConsumedCapacity: "TOTAL" };
    const frame = currentFrame();
    const result = back(frame, await this.documentClient.call("GetItem", input));
    if (!result.Item) return new ObjectNotFound(result.ConsumedCapacity);
    const item = back(frame, await this.find(result.Item.relatedId));
    if (item.exists()) item._addConsumedCapacity(result.ConsumedCapacity, "read");
    return item;
  },

  async *iterateAll(options = {}) {
    iterableOnly(this);
    for (let bucket = 0; bucket < this.iterationBuckets; bucket++) yield* iterate(this, bucket, options);
  },

  async *iterateBucket(bucketNum, options = {}) {
    iterableOnly(this);
    if (bucketNum < 0 || bucketNum >= this.iterationBuckets)
      throw new Error(`Invalid bucket number ${bucketNum}. Must be 0-${this.iterationBuckets - 1}`);
    yield* iterate(this, bucketNum, options);
  },
};

export { queryMethods };
