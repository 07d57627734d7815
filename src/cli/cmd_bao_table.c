/*
 * selvage bao create-table|update-table|delete-table|init: the one table that all models share.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/bao_table.h"
#include "cli/exit.h"
#include "cli/rest.h"
#include "cli/verbs.h"

/* Indexes besides the key of the table: the name, and what its attributes' names begin with. */
static const struct {
    const char *name, *attribute, *projection;
} indexes[] = {
    {"gsi1", "_gsi1", "ALL"}, {"gsi2", "_gsi2", "ALL"}, {"gsi3", "_gsi3", "ALL"},
    {"gsi4", "_gsi4", "ALL"}, {"gsi5", "_gsi5", "ALL"}, {"iter_index", "_iter", "KEYS_ONLY"},
};

#define TTL_ATTRIBUTE "ttl"
#define TEXT_MAX ((size_t)64 << 10)

/* ---- requests ---- */

static slv_code put_attributes(slv_buf *out, const char *attribute)
{
    return slv_buf_printf(out,
                          "{\"AttributeName\":\"%s_pk\",\"AttributeType\":\"S\"},"
                          "{\"AttributeName\":\"%s_sk\",\"AttributeType\":\"S\"}",
                          attribute, attribute);
}

static slv_code put_key(slv_buf *out, const char *attribute)
{
    return slv_buf_printf(out,
                          "\"KeySchema\":[{\"AttributeName\":\"%s_pk\",\"KeyType\":\"HASH\"},"
                          "{\"AttributeName\":\"%s_sk\",\"KeyType\":\"RANGE\"}]",
                          attribute, attribute);
}

static slv_code put_index(slv_buf *out, size_t i)
{
    SLV_TRY(slv_buf_printf(out, "{\"IndexName\":\"%s\",", indexes[i].name));
    SLV_TRY(put_key(out, indexes[i].attribute));
    return slv_buf_printf(out, ",\"Projection\":{\"ProjectionType\":\"%s\"}}",
                          indexes[i].projection);
}

static slv_code put_table(slv_buf *out)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("\"BillingMode\":\"PAY_PER_REQUEST\","
                                        "\"AttributeDefinitions\":[")));
    SLV_TRY(put_attributes(out, ""));
    for (size_t i = 0; i < SLV_ARRAY_LEN(indexes); i++) {
        SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(put_attributes(out, indexes[i].attribute));
    }
    SLV_TRY(slv_buf_append(out, SLV_STR("],")));
    SLV_TRY(put_key(out, ""));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"GlobalSecondaryIndexes\":[")));
    for (size_t i = 0; i < SLV_ARRAY_LEN(indexes); i++) {
        if (i > 0)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(put_index(out, i));
    }
    return slv_buf_append_byte(out, ']');
}

/* ---- steps ---- */

static slv_code enable_ttl(slv_bao_table *t, slv_err *err)
{
    slv_node *answer;
    const slv_node *now;
    slv_str status;

    SLV_TRY(slv_bao_table_call(t, "DescribeTimeToLive", SLV_STR(""), &answer, err));
    now = slv_node_get(answer, "TimeToLiveDescription");
    status = slv_node_str(slv_node_get(now, "TimeToLiveStatus"));
    if (slv_str_starts(status, SLV_STR("ENABL"))) {
        slv_str attribute = slv_node_str(slv_node_get(now, "AttributeName"));

        if (slv_str_is(attribute, TTL_ATTRIBUTE))
            return SLV_OK;
        return slv_fail(err, SLV_E_STATE,
                        "items of the table end at '%.*s' already; models expect '" TTL_ATTRIBUTE
                        "'",
                        SLV_STR_ARGS(attribute));
    }
    SLV_TRY(
        slv_bao_table_call(t, "UpdateTimeToLive",
                           SLV_STR("\"TimeToLiveSpecification\":{\"AttributeName\":\"" TTL_ATTRIBUTE
                                   "\",\"Enabled\":true}"),
                           &answer, err));
    printf("Items end at their attribute '" TTL_ATTRIBUTE "'.\n");
    return SLV_OK;
}

static slv_code create(slv_bao_table *t, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf members = SLV_BUF(TEXT_MAX);
    slv_node *answer;

    SLV_TRY(put_table(&members));
    SLV_TRY(slv_bao_table_call(t, "CreateTable", slv_buf_view(&members), &answer, err));
    SLV_TRY(slv_bao_table_wait(t, err));
    printf("Created table %s.\n", slv_bao_table_name(t));
    return enable_ttl(t, err);
}

static bool has_index(const slv_node *list, const char *name)
{
    for (const slv_node *n = list ? list->first : NULL; n; n = n->next)
        if (slv_str_is(slv_node_str(slv_node_get(n, "IndexName")), name))
            return true;
    return false;
}

static slv_code add_index(slv_bao_table *t, size_t i, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf members = SLV_BUF(TEXT_MAX);
    slv_node *answer;

    SLV_TRY(slv_buf_append(&members, SLV_STR("\"AttributeDefinitions\":[")));
    SLV_TRY(put_attributes(&members, indexes[i].attribute));
    SLV_TRY(slv_buf_append(&members, SLV_STR("],\"GlobalSecondaryIndexUpdates\":[{\"Create\":")));
    SLV_TRY(put_index(&members, i));
    SLV_TRY(slv_buf_append(&members, SLV_STR("}]")));
    printf("Adding index %s ...\n", indexes[i].name);
    fflush(stdout);
    SLV_TRY(slv_bao_table_call(t, "UpdateTable", slv_buf_view(&members), &answer, err));
    return slv_bao_table_wait(t, err);
}

static slv_code update(slv_bao_table *t, slv_err *err)
{
    slv_node *answer;
    size_t added = 0;

    SLV_TRY(slv_bao_table_call(t, "DescribeTable", SLV_STR(""), &answer, err));
    const slv_node *have = slv_node_get(slv_node_get(answer, "Table"), "GlobalSecondaryIndexes");

    for (size_t i = 0; i < SLV_ARRAY_LEN(indexes); i++) {
        if (has_index(have, indexes[i].name))
            continue;
        SLV_TRY(add_index(t, i, err));
        added++;
    }
    SLV_TRY(enable_ttl(t, err));
    printf("Table %s has what models need%s.\n", slv_bao_table_name(t), added > 0 ? " now" : "");
    return SLV_OK;
}

/* ---- files of a project ---- */

static slv_code write_new(const char *dir, const char *name, slv_str text, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(dir, slv_str_from(name));
    FILE *f;
    bool ok;

    if (slv_file_exists(path)) {
        printf("Kept %s.\n", name);
        return SLV_OK;
    }
    f = fopen(path, "wx");
    if (!f)
        return slv_fail_errno(err, SLV_E_IO, "cannot write %s", path);
    ok = fwrite(text.ptr, 1, text.len, f) == text.len;
    if (fclose(f) != 0 || !ok)
        return slv_fail_errno(err, SLV_E_IO, "cannot write %s", path);
    printf("Wrote %s.\n", name);
    return SLV_OK;
}

static const char models_text[] =
    "# Models, of which `selvage bao codegen` (and `selvage dev`) makes classes. An example:\n"
    "#\n"
    "# models:\n"
    "#   User:\n"
    "#     modelPrefix: u\n"
    "#     fields:\n"
    "#       userId: { type: UlidField, autoAssign: true }\n"
    "#       name: { type: StringField, required: true }\n"
    "#       email: { type: StringField, required: true }\n"
    "#     primaryKey: { partitionKey: userId }\n"
    "#     uniqueConstraints:\n"
    "#       uniqueEmail: { field: email, uniqueConstraintId: uc1 }\n";

static slv_code init(slv_bao_table *t, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf config = SLV_BUF(TEXT_MAX);
    SLV_CLEANUP(slv_charp_free)
    char *models = slv_path_join(slv_bao_table_dir(t), SLV_STR("models"));
    const char *region = getenv("AWS_REGION");
    slv_code code = create(t, err);

    if (code == SLV_E_EXISTS)
        code = update(t, err);
    SLV_TRY(code);
    SLV_TRY(slv_buf_printf(&config,
                           "const path = require(\"path\");\n\n"
                           "module.exports = {\n"
                           "  aws: { region: \"%s\" },\n"
                           "  db: { tableName: \"%s\" },\n"
                           "  logging: { level: \"ERROR\" },\n"
                           "  paths: {\n"
                           "    modelsDir: path.resolve(__dirname, \"./models\"),\n"
                           "    modelsDefinitionPath: path.resolve(__dirname, \"./models.yaml\"),\n"
                           "    fieldsDir: path.resolve(__dirname, \"./fields\"),\n"
                           "  },\n"
                           "  tenancy: { enabled: false },\n"
                           "};\n",
                           region && region[0] ? region : "us-west-2", slv_bao_table_name(t)));
    SLV_TRY(write_new(slv_bao_table_dir(t), "dynamo-bao.config.js", slv_buf_view(&config), err));
    SLV_TRY(write_new(slv_bao_table_dir(t), "models.yaml", slv_str_from(models_text), err));
    if (mkdir(models, 0777) == 0)
        printf("Made models.\n");
    return SLV_OK;
}

/* ---- deleting ---- */

static bool agrees(const slv_args *args, const char *name)
{
    char line[64];

    if (slv_args_bool(args, "yes", false))
        return true;
    if (!isatty(STDIN_FILENO))
        return false;
    fprintf(stderr, "Delete table %s and everything in it? [y/N] ", name);
    return fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static slv_code delete_table(slv_bao_table *t, slv_err *err)
{
    slv_node *answer;

    SLV_TRY(slv_bao_table_call(t, "DeleteTable", SLV_STR(""), &answer, err));
    printf("Deleted table %s.\n", slv_bao_table_name(t));
    return SLV_OK;
}

/* ---- verbs ---- */

typedef slv_code (*table_fn)(slv_bao_table *t, slv_err *err);

static int with_table(const slv_args *args, table_fn fn)
{
    SLV_CLEANUP(slv_bao_table_free) slv_bao_table *t = NULL;
    slv_err err = {0};
    slv_code code = slv_bao_table_open(args, &t, &err);

    if (code == SLV_OK && fn == delete_table && !agrees(args, slv_bao_table_name(t)))
        code = slv_fail(&err, SLV_E_CANCELED, "nothing was deleted; --yes says that it is meant");
    if (code == SLV_OK)
        code = fn(t, &err);
    fflush(stdout);
    return code == SLV_OK ? 0 : slv_cmd_fail(args->cmd, &err);
}

static int create_exec(const slv_args *args)
{
    return with_table(args, create);
}

static int update_exec(const slv_args *args)
{
    return with_table(args, update);
}

static int delete_exec(const slv_args *args)
{
    return with_table(args, delete_table);
}

static int init_exec(const slv_args *args)
{
    return with_table(args, init);
}

static const slv_flag flags[] = {SLV_REST_FLAGS, SLV_BAO_TABLE_FLAGS};

#define VERB(symbol, verb, text, fn)                                                               \
    const slv_cmd symbol = {.name = verb,                                                          \
                            .args = "[table]",                                                     \
                            .usage = text,                                                         \
                            .flags = flags,                                                        \
                            .flag_count = SLV_ARRAY_LEN(flags),                                    \
                            .max_positional = 1,                                                   \
                            .exec = fn}

VERB(slv_cmd_bao_create_table_verb, "bao create-table", "make the table that models are kept in",
     create_exec);
VERB(slv_cmd_bao_update_table_verb, "bao update-table", "add the indexes that a table lacks",
     update_exec);
VERB(slv_cmd_bao_delete_table_verb, "bao delete-table", "delete a table and everything in it",
     delete_exec);
VERB(slv_cmd_bao_init_verb, "bao init", "begin a project: table, configuration, models.yaml",
     init_exec);
