/* What the catalog has of an account, as lines and back. */
#include "catalog/transfer.h"

#include <stdio.h>
#include <string.h>

#include "catalog/pages.h"
#include "catalog/worker.h"
#include "support/tap.h"

#define ACCOUNT SLV_STR("0123456789abcdef0123456789abcdef")
#define OTHER SLV_STR("fedcba9876543210fedcba9876543210")

typedef struct rig {
    slv_catalog *c;
    slv_arena arena;
    slv_err err;
} rig;

static void rig_done(rig *r)
{
    (void)slv_catalog_free(r->c);
    slv_arena_done(&r->arena);
}
SLV_DEFINE_CLEANUP_DONE(rig, rig_done);

static bool open_rig(rig *r, const char *name)
{
    const slv_catalog_options options = {.create = true};
    char path[512];

    r->arena = SLV_ARENA((size_t)1 << 20);
    snprintf(path, sizeof path, "%s/%s", tap_tmpdir(), name);
    return slv_catalog_open(path, &options, &r->c, &r->err) == SLV_OK;
}

/* Stands for sealing: what was sealed with one key differs from the same with another. */
static slv_code turn(void *arg, slv_str sealed, slv_buf *out, slv_err *err)
{
    (void)arg;
    (void)err;
    for (size_t i = 0; i < sealed.len; i++)
        SLV_TRY(slv_buf_append_byte(out, (char)(sealed.ptr[i] ^ 1)));
    return SLV_OK;
}

static const slv_catalog_reseal reseal = {turn, NULL};

static slv_code fill(rig *r)
{
    const slv_account_row account = {.id = ACCOUNT, .name = SLV_STR("a"), .email = SLV_STR("e")};
    const slv_worker_row worker = {.account = ACCOUNT,
                                   .dispatch = SLV_STR(""),
                                   .name = SLV_STR("shop"),
                                   .tag = SLV_STR("t"),
                                   .migration_tag = SLV_STR(""),
                                   .objects = SLV_STR("{}"),
                                   .settings = SLV_STR("{}"),
                                   .crons = SLV_STR("[\"* * * * *\"]"),
                                   .created_ms = 5};
    slv_version_row v = {.id = SLV_STR("11111111-2222-4333-8444-555555555555"),
                         .account = ACCOUNT,
                         .worker = SLV_STR("shop"),
                         .dispatch = SLV_STR(""),
                         .source = SLV_STR("s"),
                         .author = SLV_STR("\xc3\xa4"),
                         .annotations = SLV_STR("{}"),
                         .alias = SLV_STR(""),
                         .metadata = SLV_STR("{\"x\":\"\\u0000\\\"\"}"),
                         .secrets = slv_str_make("\0\1sealed", 8),
                         .code = SLV_STR(""),
                         .assets = SLV_STR(""),
                         .handlers = SLV_STR("[]"),
                         .etag = SLV_STR(""),
                         .deployable = true};
    const slv_deployment_row d = {.id = SLV_STR("22222222-2222-4333-8444-555555555555"),
                                  .account = ACCOUNT,
                                  .worker = SLV_STR("shop"),
                                  .dispatch = SLV_STR(""),
                                  .source = SLV_STR(""),
                                  .author = SLV_STR(""),
                                  .annotations = SLV_STR("{}"),
                                  .versions = {{v.id, 100}},
                                  .version_count = 1};
    const slv_route_row route = {.account = ACCOUNT,
                                 .worker = SLV_STR("shop"),
                                 .pattern = SLV_STR("Shop.Example"),
                                 .domain = true,
                                 .id = SLV_STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
                                 .zone = SLV_STR("shop.example")};

    SLV_TRY(slv_catalog_account_create(r->c, &account, &r->err));
    SLV_TRY(slv_catalog_worker_put(r->c, &worker, &r->err));
    SLV_TRY(slv_catalog_version_add(r->c, &v, &r->err));
    SLV_TRY(slv_catalog_deploy(r->c, &d, &r->err));
    return slv_catalog_route_put(r->c, &route, false, &r->err);
}

TEST(an_account_comes_back_as_it_was)
{
    SLV_CLEANUP(slv_buf_done) slv_buf lines = SLV_BUF(1 << 20), again = SLV_BUF(1 << 20);
    SLV_CLEANUP(rig_done) rig a = {0}, b = {0};
    const slv_account_row account = {.id = OTHER, .name = SLV_STR("b"), .email = SLV_STR("")};
    const slv_catalog_import_options options = {.reseal = reseal};
    const slv_worker_key key = {OTHER, SLV_STR(""), SLV_STR("shop")};
    slv_version_row v;
    slv_route_list routes;

    CHECK(open_rig(&a, "a") && open_rig(&b, "b"));
    CHECK(fill(&a) == SLV_OK);
    CHECK(slv_catalog_export(a.c, ACCOUNT, &reseal, &lines, &a.err) == SLV_OK);
    CHECK(slv_catalog_import(b.c, &account, slv_buf_view(&lines), &options, &b.err) == SLV_OK);
    CHECK(slv_catalog_version_latest(b.c, &key, true, &b.arena, &v, &b.err) == SLV_OK);
    CHECK(slv_str_eq(v.secrets, slv_str_make("\0\1sealed", 8)));
    CHECK(slv_str_is(v.author, "\xc3\xa4") && slv_str_is(v.metadata, "{\"x\":\"\\u0000\\\"\"}"));
    CHECK(slv_catalog_route_list(b.c, OTHER, SLV_STR(""), &b.arena, &routes, &b.err) == SLV_OK);
    CHECK(routes.count == 1 && slv_str_is(routes.items[0].pattern, "Shop.Example"));
    CHECK(slv_catalog_export(b.c, OTHER, &reseal, &again, &b.err) == SLV_OK);
    /* a route's id is drawn anew; nothing else differs */
    char *id = memmem(lines.ptr, lines.len, "\"id\":\"aaaaaaaa", 14);
    char *drawn = memmem(again.ptr, again.len, "\"table\":\"route\"", 15);
    CHECK(id && drawn && lines.len == again.len);
    drawn = memmem(drawn, 100, "\"id\":\"", 6);
    CHECK(drawn && drawn - again.ptr == id - lines.ptr);
    memcpy(drawn, id, 40);
    CHECK(slv_str_eq(slv_buf_view(&lines), slv_buf_view(&again)));
}

TEST(hosts_of_others_are_in_the_way)
{
    SLV_CLEANUP(slv_buf_done) slv_buf lines = SLV_BUF(1 << 20);
    SLV_CLEANUP(rig_done) rig a = {0};
    const slv_account_row account = {.id = OTHER, .name = SLV_STR("b"), .email = SLV_STR("")};
    slv_catalog_import_options options = {.reseal = reseal, .now_ms = 77};
    const slv_worker_key key = {OTHER, SLV_STR(""), SLV_STR("shop")};
    slv_worker_row w;

    CHECK(open_rig(&a, "hosts"));
    CHECK(fill(&a) == SLV_OK);
    CHECK(slv_catalog_export(a.c, ACCOUNT, &reseal, &lines, &a.err) == SLV_OK);
    CHECK(slv_db_begin(slv_catalog_db(a.c), &a.err) == SLV_OK);
    CHECK(slv_catalog_import(a.c, &account, slv_buf_view(&lines), &options, &a.err) ==
          SLV_E_EXISTS);
    CHECK(strstr(a.err.message, "Shop.Example") != NULL);
    slv_db_rollback(slv_catalog_db(a.c));
    options.without_hosts = true;
    CHECK(slv_catalog_import(a.c, &account, slv_buf_view(&lines), &options, &a.err) == SLV_OK);
    CHECK(slv_catalog_worker_get(a.c, &key, &a.arena, &w, &a.err) == SLV_OK);
    CHECK(w.created_ms == 77);
}

TEST(lines_of_strangers_are_refused_by_their_number)
{
    static const struct {
        const char *lines, *want;
    } cases[] = {
        {"{", "line 1"},
        {"{\"table\":\"token\",\"row\":{}}", "no row of a table"},
        {"{\"table\":\"audit\",\"row\":{}}", "no row of a table"},
        {"\n{\"table\":\"worker; DROP TABLE x\",\"row\":{}}", "line 2"},
        {"{\"table\":\"worker\",\"row\":{\"name\":\"../x\"}}", "no name of a worker"},
        {"{\"table\":\"asset\",\"row\":{\"account\":\"x\"}}", "no column of a line"},
        {"{\"table\":\"asset\",\"row\":{\"hash\\\") --\":1}}", "has no column"},
        {"{\"table\":\"asset\",\"row\":{\"hash\":[1]}}", "neither text nor number"},
        {"{\"table\":\"asset\",\"row\":{\"hash\":\"x\"}}", "line 1"},
        {"{\"table\":\"version\",\"row\":{\"secrets\":{\"sealed\":\"!\"}}}", "sealed value"},
        {"{\"table\":\"pages_project\",\"row\":{\"name\":\"A b\"}}", "no name of a Pages project"},
        {"{\"table\":\"route\",\"row\":{\"pattern\":\"*\",\"worker\":\"w\"}}", "line 1"},
    };
    const slv_account_row account = {.id = OTHER, .name = SLV_STR("b"), .email = SLV_STR("")};
    const slv_catalog_import_options options = {.reseal = reseal};
    SLV_CLEANUP(rig_done) rig a = {0};

    CHECK(open_rig(&a, "strangers"));
    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        slv_err err = {0};

        CHECK(slv_db_begin(slv_catalog_db(a.c), &a.err) == SLV_OK);
        CHECK(slv_catalog_import(a.c, &account, slv_str_from(cases[i].lines), &options, &err) !=
              SLV_OK);
        if (!strstr(err.message, cases[i].want))
            tap_note("%s: %s", cases[i].lines, err.message);
        CHECK(strstr(err.message, cases[i].want) != NULL);
        slv_db_rollback(slv_catalog_db(a.c));
    }
}

/* A table that is added must be in the list, or among those that are left out on purpose. */
TEST(no_table_of_accounts_is_forgotten)
{
    static const char *const left_out[] = {"token", "audit", "asset_session"};
    SLV_CLEANUP(slv_buf_done) slv_buf lines = SLV_BUF(1 << 20);
    SLV_CLEANUP(rig_done) rig a = {0};
    const slv_catalog_import_options options = {.reseal = reseal};
    sqlite3_stmt *st;

    CHECK(open_rig(&a, "tables"));
    CHECK(slv_db_stmt(slv_catalog_db(a.c),
                      "SELECT m.name FROM sqlite_schema m, pragma_table_info(m.name) p"
                      " WHERE m.type='table' AND p.name='account'",
                      &st, &a.err) == SLV_OK);
    while (slv_stmt_step(slv_catalog_db(a.c), st, &a.err) == SLV_OK) {
        const slv_account_row account = {.id = OTHER, .name = SLV_STR("b"), .email = SLV_STR("")};
        slv_str table = slv_stmt_str(st, 0);
        bool out = false;
        slv_err err = {0};

        for (size_t i = 0; i < SLV_ARRAY_LEN(left_out); i++)
            out |= slv_str_is(table, left_out[i]);
        lines.len = 0;
        CHECK(slv_buf_printf(&lines, "{\"table\":\"%.*s\",\"row\":{\"nothing\":1}}",
                             SLV_STR_ARGS(table)) == SLV_OK);
        CHECK(slv_db_savepoint(slv_catalog_db(a.c), &err) == SLV_OK);
        CHECK(slv_catalog_import(a.c, &account, slv_buf_view(&lines), &options, &err) != SLV_OK);
        slv_db_rollback_to(slv_catalog_db(a.c));
        if (out != (strstr(err.message, "no row of a table") != NULL))
            tap_note("%.*s: %s", SLV_STR_ARGS(table), err.message);
        CHECK(out == (strstr(err.message, "no row of a table") != NULL));
    }
    slv_stmt_done(st);
}

TAP_MAIN()
