// What the table needs to know of a model so that keys, values and expressions are made there (src/dynamo/model.h): the plan, a
// text that goes with each task. A model with code of its own where the table has its own has no plan, and neither has one whose client
// is another or goes elsewhere; what is asked of those is made in JavaScript.

import { DynamoDBDocumentClient } from "bao/client";
import { fields as library } from "bao/fields";

// How each class of fields stores and encodes (slv_dyn_kind).
const kinds = new Map();
const METHODS = ["toDy", "toGsi", "getUpdateExpression"];
for (const [name, kind] of Object.entries({
  StringField: "S",
  VersionField: "S",
  UlidField: "U",
  RelatedField: "U",
  DateTimeField: "D",
  CreateDateField: "D",
  ModifiedDateField: "O",
  TtlField: "O",
  BinaryField: "O",
  IntegerField: "I",
  FloatField: "F",
  CounterField: "C",
  BooleanField: "B",
  StringSetField: "X",
})) {
  const { prototype } = library[`${name}Class`];
  kinds.set(prototype, { kind, methods: METHODS.map(method => prototype[method]) });
}

const KEY_METHODS = [
  "_getField",
  "_keyValue",
  "_getPkValue",
  "_getSkValue",
  "_tenantKey",
  "_formatPrimaryKey",
  "_formatGsiKey",
  "_formatUniqueConstraintKey",
  "_getDyKeyForPkSk",
  "_getPrimaryKeyValues",
  "makePrimaryId",
  "getPrimaryId",
  "_parsePrimaryId",
  "_hashObjectId",
  "_iterationPartition",
  "_getIterationKeys",
  "_createNewPrimaryId",
  "_getBaseQueryParams",
];

// null: code of the program's.
function kindOf(field) {
  const known = kinds.get(Object.getPrototypeOf(field));
  if (known === undefined || METHODS.some((method, i) => field[method] !== known.methods[i])) return null;
  return known.kind === "F" && field.options.precision !== undefined ? "P" : known.kind;
}

function linesOf(Model, manager) {
  const { table, modelPrefix, primaryKey, fields, indexes, uniqueConstraints, iterable, iterationBuckets } = Model;
  const { BaoModel } = load("bao/model"), tenant = manager.getTenantId() || "";
  if (KEY_METHODS.some(method => Model[method] !== BaoModel[method]) || manager.tableName !== table) return null;
  const lines = [[table, tenant, modelPrefix, primaryKey.pk, primaryKey.sk, iterable ? iterationBuckets : 0, Model.name, manager.getTestId() || ""]];
  for (const { indexId, pk, sk } of Object.values(indexes)) if (indexId !== undefined) lines.push(["i", indexId, pk, sk]);
  for (const { constraintId, field } of Object.values(uniqueConstraints || {})) lines.push(["u", constraintId, field]);
  for (const [name, field] of Object.entries(fields)) {
    const kind = kindOf(field);
    if (kind === null) return null;
    lines.push(["f", kind, name]);
  }
  for (const column of lines.flat()) if (/[\t\n]/.test(column)) return null;
  return lines;
}

class Plan {
  constructor(Model, manager) {
    this.of = [Model.table, Model.fields, Model.indexes, Model.uniqueConstraints, Model.primaryKey, Model.modelPrefix, Model.iterable, Model.iterationBuckets];
    const lines = linesOf(Model, manager);
    this.usable = lines !== null;
    this.head = this.usable ? lines[0].join("\t") : "";
    this.text = this.usable ? lines.map(line => line.join("\t")).join("\n") : "";
    const names = Object.keys(Model.fields);
    this.unique = Object.values(Model.uniqueConstraints || {}).map(({ field }) => field);
    this.compared = [...this.unique, ...names.filter(name => Model.fields[name] instanceof library.StringSetFieldClass)];
    this.key = [Model.primaryKey?.pk, Model.primaryKey?.sk].filter(name => name !== undefined && Model.fields[name] !== undefined);
  }

  // Still the plan of a model that may have been changed.
  holds(Model) {
    const { of } = this;
    return (
      of[0] === Model.table &&
      of[1] === Model.fields &&
      of[2] === Model.indexes &&
      of[3] === Model.uniqueConstraints &&
      of[4] === Model.primaryKey &&
      of[5] === Model.modelPrefix &&
      of[6] === Model.iterable &&
      of[7] === Model.iterationBuckets
    );
  }
}

const clientCall = DynamoDBDocumentClient.prototype.call;

// The plan of a model for the tenant of now; null: it has none.
export function planOf(Model) {
  const { documentClient } = Model;
  if (documentClient?.call !== clientCall || !documentClient.isLocal) return null;
  const { manager } = Model, scope = manager.scopeOf(Model);
  let { plan } = scope;
  if (plan === undefined || !plan.holds(Model)) plan = scope.plan = new Plan(Model, manager);
  return plan.usable ? plan : null;
}
