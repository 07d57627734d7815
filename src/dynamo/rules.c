/*
 * The shape of every request (API model of 2012-08-10), in the order in which AWS reports what is
 * wrong.
 */
#include "dynamo/request_int.h"

#define S SLV_DYN_KIND_STRING
#define BOOLEAN SLV_DYN_KIND_BOOL
#define INTEGER SLV_DYN_KIND_INTEGER
#define LONG SLV_DYN_KIND_LONG
#define VALUE SLV_DYN_KIND_VALUE
#define ITEM SLV_DYN_KIND_ITEM
#define LIST SLV_DYN_KIND_LIST
#define MAP SLV_DYN_KIND_MAP
#define STRUCT SLV_DYN_KIND_STRUCT
#define ANY SLV_DYN_ANY
#define REQ SLV_DYN_REQUIRED

#define END                                                                                        \
    {                                                                                              \
        NULL, S, 0, ANY, ANY, NULL, NULL, NULL, ANY, ANY                                           \
    }
#define PLAIN(name, kind, flags)                                                                   \
    {                                                                                              \
        name, kind, flags, ANY, ANY, NULL, NULL, NULL, ANY, ANY                                    \
    }
#define SIZED(name, kind, flags, min, max)                                                         \
    {                                                                                              \
        name, kind, flags, min, max, NULL, NULL, NULL, ANY, ANY                                    \
    }
#define ENUM(name, flags, values)                                                                  \
    {                                                                                              \
        name, S, flags, ANY, ANY, values, NULL, NULL, ANY, ANY                                     \
    }
#define NESTED(name, kind, flags, min, max, type, members)                                         \
    {                                                                                              \
        name, kind, flags, min, max, NULL, type, members, ANY, ANY                                 \
    }

#define TABLE SIZED("TableName", S, REQ | SLV_DYN_NAME_CHARS | SLV_DYN_TABLE_ARN, 1, 255)
#define CONTROL_TABLE SIZED("TableName", S, SLV_DYN_NAME_CHARS | SLV_DYN_TABLE_ARN, 3, 255)
#define INDEX_NAME(flags) SIZED("IndexName", S, SLV_DYN_NAME_CHARS | (flags), 3, 255)
#define CAPACITY ENUM("ReturnConsumedCapacity", 0, "[INDEXES, TOTAL, NONE]")
#define METRICS ENUM("ReturnItemCollectionMetrics", 0, "[SIZE, NONE]")
#define RETURNS ENUM("ReturnValues", 0, "[ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]")
#define ON_FAILURE ENUM("ReturnValuesOnConditionCheckFailure", 0, "[ALL_OLD, NONE]")
#define OPERATOR ENUM("ConditionalOperator", 0, "[OR, AND]")
#define COMPARISONS                                                                                \
    "[IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS]"
#define SELECTS "[SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]"
#define NAMES                                                                                      \
    NESTED("ExpressionAttributeNames", MAP, 0, ANY, ANY, "java.lang.String", string_element)
#define VALUES PLAIN("ExpressionAttributeValues", ITEM, 0)
#define TO_GET NESTED("AttributesToGet", LIST, 0, 1, 255, NULL, string_element)

static const slv_dyn_rule string_element[] = {PLAIN(NULL, S, 0)};
static const slv_dyn_rule value_element[] = {PLAIN(NULL, VALUE, 0)};
static const slv_dyn_rule key_element[] = {PLAIN(NULL, ITEM, SLV_DYN_ELEMENT)};

static const slv_dyn_rule condition[] = {
    NESTED("AttributeValueList", LIST, 0, ANY, ANY, NULL, value_element),
    ENUM("ComparisonOperator", REQ, COMPARISONS),
    END,
};
static const slv_dyn_rule condition_element[] = {
    NESTED(NULL, STRUCT, 0, ANY, ANY, "Condition", condition)};

static const slv_dyn_rule expected[] = {
    NESTED("AttributeValueList", LIST, 0, ANY, ANY, NULL, value_element),
    ENUM("ComparisonOperator", 0, COMPARISONS),
    PLAIN("Exists", BOOLEAN, 0),
    PLAIN("Value", VALUE, SLV_DYN_FIELD),
    END,
};
static const slv_dyn_rule expected_element[] = {
    NESTED(NULL, STRUCT, 0, ANY, ANY, "ExpectedAttributeValue", expected)};
#define EXPECTED NESTED("Expected", MAP, 0, ANY, ANY, "ExpectedAttributeValue", expected_element)

static const slv_dyn_rule attribute_update[] = {
    ENUM("Action", 0, "[ADD, PUT, DELETE]"),
    PLAIN("Value", VALUE, SLV_DYN_FIELD),
    END,
};
static const slv_dyn_rule attribute_update_element[] = {
    NESTED(NULL, STRUCT, 0, ANY, ANY, "AttributeValueUpdate", attribute_update)};

static const slv_dyn_rule get_item[] = {
    CAPACITY,
    TO_GET,
    TABLE,
    PLAIN("Key", ITEM, REQ),
    PLAIN("ConsistentRead", BOOLEAN, 0),
    PLAIN("ProjectionExpression", S, 0),
    NAMES,
    END,
};

static const slv_dyn_rule put_item[] = {
    CAPACITY, TABLE,      PLAIN("Item", ITEM, REQ),           OPERATOR, EXPECTED, RETURNS,
    METRICS,  ON_FAILURE, PLAIN("ConditionExpression", S, 0), VALUES,   NAMES,    END,
};

static const slv_dyn_rule delete_item[] = {
    CAPACITY, TABLE,      RETURNS,
    METRICS,  ON_FAILURE, PLAIN("Key", ITEM, REQ),
    OPERATOR, EXPECTED,   PLAIN("ConditionExpression", S, 0),
    VALUES,   NAMES,      END,
};

static const slv_dyn_rule update_item[] = {
    CAPACITY,
    TABLE,
    METRICS,
    RETURNS,
    ON_FAILURE,
    PLAIN("Key", ITEM, REQ),
    OPERATOR,
    EXPECTED,
    NESTED("AttributeUpdates", MAP, 0, ANY, ANY, "AttributeValueUpdate", attribute_update_element),
    PLAIN("ConditionExpression", S, 0),
    PLAIN("UpdateExpression", S, 0),
    VALUES,
    NAMES,
    END,
};

static const slv_dyn_rule query[] = {
    ENUM("Select", 0, SELECTS),
    INDEX_NAME(0),
    CAPACITY,
    NESTED("QueryFilter", MAP, 0, ANY, ANY, "Condition", condition_element),
    TABLE,
    OPERATOR,
    TO_GET,
    SIZED("Limit", INTEGER, SLV_DYN_TERSE_MIN, 1, ANY),
    NESTED("KeyConditions", MAP, 0, ANY, ANY, "Condition", condition_element),
    PLAIN("ExclusiveStartKey", ITEM, 0),
    PLAIN("ConsistentRead", BOOLEAN, 0),
    PLAIN("ScanIndexForward", BOOLEAN, 0),
    PLAIN("KeyConditionExpression", S, 0),
    PLAIN("FilterExpression", S, 0),
    PLAIN("ProjectionExpression", S, 0),
    VALUES,
    NAMES,
    END,
};

static const slv_dyn_rule scan[] = {
    ENUM("Select", 0, SELECTS),
    INDEX_NAME(0),
    SIZED("TotalSegments", INTEGER, 0, 1, 1000000),
    CAPACITY,
    TABLE,
    OPERATOR,
    NESTED("ScanFilter", MAP, 0, ANY, ANY, "Condition", condition_element),
    SIZED("Segment", INTEGER, 0, 0, 999999),
    SIZED("Limit", INTEGER, 0, 1, ANY),
    TO_GET,
    PLAIN("ExclusiveStartKey", ITEM, 0),
    PLAIN("ConsistentRead", BOOLEAN, 0),
    PLAIN("FilterExpression", S, 0),
    PLAIN("ProjectionExpression", S, 0),
    VALUES,
    NAMES,
    END,
};

/* ---- batches and transactions ---- */

static const slv_dyn_rule keys_and_attributes[] = {
    NESTED("Keys", LIST, REQ | SLV_DYN_TERSE_MAX, 1, SLV_DYN_BATCH_GET_MAX, NULL, key_element),
    TO_GET,
    PLAIN("ConsistentRead", BOOLEAN, 0),
    PLAIN("ProjectionExpression", S, 0),
    NAMES,
    END,
};
static const slv_dyn_rule keys_and_attributes_element[] = {
    NESTED(NULL, STRUCT, 0, ANY, ANY, "KeysAndAttributes", keys_and_attributes)};
static const slv_dyn_rule batch_get[] = {
    CAPACITY,
    NESTED("RequestItems", MAP, REQ | SLV_DYN_TABLE_KEYS, ANY, ANY, "KeysAndAttributes",
           keys_and_attributes_element),
    END,
};

static const slv_dyn_rule delete_request[] = {PLAIN("Key", ITEM, REQ), END};
static const slv_dyn_rule put_request[] = {PLAIN("Item", ITEM, REQ), END};
static const slv_dyn_rule write_request[] = {
    NESTED("DeleteRequest", STRUCT, SLV_DYN_FIELD, ANY, ANY, "DeleteRequest", delete_request),
    NESTED("PutRequest", STRUCT, SLV_DYN_FIELD, ANY, ANY, "PutRequest", put_request),
    END,
};
static const slv_dyn_rule write_request_element[] = {
    NESTED(NULL, STRUCT, 0, ANY, ANY, "WriteRequest", write_request)};
static const slv_dyn_rule write_requests[] = {
    NESTED(NULL, LIST, SLV_DYN_ELEMENT, ANY, ANY, NULL, write_request_element)};
static const slv_dyn_rule batch_write[] = {
    CAPACITY,
    METRICS,
    {"RequestItems", MAP, REQ | SLV_DYN_TABLE_KEYS, ANY, ANY, NULL,
     "java.util.List<com.amazonaws.dynamodb.v20120810.WriteRequest>", write_requests, 1,
     SLV_DYN_BATCH_WRITE_MAX},
    END,
};

static const slv_dyn_rule check[] = {
    PLAIN("Key", ITEM, REQ),
    TABLE,
    PLAIN("ConditionExpression", S, REQ),
    NAMES,
    VALUES,
    ON_FAILURE,
    END,
};
static const slv_dyn_rule put[] = {
    PLAIN("Item", ITEM, REQ),
    TABLE,
    PLAIN("ConditionExpression", S, 0),
    NAMES,
    VALUES,
    ON_FAILURE,
    END,
};
static const slv_dyn_rule delete[] = {
    PLAIN("Key", ITEM, REQ),
    TABLE,
    PLAIN("ConditionExpression", S, 0),
    NAMES,
    VALUES,
    ON_FAILURE,
    END,
};
static const slv_dyn_rule update[] = {
    PLAIN("Key", ITEM, REQ),
    PLAIN("UpdateExpression", S, REQ),
    TABLE,
    PLAIN("ConditionExpression", S, 0),
    NAMES,
    VALUES,
    ON_FAILURE,
    END,
};
static const slv_dyn_rule transact_write_item[] = {
    NESTED("ConditionCheck", STRUCT, SLV_DYN_FIELD, ANY, ANY, "ConditionCheck", check),
    NESTED("Put", STRUCT, SLV_DYN_FIELD, ANY, ANY, "Put", put),
    NESTED("Delete", STRUCT, SLV_DYN_FIELD, ANY, ANY, "Delete", delete),
    NESTED("Update", STRUCT, SLV_DYN_FIELD, ANY, ANY, "Update", update),
    END,
};
static const slv_dyn_rule transact_write_element[] = {
    NESTED(NULL, STRUCT, 0, ANY, ANY, "TransactWriteItem", transact_write_item)};
static const slv_dyn_rule transact_write[] = {
    NESTED("TransactItems", LIST, REQ, 1, SLV_DYN_TRANSACT_MAX, NULL, transact_write_element),
    CAPACITY,
    METRICS,
    SIZED("ClientRequestToken", S, 0, 1, 36),
    END,
};

static const slv_dyn_rule get[] = {
    PLAIN("Key", ITEM, REQ), TABLE, PLAIN("ProjectionExpression", S, 0), NAMES, END,
};
static const slv_dyn_rule transact_get_item[] = {
    NESTED("Get", STRUCT, REQ | SLV_DYN_FIELD, ANY, ANY, "Get", get), END};
static const slv_dyn_rule transact_get_element[] = {
    NESTED(NULL, STRUCT, 0, ANY, ANY, "TransactGetItem", transact_get_item)};
static const slv_dyn_rule transact_get[] = {
    NESTED("TransactItems", LIST, REQ, 1, SLV_DYN_TRANSACT_MAX, NULL, transact_get_element),
    CAPACITY,
    END,
};

/* ---- tables ---- */

static const slv_dyn_rule attribute_definition[] = {
    SIZED("AttributeName", S, REQ, 1, 255),
    ENUM("AttributeType", REQ, "[B, N, S]"),
    END,
};
static const slv_dyn_rule attribute_definition_element[] = {
    NESTED(NULL, STRUCT, 0, ANY, ANY, "AttributeDefinition", attribute_definition)};

static const slv_dyn_rule units[] = {
    SIZED("WriteCapacityUnits", LONG, REQ, 1, ANY),
    SIZED("ReadCapacityUnits", LONG, REQ, 1, ANY),
    END,
};
#define UNITS(flags)                                                                               \
    NESTED("ProvisionedThroughput", STRUCT, SLV_DYN_FIELD | (flags), ANY, ANY,                     \
           "ProvisionedThroughput", units)

static const slv_dyn_rule key_schema_member[] = {
    SIZED("AttributeName", S, REQ, 1, 255),
    ENUM("KeyType", REQ, "[HASH, RANGE]"),
    END,
};
static const slv_dyn_rule key_schema_element[] = {
    NESTED(NULL, STRUCT, 0, ANY, ANY, "KeySchemaElement", key_schema_member)};
#define KEY_SCHEMA NESTED("KeySchema", LIST, REQ, 1, 2, NULL, key_schema_element)

static const slv_dyn_rule non_key_element[] = {SIZED(NULL, S, 0, 1, 255)};
static const slv_dyn_rule projection[] = {
    ENUM("ProjectionType", 0, "[ALL, INCLUDE, KEYS_ONLY]"),
    NESTED("NonKeyAttributes", LIST, 0, 1, 100, NULL, non_key_element),
    END,
};
#define PROJECTION                                                                                 \
    NESTED("Projection", STRUCT, REQ | SLV_DYN_FIELD, ANY, ANY, "Projection", projection)

static const slv_dyn_rule lsi[] = {INDEX_NAME(REQ), KEY_SCHEMA, PROJECTION, END};
static const slv_dyn_rule lsi_element[] = {
    NESTED(NULL, STRUCT, 0, ANY, ANY, "LocalSecondaryIndex", lsi)};
static const slv_dyn_rule gsi[] = {INDEX_NAME(REQ), KEY_SCHEMA, PROJECTION, UNITS(0), END};
static const slv_dyn_rule gsi_element[] = {
    NESTED(NULL, STRUCT, 0, ANY, ANY, "GlobalSecondaryIndex", gsi)};

static const slv_dyn_rule stream[] = {
    PLAIN("StreamEnabled", BOOLEAN, REQ),
    ENUM("StreamViewType", 0, "[NEW_IMAGE, OLD_IMAGE, NEW_AND_OLD_IMAGES, KEYS_ONLY]"),
    END,
};
static const slv_dyn_rule sse[] = {
    PLAIN("Enabled", BOOLEAN, 0),
    ENUM("SSEType", 0, "[AES256, KMS]"),
    PLAIN("KMSMasterKeyId", S, 0),
    END,
};
#define STREAM                                                                                     \
    NESTED("StreamSpecification", STRUCT, SLV_DYN_FIELD, ANY, ANY, "StreamSpecification", stream)
#define SSE NESTED("SSESpecification", STRUCT, SLV_DYN_FIELD, ANY, ANY, "SSESpecification", sse)
#define BILLING ENUM("BillingMode", 0, "[PROVISIONED, PAY_PER_REQUEST]")
#define CLASS ENUM("TableClass", 0, "[STANDARD, STANDARD_INFREQUENT_ACCESS]")
#define PROTECTION PLAIN("DeletionProtectionEnabled", BOOLEAN, 0)

static const slv_dyn_rule tag[] = {SIZED("Key", S, REQ, 1, 128), SIZED("Value", S, REQ, 0, 256),
                                   END};
static const slv_dyn_rule tag_element[] = {NESTED(NULL, STRUCT, 0, ANY, ANY, "Tag", tag)};
#define TAGS(flags) NESTED("Tags", LIST, flags, ANY, ANY, NULL, tag_element)
#define ARN PLAIN("ResourceArn", S, 0)

static const slv_dyn_rule create_table[] = {
    NESTED("AttributeDefinitions", LIST, REQ, ANY, ANY, NULL, attribute_definition_element),
    CONTROL_TABLE,
    BILLING,
    UNITS(0),
    KEY_SCHEMA,
    NESTED("LocalSecondaryIndexes", LIST, 0, ANY, ANY, NULL, lsi_element),
    NESTED("GlobalSecondaryIndexes", LIST, 0, ANY, ANY, NULL, gsi_element),
    STREAM,
    SSE,
    TAGS(0),
    CLASS,
    PROTECTION,
    END,
};

static const slv_dyn_rule gsi_update[] = {INDEX_NAME(REQ), UNITS(REQ), END};
static const slv_dyn_rule gsi_create[] = {PROJECTION, INDEX_NAME(REQ), UNITS(0), KEY_SCHEMA, END};
static const slv_dyn_rule gsi_delete[] = {INDEX_NAME(REQ), END};
static const slv_dyn_rule gsi_change[] = {
    NESTED("Update", STRUCT, SLV_DYN_FIELD, ANY, ANY, "UpdateGlobalSecondaryIndexAction",
           gsi_update),
    NESTED("Create", STRUCT, SLV_DYN_FIELD, ANY, ANY, "CreateGlobalSecondaryIndexAction",
           gsi_create),
    NESTED("Delete", STRUCT, SLV_DYN_FIELD, ANY, ANY, "DeleteGlobalSecondaryIndexAction",
           gsi_delete),
    END,
};
static const slv_dyn_rule gsi_change_element[] = {
    NESTED(NULL, STRUCT, 0, ANY, ANY, "GlobalSecondaryIndexUpdate", gsi_change)};
static const slv_dyn_rule update_table[] = {
    NESTED("AttributeDefinitions", LIST, 0, ANY, ANY, NULL, attribute_definition_element),
    CONTROL_TABLE,
    UNITS(0),
    BILLING,
    NESTED("GlobalSecondaryIndexUpdates", LIST, 0, ANY, ANY, NULL, gsi_change_element),
    STREAM,
    SSE,
    CLASS,
    PROTECTION,
    END,
};

static const slv_dyn_rule table_only[] = {CONTROL_TABLE, END};
static const slv_dyn_rule nothing[] = {END};
static const slv_dyn_rule list_tables[] = {
    SIZED("ExclusiveStartTableName", S, SLV_DYN_NAME_CHARS, 3, 255),
    SIZED("Limit", INTEGER, 0, 1, 100),
    END,
};
static const slv_dyn_rule ttl[] = {
    PLAIN("Enabled", BOOLEAN, REQ),
    SIZED("AttributeName", S, REQ, 1, 255),
    END,
};
static const slv_dyn_rule update_ttl[] = {
    CONTROL_TABLE,
    NESTED("TimeToLiveSpecification", STRUCT, REQ | SLV_DYN_FIELD, ANY, ANY,
           "TimeToLiveSpecification", ttl),
    END,
};
static const slv_dyn_rule tag_resource[] = {ARN, TAGS(0), END};
static const slv_dyn_rule untag_resource[] = {
    ARN, NESTED("TagKeys", LIST, 0, ANY, ANY, NULL, string_element), END};
static const slv_dyn_rule list_tags[] = {ARN, PLAIN("NextToken", S, 0), END};

static const slv_dyn_rule *const rules[SLV_DYN_OPERATION_COUNT] = {
    [SLV_DYN_BATCH_GET_ITEM] = batch_get,
    [SLV_DYN_BATCH_WRITE_ITEM] = batch_write,
    [SLV_DYN_CREATE_TABLE] = create_table,
    [SLV_DYN_DELETE_ITEM] = delete_item,
    [SLV_DYN_DELETE_TABLE] = table_only,
    [SLV_DYN_DESCRIBE_CONTINUOUS_BACKUPS] = table_only,
    [SLV_DYN_DESCRIBE_ENDPOINTS] = nothing,
    [SLV_DYN_DESCRIBE_LIMITS] = nothing,
    [SLV_DYN_DESCRIBE_TABLE] = table_only,
    [SLV_DYN_DESCRIBE_TIME_TO_LIVE] = table_only,
    [SLV_DYN_GET_ITEM] = get_item,
    [SLV_DYN_LIST_TABLES] = list_tables,
    [SLV_DYN_LIST_TAGS] = list_tags,
    [SLV_DYN_PUT_ITEM] = put_item,
    [SLV_DYN_QUERY] = query,
    [SLV_DYN_SCAN] = scan,
    [SLV_DYN_TAG_RESOURCE] = tag_resource,
    [SLV_DYN_TRANSACT_GET_ITEMS] = transact_get,
    [SLV_DYN_TRANSACT_WRITE_ITEMS] = transact_write,
    [SLV_DYN_UNTAG_RESOURCE] = untag_resource,
    [SLV_DYN_UPDATE_ITEM] = update_item,
    [SLV_DYN_UPDATE_TABLE] = update_table,
    [SLV_DYN_UPDATE_TIME_TO_LIVE] = update_ttl,
};

const slv_dyn_rule *slv_dyn_rules(slv_dyn_operation op)
{
    return rules[op];
}
