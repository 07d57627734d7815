// Fields: how a value looks to the program (fromDy), in the table (toDy) and as part of a key (toGsi, which sorts as text).

import { ValidationError } from "bao/exceptions";
import { checkUlid, ulid } from "bao/ulid";

const RELATIVE = /^[+-]\d+$/;

function invalid(message, value) {
  return new ValidationError(message, null, value);
}

function called(value) {
  return typeof value === "function" ? value() : value;
}

// The parts of an update: a name and a value under the field's own name.
function update(type, fieldName, fieldValue) {
  const name = `#${fieldName}`, key = `:${fieldName}`;
  const expression = type === "REMOVE" ? name : type === "SET" ? `${name} = ${key}` : `${name} ${key}`;
  return { type, expression, attrNameKey: name, attrValueKey: key, fieldName, fieldValue };
}

function digits(value) {
  return value !== null && value !== undefined ? value.toString().padStart(20, "0") : "";
}

class BaoBaseField {
  constructor(options = {}) {
    this.options = options;
    this.required = options.required || false;
    this.defaultValue = options.defaultValue;
  }

  getInitialValue() {
    return this.defaultValue ? called(this.defaultValue) : undefined;
  }

  validate(value) {
    if (this.required && (value === null || value === undefined)) throw invalid("Field is required", value);
    return true;
  }

  toDy(value) {
    return value;
  }

  fromDy(value) {
    return value;
  }

  toGsi(value) {
    return String(value);
  }

  fromGsi(value) {
    return this.fromDy(value);
  }

  getUpdateExpression(fieldName, value) {
    if (value === undefined) return null;
    return value === null ? update("REMOVE", fieldName, null) : update("SET", fieldName, value);
  }

  updateBeforeSave(value) {
    return value;
  }
}

class StringField extends BaoBaseField {
  validate(value) {
    if (this.required && !value) throw invalid("Field is required", value);
    if (value && this.maxLength && value.length > this.maxLength) throw invalid(`Value exceeds maximum length of ${this.maxLength}`, value);
    return true;
  }
}

class DateTimeField extends BaoBaseField {
  validate(value) {
    if (this.required && value === undefined) throw invalid("Field is required", value);
    if (value !== undefined && !(value instanceof Date) && typeof value !== "number" && typeof value !== "string")
      throw invalid("DateTimeField value must be a Date object, timestamp number, or ISO string", value);
  }

  toDy(value) {
    if (!value) return null;
    if (value instanceof Date) return value.getTime();
    if (typeof value === "string") return new Date(value).getTime();
    return typeof value === "number" ? value : null;
  }

  fromDy(value) {
    return value ? new Date(Number(value)) : null;
  }

  toGsi(value) {
    const time = value ? this.toDy(value) : 0;
    return time ? digits(time) : "0";
  }
}

class CreateDateField extends DateTimeField {
  constructor(options = {}) {
    super({ ...options, required: true });
  }

  getInitialValue() {
    return new Date();
  }

  toDy(value) {
    if (!value) return Date.now();
    return value instanceof Date ? value.getTime() : value;
  }
}

class ModifiedDateField extends DateTimeField {
  constructor(options = {}) {
    super({ ...options, required: true });
  }

  getInitialValue() {
    return new Date();
  }

  toDy() {
    return Date.now();
  }

  updateBeforeSave() {
    return Date.now();
  }
}

class IntegerField extends BaoBaseField {
  getInitialValue() {
    return this.options.defaultValue !== undefined ? this.options.defaultValue : null;
  }

  toDy(value) {
    return value === undefined || value === null ? this.getInitialValue() : Number(value);
  }

  fromDy(value) {
    return value === undefined || value === null ? this.getInitialValue() : parseInt(value, 10);
  }

  toGsi(value) {
    return digits(value);
  }
}

class FloatField extends IntegerField {
  toDy(value) {
    if (value === undefined || value === null) return this.getInitialValue();
    const number = Number(value), { precision } = this.options;
    return precision !== undefined && !isNaN(number) ? Number(number.toFixed(precision)) : number;
  }

  fromDy(value) {
    return value === undefined || value === null ? this.getInitialValue() : parseFloat(value);
  }

  toGsi(value) {
    return value !== null && value !== undefined ? value.toExponential(20) : "";
  }
}

class CounterField extends BaoBaseField {
  constructor(options = {}) {
    super(options);
    this.defaultValue = options.defaultValue || 0;
  }

  validate(value) {
    super.validate(value);
    if (value === undefined || (typeof value === "string" && RELATIVE.test(value)) || Number.isInteger(value)) return true;
    throw invalid("CounterField value must be an integer", value);
  }

  getInitialValue() {
    return this.defaultValue;
  }

  fromDy(value) {
    return value === undefined || value === null ? this.getInitialValue() : parseInt(value, 10);
  }

  // "+1" and "-1" are added by the table, whatever stands there.
  getUpdateExpression(fieldName, value) {
    if (typeof value === "string" && (value.startsWith("+") || value.startsWith("-"))) return update("ADD", fieldName, parseInt(value, 10));
    return super.getUpdateExpression(fieldName, value);
  }

  toGsi(value) {
    return digits(value);
  }
}

class BinaryField extends BaoBaseField {
  getInitialValue() {
    return this.defaultValue ? called(this.defaultValue) : null;
  }

  validate(value) {
    super.validate(value);
    if (value !== undefined && value !== null && !(value instanceof Uint8Array)) throw invalid("BinaryField value must be a Buffer or Uint8Array", value);
    return true;
  }

  toDy(value) {
    return value || null;
  }

  fromDy(value) {
    return value || null;
  }

  toGsi(value) {
    throw invalid("BinaryField does not support GSI conversion", value);
  }
}

class UlidField extends BaoBaseField {
  constructor(options = {}) {
    super({ ...options, required: true });
    this.autoAssign = options.autoAssign || false;
  }

  getInitialValue() {
    return this.autoAssign ? ulid() : super.getInitialValue();
  }

  validate(value) {
    if (value) checkUlid(value);
    else if (!this.autoAssign) throw invalid("ULID is required", value);
    return true;
  }

  toGsi(value) {
    return value || "";
  }
}

class VersionField extends BaoBaseField {
  constructor(options = {}) {
    super({ ...options, required: true });
    this.defaultValue = options.defaultValue || ulid;
  }

  validate(value) {
    super.validate(value);
    if (value !== undefined && (typeof value !== "string" || value.length !== 26)) throw invalid("VersionField value must be a valid ULID", value);
    return true;
  }

  getInitialValue() {
    return called(this.defaultValue);
  }

  updateBeforeSave() {
    return ulid();
  }

  fromDy(value) {
    return value || this.getInitialValue();
  }

  toDy(value) {
    return value || this.getInitialValue();
  }
}

class RelatedField extends BaoBaseField {
  constructor(modelName, options = {}) {
    super(options);
    this.modelName = modelName;
  }

  validate(value) {
    if (this.required && !value) throw invalid("Field is required", value);
    if (value && typeof value !== "string" && typeof value.getPrimaryId !== "function")
      throw invalid("Related field value must be a string ID or model instance", value);
    return true;
  }

  toDy(value) {
    if (!value) return null;
    return typeof value === "object" && value.getPrimaryId ? value.getPrimaryId() : value;
  }

  toGsi(value) {
    return this.toDy(value) || "";
  }
}

class BooleanField extends BaoBaseField {
  validate(value) {
    super.validate(value);
    if (value !== undefined && value !== null && typeof value !== "boolean") throw invalid("BooleanField value must be a boolean", value);
    return true;
  }

  getInitialValue() {
    return this.defaultValue !== undefined ? this.defaultValue : null;
  }

  toDy(value) {
    return value === undefined || value === null ? this.getInitialValue() : Boolean(value);
  }

  fromDy(value) {
    return this.toDy(value);
  }

  toGsi(value) {
    if (value === undefined || value === null) return "";
    return value ? "1" : "0";
  }
}

// Seconds: what the table's time to live reads.
class TtlField extends DateTimeField {
  validate(value) {
    return value === null || value === undefined ? true : super.validate(value);
  }

  toDy(value) {
    if (value === undefined || value === null) return value;
    const time = value instanceof Date ? value.getTime() : new Date(value).getTime();
    if (isNaN(time) && !(value instanceof Date)) throw invalid("Invalid date value provided for TTL field", value);
    return Math.floor(time / 1000);
  }

  fromDy(value) {
    return value === undefined || value === null ? null : new Date(value * 1000);
  }
}

const MUTATORS = ["add", "delete", "clear"];

class StringSetField extends BaoBaseField {
  constructor(options = {}) {
    super(options);
    this.maxStringLength = options.maxStringLength;
    this.maxMemberCount = options.maxMemberCount;
  }

  validate(value) {
    super.validate(value);
    if (value === null || value === undefined) return true;
    if (!(value instanceof Set) && !Array.isArray(value)) throw invalid("StringSetField value must be a Set or Array", value);
    const members = new Set(value);
    if (this.maxMemberCount && members.size > this.maxMemberCount) throw invalid(`StringSet exceeds maximum member count of ${this.maxMemberCount}`, value);
    for (const member of members) {
      if (typeof member !== "string") throw invalid("StringSetField can only contain string values", value);
      if (this.maxStringLength && member.length > this.maxStringLength)
        throw invalid(`String in set exceeds maximum length of ${this.maxStringLength}`, value);
    }
    return true;
  }

  getInitialValue() {
    return new Set();
  }

  // What is no set is the value of a condition.
  toDy(value) {
    if (value === undefined || value === null || typeof value === "string" || typeof value === "number") return value;
    if (typeof value !== "object") throw invalid("StringSetField value must be a Set or Array", value);
    if (!(value instanceof Set) && !Array.isArray(value)) return value;
    const members = [...new Set(value)];
    return members.length === 0 ? null : members;
  }

  // Of an instance: a set whose changes are the instance's.
  fromDy(value, instance = null, fieldName = null) {
    const set = new Set(Array.isArray(value) ? value : []);
    if (!instance || !fieldName) return set;
    const field = this;
    return new Proxy(set, {
      get(target, name) {
        const member = target[name];
        if (typeof member !== "function") return member;
        if (!MUTATORS.includes(name)) return member.bind(target);
        return (...args) => {
          const result = member.apply(target, args);
          instance._store(fieldName, field.toDy(target));
          return result;
        };
      },
    });
  }

  toGsi(value) {
    throw invalid("StringSetField does not support GSI conversion (sets cannot be indexed)", value);
  }

  // What differs from the members of before is added or deleted; when both are, the set is written whole.
  getUpdateExpression(fieldName, value, before) {
    if (value === undefined) return null;
    if (value === null) return { ...update("REMOVE", fieldName, null), attrValueKey: null };
    const now = Array.isArray(value) ? value : [value], then = Array.isArray(before) ? before : [];
    if (then.length === 0) return update("SET", fieldName, now);
    const added = now.filter(member => !then.includes(member)), deleted = then.filter(member => !now.includes(member));
    if (added.length > 0 && deleted.length > 0) return update("SET", fieldName, now);
    if (added.length > 0) return update("ADD", fieldName, added);
    return deleted.length > 0 ? update("DELETE", fieldName, deleted) : null;
  }
}

const classes = {
  StringField,
  DateTimeField,
  CreateDateField,
  ModifiedDateField,
  UlidField,
  RelatedField,
  IntegerField,
  FloatField,
  CounterField,
  BinaryField,
  VersionField,
  BooleanField,
  TtlField,
  StringSetField,
};

// Each name is a function that makes a field; the class has the suffix "Class".
const fields = {};
for (const name in classes) {
  const Field = classes[name];
  fields[name] = name === "RelatedField" ? (modelName, options) => new Field(modelName, options) : options => new Field(options);
}
for (const name in classes) fields[`${name}Class`] = classes[name];

export { RelatedField, StringField, StringSetField, TtlField, fields };
