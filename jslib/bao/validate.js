// What is wrong with the definition of a model.

import { CONSTRAINT_IDS, INDEX_IDS, PREFIX } from "bao/constants";
import { ConfigurationError } from "bao/exceptions";
import { StringSetField, TtlField } from "bao/fields";
import { PrimaryKeyConfigClass } from "bao/keys";

function refuse(Model, text) {
  throw new ConfigurationError(text, Model.name);
}

function checkFields(Model) {
  for (const [name, field] of Object.entries(Model.fields)) {
    if (field instanceof TtlField && name !== "ttl") refuse(Model, `TtlField must be named 'ttl', found '${name}' in ${Model.name}`);
  }
  // What an item is found by must be there.
  Model._getField(Model.primaryKey.pk).required = true;
  if (Model.primaryKey.sk !== PREFIX) Model._getField(Model.primaryKey.sk).required = true;
  for (const name of Object.keys(Model.fields)) {
    if (name.startsWith("_")) refuse(Model, `Field name '${name}' in ${Model.name} cannot start with underscore`);
  }
}

function checkIndex(Model, name, index) {
  if (name.startsWith("_")) refuse(Model, `Index name '${name}' in ${Model.name} cannot start with underscore`);
  for (const part of [index.pk, index.sk])
    if (part !== PREFIX && part.startsWith("_")) refuse(Model, `Index '${name}' references invalid field '${part}' (cannot start with underscore)`);
  const primary = index instanceof PrimaryKeyConfigClass && index.pk === Model.primaryKey.pk && index.sk === Model.primaryKey.sk;
  if (index.indexId !== undefined && !INDEX_IDS.includes(index.indexId) && !primary) refuse(Model, `Invalid index ID ${index.indexId} in ${Model.name}`);
  if (Model._getField(index.pk) instanceof StringSetField)
    refuse(Model, `StringSetField '${index.pk}' cannot be used as partition key in index '${name}' in ${Model.name}`);
  if (Model._getField(index.sk) instanceof StringSetField)
    refuse(Model, `StringSetField '${index.sk}' cannot be used as sort key in index '${name}' in ${Model.name}`);
}

function checkIteration(Model) {
  if (!Object.hasOwn(Model, "iterable")) {
    Model.iterable = false;
    return;
  }
  if (typeof Model.iterable !== "boolean") refuse(Model, `iterable must be a boolean in ${Model.name}`);
  if (!Model.iterable) return;
  if (!Object.hasOwn(Model, "iterationBuckets")) Model.iterationBuckets = 100;
  const { iterationBuckets: n } = Model;
  if (!Number.isInteger(n) || n < 1 || n > 1000) refuse(Model, `iterationBuckets must be an integer between 1 and 1000 in ${Model.name}`);
}

function checkConstraints(Model) {
  for (const constraint of Object.values(Model.uniqueConstraints || {})) {
    if (!CONSTRAINT_IDS.includes(constraint.constraintId)) refuse(Model, `Invalid constraint ID ${constraint.constraintId} in ${Model.name}`);
    Model._getField(constraint.field);
  }
}

// A static method of models.
export function validateConfiguration() {
  if (!this.modelPrefix) refuse(this, `${this.name} must define a modelPrefix`);
  if (!this.primaryKey) refuse(this, `${this.name} must define a primaryKey`);
  checkFields(this);
  for (const [name, index] of Object.entries(this.indexes)) checkIndex(this, name, index);
  checkIteration(this);
  checkConstraints(this);
}
