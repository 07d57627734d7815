// What goes wrong, as classes: exceptions of selvage:bao.

class BaoError extends Error {
  constructor(message, code = null) {
    super(message);
    this.name = this.constructor.name;
    this.code = code;
  }
}

class ConfigurationError extends BaoError {
  constructor(message, modelName = null) {
    super(message);
    this.modelName = modelName;
  }
}

class ValidationError extends BaoError {
  constructor(message, fieldName = null, value = null) {
    super(message);
    this.fieldName = fieldName;
    this.value = value;
  }
}

class QueryError extends BaoError {
  constructor(message, indexName = null, fieldName = null) {
    super(message);
    this.indexName = indexName;
    this.fieldName = fieldName;
  }
}

class ItemNotFoundError extends BaoError {
  constructor(message = "Item not found", primaryId = null) {
    super(message);
    this.primaryId = primaryId;
  }
}

class ConditionalError extends BaoError {
  constructor(message, operation = null, condition = null) {
    super(message);
    this.operation = operation;
    this.condition = condition;
  }
}

class DataFormatError extends BaoError {
  constructor(message, data = null, expectedFormat = null) {
    super(message);
    this.data = data;
    this.expectedFormat = expectedFormat;
  }
}

export { BaoError, ConfigurationError, ValidationError, QueryError, ItemNotFoundError, ConditionalError, DataFormatError };
