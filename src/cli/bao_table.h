/*
 * bao_table.h - the table of a project's models: in the stores of this machine, or at a DynamoDB
 * endpoint. Main thread; blocks.
 */
#ifndef SLV_CLI_BAO_TABLE_H
#define SLV_CLI_BAO_TABLE_H

#include "cli/cmd.h"
#include "fmt/doc.h"

/* Rows for slv_cmd.flags. */
#define SLV_BAO_TABLE_FLAGS                                                                        \
    {"endpoint", SLV_FLAG_STRING, 0, "URL",                                                        \
     "act on a DynamoDB endpoint, with the credentials of the environment"},                       \
        {"region", SLV_FLAG_STRING, 0, "NAME", "region of the endpoint (AWS_REGION, us-west-2)"},  \
    {                                                                                              \
        "yes", SLV_FLAG_BOOL, 'y', NULL, "do not ask"                                              \
    }

typedef struct slv_bao_table slv_bao_table;

SLV_NODISCARD slv_code slv_bao_table_open(const slv_args *args, slv_bao_table **ret, slv_err *err);
/* Accepts NULL, returns NULL. */
slv_bao_table *slv_bao_table_free(slv_bao_table *t);
SLV_DEFINE_CLEANUP(slv_bao_table *, slv_bao_table_free);

/* The name given, or TABLE_NAME of the configuration's vars, the one of dynamo-bao.config.js,
 * TABLE_NAME of the environment, "dynamo-bao-dev". */
const char *slv_bao_table_name(const slv_bao_table *t);
const char *slv_bao_table_dir(const slv_bao_table *t); /* of the project */

/* One operation; json is its input without TableName, as members ("" or "\"A\":1,..."). *ret lives
 * until free. What DynamoDB refuses is SLV_E_NOTFOUND (ResourceNotFoundException), SLV_E_EXISTS
 * (ResourceInUseException), SLV_E_INVAL (ValidationException) or SLV_E_DENIED with its message. */
SLV_NODISCARD slv_code slv_bao_table_call(slv_bao_table *t, const char *operation, slv_str members,
                                          slv_node **ret, slv_err *err);
/* Until the table is ACTIVE. */
SLV_NODISCARD slv_code slv_bao_table_wait(slv_bao_table *t, slv_err *err);

#endif
