// Which fields make the keys of a table, of an index, of a unique constraint.

class PrimaryKeyConfigClass {
  constructor(pk, sk = "modelPrefix") {
    this.pk = pk;
    this.sk = sk;
  }

  getPkFieldName() {
    return "_pk";
  }

  getSkFieldName() {
    return "_sk";
  }
}

class IndexConfigClass {
  constructor(pk, sk, indexId) {
    this.pk = pk;
    this.sk = sk;
    this.indexId = indexId;
  }

  getIndexName() {
    return this.indexId;
  }

  getPkFieldName() {
    return `_${this.indexId}_pk`;
  }

  getSkFieldName() {
    return `_${this.indexId}_sk`;
  }
}

class UniqueConstraintConfigClass {
  constructor(field, constraintId) {
    this.field = field;
    this.constraintId = constraintId;
  }
}

export { IndexConfigClass, PrimaryKeyConfigClass, UniqueConstraintConfigClass };

export function PrimaryKeyConfig(pk, sk) {
  return new PrimaryKeyConfigClass(pk, sk);
}

export function IndexConfig(pk, sk, indexId) {
  return new IndexConfigClass(pk, sk, indexId);
}

export function UniqueConstraintConfig(field, constraintId) {
  return new UniqueConstraintConfigClass(field, constraintId);
}
