// Types of dynamo-bao and selvage:bao. Written beside the manifest by `selvage bao codegen`.

declare module "selvage:bao" {
  type Id = string | Record<string, unknown>;
  type Condition = Record<string, unknown>;
  type Capacity = { TableName?: string; CapacityUnits?: number };
  type Constructor<T> = (new (...args: any[]) => T) & typeof BaoModel;

  export interface FindOptions {
    /** Milliseconds to wait for other finds of the same batch; 0: none is waited for. */
    batchDelay?: number;
    bypassCache?: boolean;
    loaderContext?: object;
  }
  export interface SaveOptions {
    condition?: Condition;
    forceReindex?: boolean;
  }
  export interface QueryOptions {
    limit?: number;
    direction?: "ASC" | "DESC";
    startKey?: Record<string, unknown> | null;
    countOnly?: boolean;
    filter?: Condition;
    returnWrapped?: boolean;
    loadRelated?: boolean;
    relatedFields?: string[] | null;
    relatedOnly?: boolean;
    loaderContext?: object;
  }
  export interface QueryResult<T> {
    items: T[];
    count: number;
    lastEvaluatedKey?: Record<string, unknown>;
    consumedCapacity?: Capacity;
  }
  export class ObjectNotFound {
    consumedCapacity?: Capacity;
    exists(): this is never;
    getNumericConsumedCapacity(type: "read" | "write" | "total", includeRelated?: boolean): number;
  }

  export class BaoModel {
    static modelPrefix: string;
    static table: string;
    static iterable: boolean;
    static iterationBuckets: number;
    static defaultQueryLimit: number;
    constructor(values?: object);
    static find<T extends BaoModel>(this: Constructor<T>, id: Id, options?: FindOptions): Promise<T | ObjectNotFound>;
    /** selvage:bao alone. */
    static findByPrimaryKey<T extends BaoModel>(this: Constructor<T>, pk: unknown, sk?: unknown, options?: FindOptions): Promise<T | ObjectNotFound>;
    static batchFind<T extends BaoModel>(this: Constructor<T>, ids: Id[]): Promise<{ items: Record<string, T>; ConsumedCapacity: Capacity[] }>;
    static create(values: any): Promise<any>;
    static update<T extends BaoModel>(this: Constructor<T>, id: Id, changes: object, options?: SaveOptions): Promise<T>;
    static delete<T extends BaoModel>(this: Constructor<T>, id: Id, options?: { condition?: Condition }): Promise<T>;
    static queryByPrimaryKey<T extends BaoModel>(this: Constructor<T>, pk: unknown, skCondition?: Condition | null, options?: QueryOptions): Promise<QueryResult<T>>;
    static queryByIndex<T extends BaoModel>(this: Constructor<T>, index: string, pk: unknown, skCondition?: Condition | null, options?: QueryOptions): Promise<QueryResult<T>>;
    static findByUniqueConstraint<T extends BaoModel>(this: Constructor<T>, name: string, value: string): Promise<T | ObjectNotFound>;
    static iterateAll<T extends BaoModel>(this: Constructor<T>, options?: { batchSize?: number; filter?: Condition }): AsyncGenerator<T[]>;
    static iterateBucket<T extends BaoModel>(this: Constructor<T>, bucket: number, options?: { batchSize?: number; filter?: Condition }): AsyncGenerator<T[]>;
    static getIterationBuckets(): number;
    static makePrimaryId(pk: string, sk?: string): string;
    static getPrimaryId(values: object): string;
    static isInsideBatchContext(): boolean;
    static registerPlugin(plugin: object): void;
    save(options?: SaveOptions): Promise<this>;
    exists(): this is this;
    hasChanges(): boolean;
    isLoaded(): boolean;
    getPrimaryId(): string;
    loadRelatedData(fields?: string[] | null, loaderContext?: object): Promise<this>;
    getRelated(field: string): any;
    getOrLoadRelatedField(field: string, loaderContext?: object): Promise<any>;
    clearRelatedCache(field: string): void;
    getNumericConsumedCapacity(type: "read" | "write" | "total", includeRelated?: boolean): number;
    getConsumedCapacity(): object[];
    clearConsumedCapacity(): void;
  }

  export class ModelManager {
    models: Record<string, typeof BaoModel>;
    static getInstance(tenantId?: string | null): ModelManager;
    getModel(name: string): typeof BaoModel;
    getModels(): (typeof BaoModel)[];
    listModels(): string[];
    getTenantId(): string | null;
    isTenancyEnabled(): boolean;
    readonly tableName: string;
  }
  export class TenantContext {
    static setCurrentTenant(tenantId: string): ModelManager;
    static getCurrentTenant(): string | null;
    static addResolver(resolver: () => string | null | undefined): void;
    static runWithTenant<T>(tenantId: string, fn: () => T): T;
    static withTenant<T>(tenantId: string, fn: () => T): T;
    static clearTenant(): void;
    static clearResolvers(): void;
    static reset(): void;
  }

  export interface BaoConfig {
    models?: Record<string, any>;
    aws?: { region?: string; endpoint?: string; credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } };
    db?: { tableName?: string };
    logging?: { level?: "OFF" | "ERROR" | "WARN" | "INFO" | "DEBUG" };
    tenancy?: { enabled?: boolean };
    batchContext?: { requireBatchContext?: boolean };
    /** selvage:bao alone: milliseconds that finds of a batch wait; the end of the turn when absent. */
    batchDelay?: number;
    /** selvage:bao alone: behave as dynamo-bao does also where it errs. */
    compatible?: boolean;
    testId?: string;
    [key: string]: unknown;
  }
  export function initModels(config?: BaoConfig): ModelManager & { models: any };
  export function runWithBatchContext<T>(fn: () => T): T;
  export function getBatchContextCapacity(): { read: number; write: number };
  export function PrimaryKeyConfig(pk: string, sk?: string): object;
  export function IndexConfig(pk: string, sk: string, indexId: string): object;
  export function UniqueConstraintConfig(field: string, constraintId: string): object;
  export const fields: Record<string, any>;
  export const constants: Record<string, any>;
  export const exceptions: Record<string, any>;
  export const models: Record<string, typeof BaoModel>;
}

declare module "dynamo-bao" {
  export * from "selvage:bao";
}
declare module "dynamo-bao/src/model.js" {
  export * from "selvage:bao";
}
declare module "dynamo-bao/src/fields.js" {
  export function StringField(options?: object): any;
  export function DateTimeField(options?: object): any;
  export function CreateDateField(options?: object): any;
  export function ModifiedDateField(options?: object): any;
  export function UlidField(options?: object): any;
  export function RelatedField(model: string, options?: object): any;
  export function IntegerField(options?: object): any;
  export function FloatField(options?: object): any;
  export function CounterField(options?: object): any;
  export function BinaryField(options?: object): any;
  export function VersionField(options?: object): any;
  export function BooleanField(options?: object): any;
  export function TtlField(options?: object): any;
  export function StringSetField(options?: object): any;
}
declare module "dynamo-bao/src/constants.js" {
  export const GSI_INDEX_ID1: "gsi1", GSI_INDEX_ID2: "gsi2", GSI_INDEX_ID3: "gsi3", GSI_INDEX_ID4: "gsi4", GSI_INDEX_ID5: "gsi5";
  export const UNIQUE_CONSTRAINT_ID1: "_uc1", UNIQUE_CONSTRAINT_ID2: "_uc2", UNIQUE_CONSTRAINT_ID3: "_uc3";
}
