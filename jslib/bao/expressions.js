// Conditions and filters as the table reads them.

import { QueryError, ValidationError } from "bao/exceptions";

const COMPARISONS = { __proto__: null, $eq: "=", $ne: "<>", $gt: ">", $gte: ">=", $lt: "<", $lte: "<=" };
const FUNCTIONS = { __proto__: null, $contains: "contains", $beginsWith: "begins_with" };
const LOGICAL = ["$and", "$or", "$not"];

function isOperators(value) {
  return value && typeof value === "object" && !Array.isArray(value) && !(value instanceof Date);
}

class Names {
  constructor() {
    this.names = {};
    this.values = {};
    this.nameCount = 0;
    this.valueCount = 0;
  }

  generateName(fieldName) {
    const key = `#n${++this.nameCount}`;
    this.names[key] = fieldName;
    return key;
  }

  generateValue(value) {
    const key = `:v${++this.valueCount}`;
    this.values[key] = value;
    return key;
  }
}

class FilterExpressionBuilder extends Names {
  #size(name, value) {
    if (typeof value === "number") return `size(${name}) = ${this.generateValue(value)}`;
    if (typeof value !== "object" || value === null) throw new ValidationError("$size operator requires a number or object with comparison operators");
    const operators = Object.keys(value);
    if (operators.length !== 1) throw new ValidationError("$size operator with object value must have exactly one comparison operator");
    const [operator] = operators, size = value[operator];
    if (typeof size !== "number") throw new ValidationError("$size operator requires a numeric value");
    if (COMPARISONS[operator] === undefined) throw new ValidationError(`Unsupported size comparison operator: ${operator}`);
    return `size(${name}) ${COMPARISONS[operator]} ${this.generateValue(size)}`;
  }

  // What is negated is negated whole: NOT binds more tightly than AND.
  #negation(filter, model) {
    const inner = this.buildFilterExpression(filter, model), parts = Object.entries(filter);
    const single = parts.length === 1 && (LOGICAL.includes(parts[0][0]) || !isOperators(parts[0][1]) || Object.keys(parts[0][1]).length === 1);
    return single ? `NOT ${inner}` : `NOT (${inner})`;
  }

  buildComparison(fieldName, operator, value, model) {
    const name = this.generateName(fieldName);
    const converted = () => this.generateValue(model.fields[fieldName].toDy(value));
    if (COMPARISONS[operator] !== undefined) return `${name} ${COMPARISONS[operator]} ${converted()}`;
    if (FUNCTIONS[operator] !== undefined) return `${FUNCTIONS[operator]}(${name}, ${converted()})`;
    if (operator === "$size") return this.#size(name, value);
    if (operator === "$in") {
      if (!Array.isArray(value)) throw new ValidationError("$in operator requires an array value");
      return `${name} IN (${value.map(one => this.generateValue(one)).join(", ")})`;
    }
    if (operator !== "$exists") throw new QueryError(`Unsupported operator: ${operator}`);
    if (typeof value !== "boolean") throw new ValidationError("$exists operator requires a boolean value");
    return value ? `attribute_exists(${name})` : `attribute_not_exists(${name})`;
  }

  buildFieldExpression(fieldName, condition, model) {
    if (condition === null) return `attribute_not_exists(${this.generateName(fieldName)})`;
    if (typeof condition !== "object" || condition instanceof Date) return this.buildComparison(fieldName, "$eq", condition, model);
    const operators = Object.keys(condition);
    if (operators.length === 0) throw new QueryError(`Empty condition object for field: ${fieldName}`);
    return operators.map(operator => this.buildComparison(fieldName, operator, condition[operator], model)).join(" AND ");
  }

  buildLogicalExpression(operator, conditions, model) {
    if (!Array.isArray(conditions)) throw new QueryError(`${operator} requires an array of conditions`);
    const parts = conditions.map(condition => this.buildFilterExpression(condition, model));
    return `(${parts.join(operator === "$and" ? " AND " : " OR ")})`;
  }

  buildFilterExpression(filter, model) {
    if (!filter || Object.keys(filter).length === 0) return null;
    const parts = [];
    for (const [key, value] of Object.entries(filter)) {
      if (key === "$and" || key === "$or") parts.push(this.buildLogicalExpression(key, value, model));
      else if (key === "$not") parts.push(this.#negation(value, model));
      else parts.push(this.buildFieldExpression(key, value, model));
    }
    return parts.join(" AND ");
  }

  build(filter, model) {
    this.validateFields(filter, model);
    const FilterExpression = this.buildFilterExpression(filter, model);
    if (!FilterExpression) return null;
    return { FilterExpression, ExpressionAttributeNames: this.names, ExpressionAttributeValues: this.values };
  }

  validateFields(filter, model) {
    for (const [key, value] of Object.entries(filter)) {
      if (LOGICAL.includes(key)) {
        for (const part of Array.isArray(value) ? value : [value]) this.validateFields(part, model);
        continue;
      }
      if (!model.fields[key]) throw new QueryError(`Unknown field in filter: ${key}`);
      if (!isOperators(value)) continue;
      for (const operator of Object.keys(value))
        if (COMPARISONS[operator] === undefined && FUNCTIONS[operator] === undefined && !["$in", "$exists", "$size"].includes(operator))
          throw new QueryError(`Invalid operator ${operator} for field ${key}`);
    }
  }
}

// A filter or condition as it goes into a request's parameters, beside what is there.
function addFilter(params, filter, model, key) {
  const made = new FilterExpressionBuilder().build(filter, model);
  if (made === null) return;
  params[key] = made.FilterExpression;
  params.ExpressionAttributeNames = { ...params.ExpressionAttributeNames, ...made.ExpressionAttributeNames };
  // An expression without values must come without the parameter.
  const values = { ...params.ExpressionAttributeValues, ...made.ExpressionAttributeValues };
  if (Object.keys(values).length > 0) params.ExpressionAttributeValues = values;
}

class KeyConditionBuilder extends Names {
  buildKeyCondition(model, indexName, condition, sortKeyName) {
    if (!condition || typeof condition !== "object") throw new QueryError("Invalid condition format");
    const [[fieldName, wanted]] = Object.entries(condition);
    const index = indexName === "primary" ? model.primaryKey : model.indexes[indexName];
    if (!index || index.sk !== fieldName) throw new QueryError(`Field "${fieldName}" is not the sort key for index "${indexName}"`, indexName, fieldName);
    const field = model._getField(fieldName), names = { "#sk": sortKeyName };
    const single = (text, value) => ({ condition: text, names, values: { ":sortKeyValue": field.toGsi(value) } });
    if (typeof wanted !== "object" || wanted === null || wanted instanceof Date) {
      if (wanted === undefined) throw new QueryError("Sort key condition value cannot be undefined");
      return single("#sk = :sortKeyValue", wanted);
    }
    const [operator] = Object.keys(wanted), value = wanted[operator];
    if (operator === "$beginsWith") return single("begins_with(#sk, :sortKeyValue)", value);
    if (operator !== "$between" && operator !== "$ne" && COMPARISONS[operator] !== undefined) return single(`#sk ${COMPARISONS[operator]} :sortKeyValue`, value);
    if (operator !== "$between") throw new QueryError(`Unsupported sort key operator: ${operator}`);
    if (!Array.isArray(value) || value.length !== 2) throw new QueryError("$between requires an array with exactly 2 elements");
    return {
      condition: "#sk BETWEEN :sortKeyStart AND :sortKeyEnd",
      names,
      values: { ":sortKeyStart": field.toGsi(value[0]), ":sortKeyEnd": field.toGsi(value[1]) },
    };
  }
}

export { FilterExpressionBuilder, KeyConditionBuilder, addFilter };
