/*
 * config_int.h - the table of configuration keys and what walks it. Private to plat.
 */
#ifndef SLV_PLAT_CONFIG_INT_H
#define SLV_PLAT_CONFIG_INT_H

#include "fmt/doc.h"
#include "plat/config.h"

typedef enum config_kind {
    CONFIG_ANY,
    CONFIG_STRING,
    CONFIG_BOOL,
    CONFIG_NUMBER,
    CONFIG_STRINGS,         /* array of strings */
    CONFIG_TABLE,           /* with the keys of sub */
    CONFIG_TABLES,          /* array of these; a single one is accepted with a warning */
    CONFIG_MAP,             /* any names, any values */
    CONFIG_STRING_MAP,      /* any names, strings */
    CONFIG_BOOL_OR_STRINGS, /* run_worker_first */
    CONFIG_STRING_OR_STRINGS,
    CONFIG_ROUTE,  /* string or table of sub */
    CONFIG_ROUTES, /* array of these */
} config_kind;

typedef enum config_scope {
    CONFIG_NESTED,  /* not a key of the first level */
    CONFIG_TOP,     /* not in an environment */
    CONFIG_INHERIT, /* an environment that does not have it takes that of the top level */
    CONFIG_OWN,     /* an environment has its own or none */
} config_scope;

typedef struct config_key config_key;
struct config_key {
    const char *name; /* NULL ends a table */
    const config_key *sub;
    const char *one_of; /* "off|smart|targeted": of a string */
    /* Keys of the first level that make bindings: which, and how they are named. */
    const char *binding_name; /* "binding" or "name" */
    const char
        *binding_list; /* "bindings": the tables stand under this key; NULL: they are the value */
    config_kind kind;
    config_scope scope;
    bool required;
    bool unsupported; /* known, but not in this version of selvage */
};

extern const config_key slv_config_keys[];
const config_key *slv_config_key_find(const config_key *keys, slv_str name);

/* What a walk through the tree carries. */
typedef struct config_walk {
    slv_arena *arena;
    const char *file; /* as messages show it */
    slv_config_warn warn;
    void *warn_arg;
    slv_err *err;
    char path[256]; /* "env.staging.routes[2].pattern" */
} config_walk;

void slv_config_warn_at(config_walk *w, const slv_node *at, const char *fmt, ...) SLV_PRINTF(3, 4);
slv_code slv_config_fail(config_walk *w, slv_code code, const slv_node *at, const char *fmt, ...)
    SLV_PRINTF(4, 5);
/* Checks the members of table against keys: unknown ones are warned of, wrong types and missing
   keys are errors; single tables become arrays. in_env: table is env.NAME. */
SLV_NODISCARD slv_code slv_config_check_table(config_walk *w, slv_node *table,
                                              const config_key *keys, bool first_level,
                                              bool in_env);

/* config_queues.c: the consumers of the "queues" table (may be NULL). */
SLV_NODISCARD slv_code slv_config_read_consumers(config_walk *w, const slv_node *queues,
                                                 slv_config *c);
/* config_assets.c: the static files, but for who serves them (has_worker, the flags). */
SLV_NODISCARD slv_code slv_config_read_assets(config_walk *w, const slv_node *assets,
                                              slv_config *c);
/* config_objects.c: the classes of Durable Objects; after the bindings. */
SLV_NODISCARD slv_code slv_config_read_classes(config_walk *w, const slv_node *migrations,
                                               const slv_node *exports, slv_config *c);

#endif
