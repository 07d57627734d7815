/*
 * d1_int.h - what the verbs of D1 share: cmd_d1.c (databases), cmd_d1_execute.c (SQL, export),
 * cmd_d1_migrations.c, cmd_d1_time_travel.c. Private to cli.
 */
#ifndef SLV_CLI_D1_INT_H
#define SLV_CLI_D1_INT_H

#include "cli/rest.h"

/* One run of a verb on the database that its first argument names. */
typedef struct d1_verb {
    const slv_args *args;
    slv_rest *rest;
    const char *name;        /* first argument: a name, a binding or an id */
    slv_str id;              /* as REST calls name it */
    const slv_node *options; /* its table of the configuration; NULL: it is in none */
    slv_arena arena;
    slv_buf path, body;
} d1_verb;

/* Opens the stores, finds the database in the configuration (by database_name or binding), calls
 * work, tells what failed; returns the exit code. A database that is in none is looked for by its
 * name. needs: 0 no database is named, 1 one is. */
int slv_d1_verb_run(const slv_args *args, int needs, slv_code (*work)(d1_verb *v, slv_err *err));

/* "/d1/database/ID" and what follows, in v->path. A database of the configuration is made when it
 * is first used. */
SLV_NODISCARD slv_code slv_d1_verb_path(d1_verb *v, const char *rest, slv_err *err);
/* An option of the configuration's table as text; `otherwise` when it is absent. */
slv_str slv_d1_verb_option(const d1_verb *v, const char *key, const char *otherwise);
/* Runs SQL: the array of results, one for each statement. */
SLV_NODISCARD slv_code slv_d1_verb_query(d1_verb *v, slv_str sql, slv_node **ret, slv_err *err);
/* Asks on a terminal, unless the user is sure; elsewhere yes. */
bool slv_d1_verb_confirm(bool sure, const char *question);
/* "wrangler.toml": for messages. */
const char *slv_d1_verb_file(const d1_verb *v);

#endif
