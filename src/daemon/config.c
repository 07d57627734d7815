#include "daemon/config.h"

#include <stddef.h>

#include "base/file.h"
#include "base/mem.h"
#include "edge/server.h"
#include "fmt/suggest.h"
#include "fmt/toml.h"

#define ARENA_MAX ((size_t)16 << 20)

typedef enum row_type { TEXT, PATH, TEXTS, BOOL, NUMBER } row_type;

/* Words that a text may be; after the rows that have them. */
static const char *const levels[] = {"none", "error", "warn", "info", "debug", NULL};
static const char *const formats[] = {"text", "json", NULL};

typedef struct row {
    const char *table; /* "": the top */
    const char *key;
    row_type type;
    size_t at;
    uint64_t min, max;
    const char *const *words; /* NULL: any text */
} row;

#define AT(field) offsetof(slv_serve_config, field)

static const row rows[] = {
    {"", "data", PATH, AT(data), 0, 0, NULL},
    {"", "domain", TEXT, AT(domain), 0, 0, NULL},
    {"", "colo", TEXT, AT(colo), 0, 0, NULL},
    {"", "listen", TEXTS, AT(listen), 0, 0, NULL},
    {"", "control_listen", TEXTS, AT(control_listen), 0, 0, NULL},
    {"", "loops", NUMBER, AT(loops), 1, 64, NULL},
    {"", "drain_seconds", NUMBER, AT(drain_seconds), 0, 3600, NULL},
    {"", "upgrade_seconds", NUMBER, AT(upgrade_seconds), 0, 7 * 86400, NULL},
    {"tls", "listen", TEXTS, AT(tls_listen), 0, 0, NULL},
    {"tls", "certificates", PATH, AT(tls_certificates), 0, 0, NULL},
    {"tls", "redirect", BOOL, AT(tls_redirect), 0, 0, NULL},
    {"tls", "hsts_seconds", NUMBER, AT(tls_hsts_seconds), 0, 63072000, NULL},
    {"acme", "directory", TEXT, AT(acme_directory), 0, 0, NULL},
    {"acme", "email", TEXT, AT(acme_email), 0, 0, NULL},
    {"acme", "hosts", TEXTS, AT(acme_hosts), 0, 0, NULL},
    {"acme", "accept_terms", BOOL, AT(acme_accept_terms), 0, 0, NULL},
    {"acme", "ca_file", PATH, AT(acme_ca_file), 0, 0, NULL},
    {"proxy", "trusted", TEXTS, AT(proxy_trusted), 0, 0, NULL},
    {"proxy", "protocol_listen", TEXTS, AT(proxy_protocol_listen), 0, 0, NULL},
    {"limits", "account_isolates", NUMBER, AT(account_isolates), 0, 100000, NULL},
    {"limits", "server_isolates", NUMBER, AT(server_isolates), 0, 100000, NULL},
    {"limits", "version_isolates", NUMBER, AT(version_isolates), 0, 1000, NULL},
    {"limits", "spare_isolates", NUMBER, AT(spare_isolates), 0, 1000, NULL},
    {"limits", "idle_seconds", NUMBER, AT(idle_seconds), 0, 86400, NULL},
    {"limits", "account_memory_mb", NUMBER, AT(account_memory_mb), 0, 16 << 20, NULL},
    {"limits", "server_memory_mb", NUMBER, AT(server_memory_mb), 0, 16 << 20, NULL},
    {"limits", "allow_private", BOOL, AT(allow_private), 0, 0, NULL},
    {"limits", "allow_weak_sandbox", BOOL, AT(allow_weak_sandbox), 0, 0, NULL},
    {"logs", "level", TEXT, AT(log_level), 0, 0, levels},
    {"logs", "format", TEXT, AT(log_format), 0, 0, formats},
    {"logs", "requests", BOOL, AT(log_requests), 0, 0, NULL},
    {"logs", "keep_days", NUMBER, AT(log_keep_days), 0, 3650, NULL},
    {"logs", "keep_mb", NUMBER, AT(log_keep_mb), 0, 1 << 20, NULL},
    {"otlp", "endpoint", TEXT, AT(otlp_endpoint), 0, 0, NULL},
    {"otlp", "service", TEXT, AT(otlp_service), 0, 0, NULL},
    {"otlp", "headers", TEXTS, AT(otlp_headers), 0, 0, NULL},
};

/* ---- values ---- */

typedef struct reader {
    slv_serve_config *config;
    const char *file;
    const char *dir; /* that paths are seen from */
    slv_err *err;
} reader;

static slv_code wrong(const reader *r, const slv_node *n, const row *w, const char *wanted)
{
    return slv_fail(r->err, SLV_E_INVAL, "%s:%u:%u: %s%s%s is %s; %s is expected", r->file, n->line,
                    n->col, w->table, w->table[0] ? "." : "", w->key, slv_node_type_text(n->type),
                    wanted);
}

static slv_code read_number(const reader *r, const slv_node *n, const row *w, uint64_t *ret)
{
    int64_t v;

    if (n->type != SLV_NODE_NUMBER)
        return wrong(r, n, w, "a number");
    if (!slv_node_i64(n, &v) || v < 0 || (uint64_t)v < w->min || (uint64_t)v > w->max)
        return slv_fail(r->err, SLV_E_INVAL,
                        "%s:%u:%u: %s%s%s is %.*s; a whole number from %llu to %llu is expected",
                        r->file, n->line, n->col, w->table, w->table[0] ? "." : "", w->key,
                        SLV_STR_ARGS(n->text), (unsigned long long)w->min,
                        (unsigned long long)w->max);
    *ret = (uint64_t)v;
    return SLV_OK;
}

static slv_code read_texts(const reader *r, const slv_node *n, const row *w, slv_strs *ret)
{
    *ret = (slv_strs){0};
    if (n->type == SLV_NODE_STRING) {
        ret->items[ret->count++] = n->text;
        return SLV_OK;
    }
    if (n->type != SLV_NODE_ARRAY)
        return wrong(r, n, w, "a string or an array of strings");
    for (const slv_node *item = n->first; item; item = item->next) {
        if (item->type != SLV_NODE_STRING)
            return wrong(r, item, w, "an array of strings");
        if (ret->count == SLV_SERVE_LIST_MAX)
            return slv_fail(r->err, SLV_E_LIMIT, "%s:%u:%u: %s has more than %d entries", r->file,
                            item->line, item->col, w->key, SLV_SERVE_LIST_MAX);
        ret->items[ret->count++] = item->text;
    }
    return SLV_OK;
}

static slv_code check_word(const reader *r, const slv_node *n, const row *w)
{
    size_t count = 0;

    for (; w->words[count]; count++)
        if (slv_str_is(n->text, w->words[count]))
            return SLV_OK;
    const char *near = slv_suggest(n->text, w->words, count);
    return slv_fail(r->err, SLV_E_INVAL, "%s:%u:%u: %s.%s is not '%.*s'%s%s%s", r->file, n->line,
                    n->col, w->table, w->key, SLV_STR_ARGS(n->text), near ? "; did you mean '" : "",
                    near ? near : "", near ? "'?" : "");
}

static bool is_colo(slv_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
            return false;
    }
    return text.len >= 2 && text.len <= SLV_COLO_MAX;
}

static slv_code read_text(const reader *r, const slv_node *n, const row *w, slv_str *ret)
{
    SLV_CLEANUP(slv_charp_free) char *path = NULL;

    if (n->type != SLV_NODE_STRING)
        return wrong(r, n, w, "a string");
    if (w->words)
        SLV_TRY(check_word(r, n, w));
    if (w->at == AT(colo) && !is_colo(n->text))
        return slv_fail(r->err, SLV_E_INVAL,
                        "%s:%u:%u: colo is '%.*s'; 2 to %d capital letters or digits are expected",
                        r->file, n->line, n->col, SLV_STR_ARGS(n->text), SLV_COLO_MAX);
    *ret = n->text;
    if (w->type == TEXT || n->text.len == 0)
        return SLV_OK;
    path = slv_path_join(r->dir, n->text);
    return slv_arena_dup(&r->config->arena, slv_str_from(path), ret);
}

static slv_code read_value(const reader *r, const slv_node *n, const row *w)
{
    char *base = (char *)r->config + w->at;

    switch (w->type) {
    case TEXT:
    case PATH:
        return read_text(r, n, w, (slv_str *)(void *)base);
    case TEXTS:
        return read_texts(r, n, w, (slv_strs *)(void *)base);
    case BOOL:
        if (n->type != SLV_NODE_BOOL)
            return wrong(r, n, w, "true or false");
        *(bool *)(void *)base = n->boolean;
        return SLV_OK;
    case NUMBER:
        return read_number(r, n, w, (uint64_t *)(void *)base);
    }
    SLV_UNREACHABLE();
}

/* ---- keys ---- */

static bool is_table(slv_str name)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++)
        if (rows[i].table[0] && slv_str_is(name, rows[i].table))
            return true;
    return false;
}

static slv_code unknown(const reader *r, const slv_node *n, const char *table)
{
    const char *words[2 * SLV_ARRAY_LEN(rows)] = {NULL};
    size_t count = 0;
    const char *near;

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].table, table) == 0)
            words[count++] = rows[i].key;
        if (!table[0] && rows[i].table[0])
            words[count++] = rows[i].table;
    }
    near = slv_suggest(n->key, words, count);
    return slv_fail(r->err, SLV_E_INVAL, "%s:%u:%u: there is no key '%s%s%.*s'%s%s%s", r->file,
                    n->key_line, n->key_col, table, table[0] ? "." : "", SLV_STR_ARGS(n->key),
                    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* "account-isolates" is "account_isolates": the flags of the command line have dashes. */
static bool same_key(slv_str key, const char *name)
{
    if (key.len != strlen(name))
        return false;
    for (size_t i = 0; i < key.len; i++)
        if ((key.ptr[i] == '-' ? '_' : key.ptr[i]) != name[i])
            return false;
    return true;
}

static slv_code read_table(const reader *r, const slv_node *table, const char *name)
{
    for (const slv_node *n = table->first; n; n = n->next) {
        const row *found = NULL;

        for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++)
            if (strcmp(rows[i].table, name) == 0 && same_key(n->key, rows[i].key))
                found = &rows[i];
        if (!found && !name[0] && is_table(n->key)) {
            SLV_CLEANUP(slv_charp_free) char *key = slv_strndup(n->key.ptr, n->key.len);

            if (n->type != SLV_NODE_OBJECT)
                return slv_fail(r->err, SLV_E_INVAL, "%s:%u:%u: %s is %s; a table is expected",
                                r->file, n->line, n->col, key, slv_node_type_text(n->type));
            SLV_TRY(read_table(r, n, key));
            continue;
        }
        if (!found)
            return unknown(r, n, name);
        SLV_TRY(read_value(r, n, found));
    }
    return SLV_OK;
}

static void defaults(slv_serve_config *c)
{
    *c = (slv_serve_config){.arena = SLV_ARENA(ARENA_MAX),
                            .domain = SLV_STR("localhost"),
                            .colo = SLV_STR("SLV"),
                            .loops = 1,
                            .drain_seconds = 30,
                            .upgrade_seconds = 3600,
                            .log_level = SLV_STR("info"),
                            .log_format = SLV_STR("text"),
                            .log_keep_days = 7,
                            .log_keep_mb = 512};
}

static slv_code check_place(slv_err *why, const char *file, slv_err *err)
{
    /* The parser's message begins with LINE:COL. */
    return slv_fail(err, SLV_E_PARSE, "%s:%s", file, slv_err_text(why));
}

slv_code slv_serve_config_parse(slv_str text, const char *file, slv_serve_config *ret, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *dir = slv_path_dir(file);
    reader r = {.config = ret, .file = file, .dir = dir, .err = err};
    slv_err why = {0};
    slv_node *root;
    slv_str copy;
    slv_code code;

    defaults(ret);
    ret->file = file;
    SLV_TRY(slv_arena_dup(&ret->arena, text, &copy));
    code = slv_toml_parse(copy, &ret->arena, &root, &why);
    if (code == SLV_OK)
        code = read_table(&r, root, "");
    else
        code = check_place(&why, file, err);
    if (code != SLV_OK)
        slv_serve_config_done(ret);
    return code;
}

slv_code slv_serve_config_load(const char *file, slv_serve_config *ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_SERVE_FILE_MAX);

    if (!file) {
        defaults(ret);
        return SLV_OK;
    }
    SLV_TRY(slv_file_read(file, &text, err));
    return slv_serve_config_parse(slv_buf_view(&text), file, ret, err);
}

void slv_serve_config_done(slv_serve_config *c)
{
    slv_arena_done(&c->arena);
}
