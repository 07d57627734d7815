/*
 * The judge: what a user's SQL may name. Whatever is not listed here is refused.
 */
#include <stdlib.h>
#include <strings.h>

#include "store/usersql_int.h"

/* In byte order. Functions that tell about the library or its build are not among them; the
 * sqlite_... ones are what ALTER TABLE calls. */
static const char *const functions[] = {
    "->",
    "->>",
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "avg",
    "bm25",
    "ceil",
    "changes",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "cos",
    "cosh",
    "count",
    "cume_dist",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "degrees",
    "dense_rank",
    "exp",
    "first_value",
    "floor",
    "format",
    "glob",
    "group_concat",
    "hex",
    "highlight",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_each",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_patch",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_tree",
    "json_type",
    "json_valid",
    "jsonb",
    "jsonb_array",
    "jsonb_extract",
    "jsonb_group_array",
    "jsonb_group_object",
    "jsonb_insert",
    "jsonb_object",
    "jsonb_patch",
    "jsonb_remove",
    "jsonb_replace",
    "jsonb_set",
    "julianday",
    "lag",
    "last_insert_rowid",
    "last_value",
    "lead",
    "length",
    "like",
    "likelihood",
    "likely",
    "ln",
    "load_extension",
    "log",
    "log2",
    "lower",
    "ltrim",
    "match",
    "max",
    "min",
    "mod",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "pi",
    "pow",
    "printf",
    "quote",
    "radians",
    "random",
    "randomblob",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtreecheck",
    "rtrim",
    "sign",
    "sin",
    "sinh",
    "snippet",
    "soundex",
    "sqlite_drop_column",
    "sqlite_rename_column",
    "sqlite_rename_quotefix",
    "sqlite_rename_table",
    "sqlite_rename_test",
    "sqrt",
    "strftime",
    "string_agg",
    "substr",
    "substring",
    "sum",
    "tan",
    "tanh",
    "time",
    "timediff",
    "total",
    "total_changes",
    "trim",
    "trunc",
    "typeof",
    "unhex",
    "unicode",
    "unixepoch",
    "unlikely",
    "upper",
    "zeroblob",
};

/* What a pragma may be given. */
typedef enum pragma_argument {
    NOTHING,
    BOOLEAN, /* or nothing: then it is read */
    NAME,    /* of an object that is not ours */
    NAME_OR_NOTHING,
    NUMBER_OR_NOTHING,
    ANY_OF_THEM, /* number, name, nothing */
    ANYTHING,
} pragma_argument;

typedef struct pragma_row {
    const char *name;
    pragma_argument argument;
} pragma_row;

static const pragma_row pragmas[] = {
    {"table_list", ANYTHING},
    {"table_info", NAME},
    {"table_xinfo", NAME},
    {"index_list", NAME},
    {"index_info", NAME},
    {"index_xinfo", NAME},
    {"foreign_key_list", NAME},
    {"foreign_key_check", NAME_OR_NOTHING},
    {"foreign_keys", BOOLEAN},
    {"defer_foreign_keys", BOOLEAN},
    {"ignore_check_constraints", BOOLEAN},
    {"case_sensitive_like", BOOLEAN},
    {"legacy_alter_table", BOOLEAN},
    {"recursive_triggers", BOOLEAN},
    {"reverse_unordered_selects", BOOLEAN},
    {"quick_check", ANY_OF_THEM},
    {"optimize", NUMBER_OR_NOTHING},
    {"data_version", NOTHING},
    {"page_size", NOTHING}, /* the R*Tree module asks for it */
};

static const char *const modules[] = {"fts5", "fts5vocab", "rtree", "rtree_i32"};

static int compare(const void *key, const void *row)
{
    return strcasecmp((const char *)key, *(const char *const *)row);
}

/* In any case: in a default of a column the name comes as it was written. */
static bool allowed_function(const char *name)
{
    return bsearch(name, functions, SLV_ARRAY_LEN(functions), sizeof *functions, compare) != NULL;
}

static bool allowed_name(const slv_usersql *u, const char *name)
{
    return name && strncasecmp(name, u->reserved, u->reserved_len) != 0;
}

static bool is_boolean(const char *value)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "1", "0"};
    size_t len = strlen(value);

    if (len >= 2 && (*value == '\'' || *value == '"') && value[len - 1] == *value) {
        value++;
        len -= 2;
    }
    for (size_t i = 0; i < SLV_ARRAY_LEN(words); i++)
        if (len == strlen(words[i]) && strncasecmp(value, words[i], len) == 0)
            return true;
    return false;
}

static bool is_number(const char *value)
{
    int64_t v = 0;

    return slv_parse_i64(slv_str_from(value), &v) == SLV_OK && v >= INT32_MIN && v <= INT32_MAX;
}

static bool allowed_pragma(const slv_usersql *u, const char *name, const char *value)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(pragmas); i++) {
        if (strcmp(pragmas[i].name, name) != 0)
            continue;
        switch (pragmas[i].argument) {
        case NOTHING:
            return !value;
        case BOOLEAN:
            return !value || is_boolean(value);
        case NAME:
            return allowed_name(u, value);
        case NAME_OR_NOTHING:
            return !value || allowed_name(u, value);
        case NUMBER_OR_NOTHING:
            return !value || is_number(value);
        case ANY_OF_THEM:
            return !value || is_number(value) || allowed_name(u, value);
        case ANYTHING:
            return true;
        }
    }
    return false;
}

static bool allowed_module(const char *name)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(modules); i++)
        if (name && strcasecmp(name, modules[i]) == 0)
            return true;
    return false;
}

static bool allowed(slv_usersql *u, int action, const char *a, const char *b)
{
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
        return true;
    /* All tables may be analyzed, ours too: an ANALYZE without a name means all of them. */
    case SQLITE_ANALYZE:
        return true;
    case SQLITE_CREATE_TABLE:
    case SQLITE_DELETE:
    case SQLITE_DROP_TABLE:
    case SQLITE_INSERT:
    case SQLITE_CREATE_VIEW:
    case SQLITE_DROP_VIEW:
    case SQLITE_REINDEX:
    case SQLITE_READ:
    case SQLITE_UPDATE:
        return allowed_name(u, a);
    case SQLITE_ALTER_TABLE: /* b: the new name, where there is one */
        return allowed_name(u, a) && (!b || allowed_name(u, b));
    case SQLITE_CREATE_INDEX:
    case SQLITE_DROP_INDEX:
    case SQLITE_CREATE_TRIGGER:
    case SQLITE_DROP_TRIGGER:
        return allowed_name(u, a) && allowed_name(u, b);
    case SQLITE_CREATE_VTABLE:
    case SQLITE_DROP_VTABLE:
        return allowed_module(b) && allowed_name(u, a);
    case SQLITE_PRAGMA:
        u->saw_pragma = true;
        return allowed_pragma(u, a, b);
    case SQLITE_FUNCTION:
        if (strcasecmp(b, "changes") == 0 || strcasecmp(b, "total_changes") == 0 ||
            strcasecmp(b, "last_insert_rowid") == 0)
            u->saw_state = true;
        return allowed_function(b);
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
        u->saw_transaction = true;
        return false;
    default: /* ATTACH, DETACH, everything TEMP, and what is yet to be invented */
        return false;
    }
}

int slv_usersql_authorize(void *arg, int action, const char *a, const char *b, const char *schema,
                          const char *trigger)
{
    slv_usersql *u = arg;

    (void)trigger;
    if (!u->judging)
        return SQLITE_OK;
    if (action == SQLITE_ALTER_TABLE || action == SQLITE_DETACH) {
        /* These two are told the schema first. */
        const char *named = a;

        a = b;
        b = schema;
        schema = named;
    }
    if (schema && strcmp(schema, "temp") == 0)
        return (action == SQLITE_READ || action == SQLITE_UPDATE) && allowed_name(u, a)
                   ? SQLITE_OK
                   : SQLITE_DENY;
    if (schema && strcmp(schema, "main") != 0)
        return SQLITE_DENY;
    return allowed(u, action, a, b) ? SQLITE_OK : SQLITE_DENY;
}
