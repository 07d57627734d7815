/*
 * request.h - a request of the DynamoDB API, read and checked as far as that is possible without
 * knowing the tables: shape (SerializationException), constraints of the API model ("1 validation
 * error detected: ..."), parameters that exclude each other, values, expressions. In AWS's order
 * and words.
 *
 * One struct for every operation; what an operation does not have is zero. Threads: any. Ownership:
 * in the arena of the scope; strings borrow from the JSON text and its nodes.
 */
#ifndef SLV_DYNAMO_REQUEST_H
#define SLV_DYNAMO_REQUEST_H

#include "dynamo/update.h"

#define SLV_DYN_REQUEST_MAX ((size_t)16 << 20) /* bytes of a body */
#define SLV_DYN_BATCH_GET_MAX 100
#define SLV_DYN_BATCH_WRITE_MAX 25
#define SLV_DYN_TRANSACT_MAX 100
#define SLV_DYN_LSI_MAX 5
#define SLV_DYN_GSI_MAX 20

#define SLV_DYN_OPERATIONS(X)                                                                      \
    X(BATCH_GET_ITEM, "BatchGetItem")                                                              \
    X(BATCH_WRITE_ITEM, "BatchWriteItem")                                                          \
    X(CREATE_TABLE, "CreateTable")                                                                 \
    X(DELETE_ITEM, "DeleteItem")                                                                   \
    X(DELETE_TABLE, "DeleteTable")                                                                 \
    X(DESCRIBE_CONTINUOUS_BACKUPS, "DescribeContinuousBackups")                                    \
    X(DESCRIBE_ENDPOINTS, "DescribeEndpoints")                                                     \
    X(DESCRIBE_LIMITS, "DescribeLimits")                                                           \
    X(DESCRIBE_TABLE, "DescribeTable")                                                             \
    X(DESCRIBE_TIME_TO_LIVE, "DescribeTimeToLive")                                                 \
    X(GET_ITEM, "GetItem")                                                                         \
    X(LIST_TABLES, "ListTables")                                                                   \
    X(LIST_TAGS, "ListTagsOfResource")                                                             \
    X(PUT_ITEM, "PutItem")                                                                         \
    X(QUERY, "Query")                                                                              \
    X(SCAN, "Scan")                                                                                \
    X(TAG_RESOURCE, "TagResource")                                                                 \
    X(TRANSACT_GET_ITEMS, "TransactGetItems")                                                      \
    X(TRANSACT_WRITE_ITEMS, "TransactWriteItems")                                                  \
    X(UNTAG_RESOURCE, "UntagResource")                                                             \
    X(UPDATE_ITEM, "UpdateItem")                                                                   \
    X(UPDATE_TABLE, "UpdateTable")                                                                 \
    X(UPDATE_TIME_TO_LIVE, "UpdateTimeToLive")

typedef enum slv_dyn_operation {
#define X(id, name) SLV_DYN_##id,
    SLV_DYN_OPERATIONS(X)
#undef X
        SLV_DYN_OPERATION_COUNT,
} slv_dyn_operation;

const char *slv_dyn_operation_name(slv_dyn_operation op);
bool slv_dyn_operation_find(slv_str name, slv_dyn_operation *ret);

typedef enum slv_dyn_return_values {
    SLV_DYN_RETURN_NONE,
    SLV_DYN_RETURN_ALL_OLD,
    SLV_DYN_RETURN_UPDATED_OLD,
    SLV_DYN_RETURN_ALL_NEW,
    SLV_DYN_RETURN_UPDATED_NEW,
} slv_dyn_return_values;

typedef enum slv_dyn_capacity {
    SLV_DYN_CAPACITY_NONE,
    SLV_DYN_CAPACITY_TOTAL,
    SLV_DYN_CAPACITY_INDEXES,
} slv_dyn_capacity;

typedef enum slv_dyn_select {
    SLV_DYN_SELECT_DEFAULT, /* not given */
    SLV_DYN_SELECT_ALL_ATTRIBUTES,
    SLV_DYN_SELECT_ALL_PROJECTED_ATTRIBUTES,
    SLV_DYN_SELECT_SPECIFIC_ATTRIBUTES,
    SLV_DYN_SELECT_COUNT,
} slv_dyn_select;

/* What is done to one item: the operation itself, or an element of a batch or a transaction. */
typedef enum slv_dyn_item_kind {
    SLV_DYN_ITEM_GET,
    SLV_DYN_ITEM_PUT,
    SLV_DYN_ITEM_UPDATE,
    SLV_DYN_ITEM_DELETE,
    SLV_DYN_ITEM_CHECK, /* ConditionCheck */
} slv_dyn_item_kind;

typedef struct slv_dyn_item_request {
    slv_dyn_item_kind kind;
    slv_str table;
    slv_dyn_value key;             /* M; of PUT: empty, the key is in item */
    slv_dyn_value item;            /* M; of PUT */
    const slv_dyn_expr *condition; /* NULL: none. Expected too */
    bool has_update;               /* UpdateExpression or AttributeUpdates were given */
    slv_dyn_update update;         /* of UPDATE; empty where has_update is false */
    bool has_projection;           /* of GET */
    slv_dyn_paths projection;      /* AttributesToGet too */
    bool consistent;               /* of GET */
    bool return_old_on_failure;    /* ReturnValuesOnConditionCheckFailure ALL_OLD */
    slv_dyn_return_values returns;
} slv_dyn_item_request;

/* BatchGetItem: the keys of one table. */
typedef struct slv_dyn_batch_table {
    slv_str table;
    slv_dyn_item_request *items; /* GET, or PUT and DELETE */
    uint32_t count;
    const slv_node *json; /* the member of RequestItems, for what stays unprocessed */
} slv_dyn_batch_table;

typedef struct slv_dyn_key_element {
    slv_str name, key_type; /* "HASH", "RANGE" */
} slv_dyn_key_element;

typedef struct slv_dyn_units {
    bool given;
    int64_t read, write;
} slv_dyn_units;

typedef struct slv_dyn_index_def {
    slv_str name;
    slv_dyn_key_element keys[2];
    uint32_t key_count;
    slv_str projection_type; /* "ALL", "KEYS_ONLY", "INCLUDE" */
    slv_str *non_key;
    uint32_t non_key_count;
    slv_dyn_units throughput;
} slv_dyn_index_def;

typedef struct slv_dyn_index_update {
    enum { SLV_DYN_INDEX_CREATE, SLV_DYN_INDEX_UPDATE, SLV_DYN_INDEX_DELETE } kind;
    slv_dyn_index_def def; /* of DELETE and UPDATE: name, throughput */
} slv_dyn_index_update;

typedef struct slv_dyn_tag {
    slv_str key, value;
} slv_dyn_tag;

typedef struct slv_dyn_table_request {
    slv_dyn_key_attr *attrs; /* AttributeDefinitions */
    uint32_t attr_count;
    slv_dyn_key_element keys[2];
    uint32_t key_count;
    slv_dyn_index_def *lsis, *gsis;
    uint32_t lsi_count, gsi_count;
    slv_dyn_index_update *index_updates;
    uint32_t index_update_count;
    slv_str billing_mode; /* empty where not given */
    slv_dyn_units throughput;
    bool has_deletion_protection, deletion_protection;
    slv_str table_class;
    bool has_stream, stream_enabled;
    slv_str stream_view;
    const slv_node *sse; /* SSESpecification, NULL where not given */
    slv_str ttl_attribute;
    bool ttl_enabled;
} slv_dyn_table_request;

typedef struct slv_dyn_request {
    slv_dyn_operation op;
    const slv_node *json; /* the whole */
    slv_str table;        /* name; where an ARN was given, the name in it */
    slv_dyn_capacity capacity;
    bool collection_metrics; /* ReturnItemCollectionMetrics SIZE */

    /* GetItem, PutItem, UpdateItem, DeleteItem */
    slv_dyn_item_request item;
    /* TransactGetItems, TransactWriteItems, in the order given */
    slv_dyn_item_request *transact;
    uint32_t transact_count;
    slv_str client_token; /* ptr NULL where not given */
    /* BatchGetItem, BatchWriteItem */
    slv_dyn_batch_table *batch;
    uint32_t batch_count;

    /* Query, Scan */
    slv_str index; /* ptr NULL: the table */
    slv_dyn_key_conds key_conds;
    const slv_dyn_expr *filter;
    bool has_projection;
    bool projection_legacy; /* AttributesToGet: messages differ */
    slv_dyn_paths projection;
    bool has_start_key;
    slv_dyn_value start_key;
    slv_dyn_select select;
    bool backward;
    bool consistent;
    uint64_t limit; /* 0: none. ListTables too */
    bool parallel;
    uint32_t segment, total_segments;

    /* CreateTable, UpdateTable, UpdateTimeToLive */
    slv_dyn_table_request table_def;
    /* ListTables */
    slv_str start_table;
    /* TagResource, UntagResource (value empty), ListTagsOfResource, CreateTable */
    slv_str resource_arn;
    slv_dyn_tag *tags;
    uint32_t tag_count;
    slv_str next_token;
} slv_dyn_request;

/* Reads the body of a request. The text must outlive ret. */
SLV_NODISCARD slv_code slv_dyn_request_parse(slv_dyn_scope *sc, slv_dyn_operation op, slv_str body,
                                             slv_dyn_request *ret);

/* The same from what the text says, which stays in place. */
SLV_NODISCARD slv_code slv_dyn_request_read(slv_dyn_scope *sc, slv_dyn_operation op,
                                            const slv_node *json, slv_dyn_request *ret);

/* The checks of an item's key that need the schema: of a Key (number of attributes, types, sizes)
   and of a whole item (missing, type, size). */
SLV_NODISCARD slv_code slv_dyn_key_check(slv_dyn_scope *sc, const slv_dyn_value *key,
                                         const slv_dyn_key_attr *hash,
                                         const slv_dyn_key_attr *range);
SLV_NODISCARD slv_code slv_dyn_item_check(slv_dyn_scope *sc, const slv_dyn_value *item,
                                          const slv_dyn_key_attr *hash,
                                          const slv_dyn_key_attr *range);
/* The same for the key attribute of an index: right type where it is there. */
SLV_NODISCARD slv_code slv_dyn_index_key_check(slv_dyn_scope *sc, const slv_dyn_value *item,
                                               const slv_dyn_key_attr *attr, slv_str index_name);

#endif
