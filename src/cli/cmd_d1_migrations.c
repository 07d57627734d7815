/* selvage d1 migrations create|list|apply */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/d1_int.h"
#include "cli/table.h"
#include "cli/verbs.h"

#define FILES_MAX 10000
#define FILE_BYTES_MAX ((size_t)32 << 20)

/* ---- files ---- */

typedef struct migration {
    char *name;
    long number; /* what the name begins with */
    const char *status;
} migration;

typedef struct migrations {
    char *dir;
    slv_str table;
    SLV_VEC(migration) files; /* by number, then name */
} migrations;

static void migrations_done(migrations *m)
{
    for (size_t i = 0; i < m->files.len; i++)
        free(m->files.items[i].name);
    slv_vec_done(&m->files);
    free(m->dir);
}
SLV_DEFINE_CLEANUP_DONE(migrations, migrations_done);

static int by_number(const void *a, const void *b)
{
    const migration *x = a, *y = b;

    return x->number != y->number ? (x->number > y->number) - (x->number < y->number)
                                  : strcmp(x->name, y->name);
}

static slv_code read_files(migrations *m, slv_err *err)
{
    DIR *dir = opendir(m->dir);
    const struct dirent *e;

    if (!dir)
        return slv_fail(err, SLV_E_NOTFOUND, "No migrations present at %s.", m->dir);
    while ((e = readdir(dir)) && m->files.len < FILES_MAX) {
        if (!slv_str_ends(slv_str_from(e->d_name), SLV_STR(".sql")))
            continue;
        slv_vec_push(&m->files, ((migration){.name = slv_strdup(e->d_name),
                                             .number = strtol(e->d_name, NULL, 10)}));
    }
    closedir(dir);
    if (m->files.len > 0)
        qsort(m->files.items, m->files.len, sizeof *m->files.items, by_number);
    return SLV_OK;
}

static slv_code find(d1_verb *v, migrations *m, bool make, slv_err *err)
{
    slv_str dir = slv_d1_verb_option(v, "migrations_dir", "migrations");

    if (!slv_rest_config(v->rest))
        return slv_fail(err, SLV_E_INVAL,
                        "No configuration file found. Create a wrangler.jsonc file to define your "
                        "D1 database.");
    if (!v->options)
        return slv_fail(err, SLV_E_INVAL,
                        "Couldn't find a D1 DB with the name or binding '%s' in your %s file.",
                        v->name, slv_d1_verb_file(v));
    m->table = slv_d1_verb_option(v, "migrations_table", "d1_migrations");
    m->dir = slv_path_join(slv_rest_dir(v->rest), dir);
    if (make && mkdir(m->dir, 0777) != 0 && errno != EEXIST)
        return slv_fail_errno(err, SLV_E_INVAL, "%s", m->dir);
    return read_files(m, err);
}

/* ---- what is applied ---- */

static bool has_name(const slv_node *rows, const char *name)
{
    for (const slv_node *row = rows ? rows->first : NULL; row; row = row->next)
        if (slv_str_is(slv_node_str(slv_node_get(row, "name")), name))
            return true;
    return false;
}

/* Leaves the files that are not applied. */
static slv_code keep_unapplied(d1_verb *v, migrations *m, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf sql = SLV_BUF(4096);
    slv_node *results = NULL;
    size_t n = 0;

    SLV_TRY(slv_buf_printf(&sql,
                           "CREATE TABLE IF NOT EXISTS %.*s(\n"
                           "\t\tid         INTEGER PRIMARY KEY AUTOINCREMENT,\n"
                           "\t\tname       TEXT UNIQUE,\n"
                           "\t\tapplied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL\n);\n"
                           "SELECT * FROM %.*s ORDER BY id;",
                           SLV_STR_ARGS(m->table), SLV_STR_ARGS(m->table)));
    SLV_TRY(slv_d1_verb_query(v, slv_buf_view(&sql), &results, err));
    const slv_node *rows = slv_node_get(results->last, "results");
    for (size_t i = 0; i < m->files.len; i++) {
        if (has_name(rows, m->files.items[i].name))
            free(m->files.items[i].name);
        else
            m->files.items[n++] = m->files.items[i];
    }
    m->files.len = n;
    return SLV_OK;
}

static void print_names(const migrations *m, const char *head, bool status)
{
    const char *columns[2] = {head, "status"};
    SLV_CLEANUP(slv_table_free) slv_table *t = slv_table_new(columns, status ? 2 : 1);

    for (size_t i = 0; i < m->files.len; i++) {
        const slv_str cells[2] = {slv_str_from(m->files.items[i].name),
                                  slv_str_from(m->files.items[i].status)};

        slv_table_row(t, cells);
    }
    slv_table_print(t, stdout);
}

/* ---- the verbs ---- */

static slv_code create(d1_verb *v, slv_err *err)
{
    SLV_CLEANUP(migrations_done) migrations m = {0};
    SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF(4096);
    const char *message;
    char stamp[40];
    long number = 1;
    int64_t now_ms = slv_clock_wall_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm tm;

    SLV_TRY(slv_args_required(v->args, 1, "the migration's message", &message, err));
    SLV_TRY(find(v, &m, true, err));
    for (size_t i = 0; i < m.files.len; i++)
        number = SLV_MAX(number, m.files.items[i].number + 1);
    SLV_TRY(slv_buf_printf(&name, "%04ld_%s.sql", number, message));
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == ' ')
            name.ptr[i] = '_';
        if (name.ptr[i] == '/')
            return slv_fail(err, SLV_E_INVAL, "the message becomes a file's name: no / in it");
    }
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(m.dir, slv_buf_view(&name));
    FILE *file = fopen(path, "wx");
    if (!file || !gmtime_r(&seconds, &tm))
        return slv_fail_errno(err, SLV_E_IO, "%s", path);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    fprintf(file, "-- Migration number: %04ld \t %s.%03dZ\n", number, stamp, (int)(now_ms % 1000));
    if (fclose(file) != 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", path);
    printf("\xe2\x9c\x85 Successfully created Migration '%.*s'!\n\n"
           "The migration is available for editing here\n%s\n",
           SLV_STR_ARGS(slv_buf_view(&name)), path);
    return SLV_OK;
}

static slv_code list(d1_verb *v, slv_err *err)
{
    SLV_CLEANUP(migrations_done) migrations m = {0};

    SLV_TRY(find(v, &m, false, err));
    SLV_TRY(keep_unapplied(v, &m, err));
    if (m.files.len == 0) {
        printf("\xe2\x9c\x85 No migrations to apply!\n");
        return SLV_OK;
    }
    printf("Migrations to be applied:\n");
    print_names(&m, "Name", false);
    return SLV_OK;
}

/* One file and its row in the table, together or not at all. */
static slv_code apply_one(d1_verb *v, const migrations *m, const char *name, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf sql = SLV_BUF(FILE_BYTES_MAX);
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(m->dir, slv_str_from(name));
    slv_node *results = NULL;

    SLV_TRY(slv_file_read(path, &sql, err));
    SLV_TRY(slv_buf_printf(&sql, "\n;INSERT INTO %.*s (name)\nvalues ('", SLV_STR_ARGS(m->table)));
    for (const char *p = name; *p; p++)
        SLV_TRY(*p == '\'' ? slv_buf_append(&sql, SLV_STR("''")) : slv_buf_append_byte(&sql, *p));
    SLV_TRY(slv_buf_append(&sql, SLV_STR("');")));
    return slv_d1_verb_query(v, slv_buf_view(&sql), &results, err);
}

static slv_code apply(d1_verb *v, slv_err *err)
{
    SLV_CLEANUP(migrations_done) migrations m = {0};
    char question[200];

    SLV_TRY(find(v, &m, false, err));
    SLV_TRY(keep_unapplied(v, &m, err));
    if (m.files.len == 0) {
        printf("\xe2\x9c\x85 No migrations to apply!\n");
        return SLV_OK;
    }
    printf("Migrations to be applied:\n");
    print_names(&m, "name", false);
    snprintf(question, sizeof question,
             "About to apply %zu migration(s)\nYour database may not be available to serve "
             "requests during the migration, continue?",
             m.files.len);
    if (!slv_d1_verb_confirm(slv_args_bool(v->args, "yes", false), question))
        return SLV_OK;
    printf("\xf0\x9f\x8c\x80 Executing on local database %s (%.*s):\n", v->name,
           SLV_STR_ARGS(v->id));
    for (size_t i = 0; i < m.files.len; i++)
        m.files.items[i].status = "\xf0\x9f\x95\x92\xef\xb8\x8f";
    for (size_t i = 0; i < m.files.len; i++) {
        slv_code code = apply_one(v, &m, m.files.items[i].name, err);

        m.files.items[i].status = code == SLV_OK ? "\xe2\x9c\x85" : "\xe2\x9d\x8c";
        if (code != SLV_OK || i + 1 == m.files.len)
            print_names(&m, "name", true);
        if (code != SLV_OK) {
            fflush(stdout);
            fprintf(stderr, "Migration %s failed with the following errors:\n",
                    m.files.items[i].name);
            return code;
        }
    }
    return SLV_OK;
}

static int exec_create(const slv_args *args)
{
    return slv_d1_verb_run(args, 1, create);
}
static int exec_list(const slv_args *args)
{
    return slv_d1_verb_run(args, 1, list);
}
static int exec_apply(const slv_args *args)
{
    return slv_d1_verb_run(args, 1, apply);
}

static const slv_flag flags[] = {
    {"yes", SLV_FLAG_BOOL, 'y', NULL, "do not ask"},
    {"preview", SLV_FLAG_BOOL, 0, NULL, NULL},
    SLV_REST_FLAGS,
};

#define VERB(id, words, what, arguments, count, run)                                               \
    const slv_cmd slv_cmd_d1_migrations_##id##_verb = {                                            \
        .name = "d1 migrations " words,                                                            \
        .args = arguments,                                                                         \
        .usage = what,                                                                             \
        .flags = flags,                                                                            \
        .flag_count = SLV_ARRAY_LEN(flags),                                                        \
        .max_positional = count,                                                                   \
        .exec = run,                                                                               \
    }

VERB(create, "create", "make an empty migration", "<database> <message>", 2, exec_create);
VERB(list, "list", "list migrations that are not applied", "<database>", 1, exec_list);
VERB(apply, "apply", "apply migrations in order", "<database>", 1, exec_apply);
