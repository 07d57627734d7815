/* Accounts, tokens and the log of changes. */
#include "catalog/account.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "catalog/worker.h"
#include "support/tap.h"

typedef struct rig {
    slv_catalog *c;
    slv_arena arena;
    slv_err err;
    char path[512];
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

    r->arena = SLV_ARENA((size_t)64 << 20);
    snprintf(r->path, sizeof r->path, "%s/%s", tap_tmpdir(), name);
    if (slv_catalog_open(r->path, &options, &r->c, &r->err) == SLV_OK)
        return true;
    tap_note("%s", slv_err_text(&r->err));
    return false;
}

static slv_code add(rig *r, const char *name, slv_str *ret_id)
{
    char id[SLV_ACCOUNT_ID_LEN + 1];
    slv_account_row row = {
        .name = slv_str_from(name), .email = SLV_STR("a@b.c"), .created_ms = 1000};

    slv_catalog_account_id_draw(id);
    SLV_TRY(slv_arena_dup(&r->arena, slv_str_from(id), ret_id));
    row.id = *ret_id;
    return slv_catalog_account_create(r->c, &row, &r->err);
}

static slv_code add_token(rig *r, slv_str account, unsigned scopes, int64_t expires_ms,
                          char text[static SLV_TOKEN_LEN + 1], slv_str *ret_id)
{
    slv_token_row row = {.account = account,
                         .name = SLV_STR("t"),
                         .email = SLV_STR(""),
                         .scopes = scopes,
                         .created_ms = 5,
                         .expires_ms = expires_ms};

    SLV_TRY(slv_catalog_token_create(r->c, &row, &r->arena, text, &r->err));
    *ret_id = row.id;
    return SLV_OK;
}

TEST(an_account_is_found_by_id_and_by_name)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    slv_account_row row, *rows;
    slv_str one, two;
    size_t n;

    CHECK(open_rig(&r, "find"));
    CHECK(add(&r, "one", &one) == SLV_OK && add(&r, "two", &two) == SLV_OK);
    CHECK(slv_catalog_account_id_ok(one) && !slv_str_eq(one, two));
    CHECK(slv_catalog_account_get(r.c, one, &r.arena, &row, &r.err) == SLV_OK);
    CHECK_STR(row.name, SLV_STR("one"));
    CHECK(slv_catalog_account_get(r.c, SLV_STR("two"), &r.arena, &row, &r.err) == SLV_OK);
    CHECK_STR(row.id, two);
    CHECK_STR(row.email, SLV_STR("a@b.c"));
    CHECK(slv_catalog_account_get(r.c, SLV_STR("three"), &r.arena, &row, &r.err) == SLV_E_NOTFOUND);
    CHECK(slv_catalog_account_list(r.c, &r.arena, &rows, &n, &r.err) == SLV_OK);
    CHECK_INT(n, 2);
}

TEST(names_are_taken_once_and_have_a_form)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    char longest[SLV_ACCOUNT_NAME_MAX + 2];
    slv_str id;

    CHECK(open_rig(&r, "names"));
    CHECK(add(&r, "one", &id) == SLV_OK);
    CHECK(add(&r, "one", &id) == SLV_E_EXISTS);
    CHECK(strstr(r.err.message, "'one'") != NULL);
    CHECK(add(&r, "", &id) == SLV_E_INVAL);
    CHECK(add(&r, "a\nb", &id) == SLV_E_INVAL);
    memset(longest, 'x', sizeof longest);
    longest[SLV_ACCOUNT_NAME_MAX] = 0;
    CHECK(add(&r, longest, &id) == SLV_OK);
    longest[SLV_ACCOUNT_NAME_MAX] = 'x';
    longest[SLV_ACCOUNT_NAME_MAX + 1] = 0;
    CHECK(add(&r, longest, &id) == SLV_E_INVAL);
    CHECK(!slv_catalog_account_id_ok(SLV_STR("0123456789abcdef0123456789abcdeF")));
    CHECK(!slv_catalog_account_id_ok(SLV_STR("0123456789abcdef0123456789abcde")));
}

TEST(a_token_is_found_by_its_text_alone_and_its_text_is_nowhere)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    SLV_CLEANUP(slv_buf_done) slv_buf file = SLV_BUF((size_t)64 << 20);
    char text[SLV_TOKEN_LEN + 1], other[SLV_TOKEN_LEN + 1], path[600];
    static const char *const suffixes[] = {".sqlite", ".sqlite-wal"};
    slv_token_row row;
    slv_str account, id, id2;

    CHECK(open_rig(&r, "token"));
    CHECK(add(&r, "one", &account) == SLV_OK);
    CHECK(add_token(&r, account, SLV_SCOPE_READ, 0, text, &id) == SLV_OK);
    CHECK(add_token(&r, account, SLV_SCOPE_ALL, 0, other, &id2) == SLV_OK);
    CHECK_INT(strlen(text), SLV_TOKEN_LEN);
    CHECK(strncmp(text, SLV_TOKEN_PREFIX, 4) == 0 && strcmp(text, other) != 0);
    CHECK(slv_catalog_token_find(r.c, slv_str_from(text), &r.arena, &row, &r.err) == SLV_OK);
    CHECK_STR(row.id, id);
    CHECK_STR(row.account, account);
    CHECK_INT(row.scopes, SLV_SCOPE_READ);
    text[SLV_TOKEN_LEN - 1] ^= 1;
    CHECK(slv_catalog_token_find(r.c, slv_str_from(text), &r.arena, &row, &r.err) ==
          SLV_E_NOTFOUND);
    text[SLV_TOKEN_LEN - 1] ^= 1;
    CHECK(slv_catalog_token_find(r.c, id, &r.arena, &row, &r.err) == SLV_E_NOTFOUND);
    CHECK(slv_catalog_token_find(r.c, SLV_STR(""), &r.arena, &row, &r.err) == SLV_E_NOTFOUND);
    for (size_t i = 0; i < SLV_ARRAY_LEN(suffixes); i++) {
        snprintf(path, sizeof path, "%s%s", r.path, suffixes[i]);
        CHECK(tap_read_file(path, &file));
        CHECK(slv_str_find(slv_buf_view(&file), slv_str_from(text + 4), 0) == SIZE_MAX);
        slv_buf_reset(&file);
    }
}

TEST(a_token_ends_at_its_time_or_when_it_is_revoked)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    char text[SLV_TOKEN_LEN + 1];
    slv_token_row row, *rows;
    slv_str account, id;
    size_t n;

    CHECK(open_rig(&r, "end"));
    CHECK(add(&r, "one", &account) == SLV_OK);
    CHECK(add_token(&r, account, SLV_SCOPE_ALL, 2000, text, &id) == SLV_OK);
    CHECK(slv_catalog_token_find(r.c, slv_str_from(text), &r.arena, &row, &r.err) == SLV_OK);
    CHECK(slv_catalog_token_live(&row, 1999) && !slv_catalog_token_live(&row, 2000));
    CHECK(slv_catalog_token_used(r.c, id, 1500, &r.err) == SLV_OK);
    CHECK(slv_catalog_token_used(r.c, id, 1400, &r.err) == SLV_OK);
    CHECK(slv_catalog_token_revoke(r.c, account, SLV_STR("t"), 1800, &r.err) == SLV_OK);
    CHECK(slv_catalog_token_revoke(r.c, account, id, 1900, &r.err) == SLV_E_NOTFOUND);
    CHECK(slv_catalog_token_list(r.c, account, &r.arena, &rows, &n, &r.err) == SLV_OK);
    CHECK_INT(n, 1);
    CHECK_INT(rows[0].revoked_ms, 1800);
    CHECK_INT(rows[0].used_ms, 1500);
    CHECK(!slv_catalog_token_live(&rows[0], 1999));
}

TEST(an_account_has_so_many_tokens_and_no_more)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    char text[SLV_TOKEN_LEN + 1];
    slv_str account, id;

    CHECK(open_rig(&r, "many"));
    CHECK(add(&r, "one", &account) == SLV_OK);
    for (unsigned i = 0; i < SLV_TOKENS_MAX; i++)
        CHECK(add_token(&r, account, SLV_SCOPE_ALL, 0, text, &id) == SLV_OK);
    CHECK(add_token(&r, account, SLV_SCOPE_ALL, 0, text, &id) == SLV_E_LIMIT);
    CHECK(slv_catalog_token_revoke(r.c, account, SLV_STR("t"), 1, &r.err) == SLV_OK);
    CHECK(add_token(&r, account, SLV_SCOPE_ALL, 0, text, &id) == SLV_OK);
    CHECK(add_token(&r, account, 0, 0, text, &id) == SLV_E_INVAL);
    CHECK(add_token(&r, account, 8, 0, text, &id) == SLV_E_INVAL);
    CHECK(add_token(&r, SLV_STR("nobody"), 1, 0, text, &id) == SLV_E_NOTFOUND);
}

TEST(a_deleted_account_leaves_nothing_but_its_log)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    char text[SLV_TOKEN_LEN + 1], kept[SLV_TOKEN_LEN + 1];
    const slv_audit_row entry = {.at_ms = 10, .action = SLV_STR("x"), .status = 200};
    slv_audit_row mine = entry, *log;
    slv_token_row row;
    slv_worker_list workers;
    slv_str one, two, id;
    size_t n;

    CHECK(open_rig(&r, "gone"));
    CHECK(add(&r, "one", &one) == SLV_OK && add(&r, "two", &two) == SLV_OK);
    CHECK(add_token(&r, one, SLV_SCOPE_ALL, 0, text, &id) == SLV_OK);
    CHECK(add_token(&r, two, SLV_SCOPE_ALL, 0, kept, &id) == SLV_OK);
    const slv_worker_row worker = {.account = one,
                                   .dispatch = SLV_STR(""),
                                   .name = SLV_STR("w"),
                                   .tag = SLV_STR("t"),
                                   .crons = SLV_STR("[]"),
                                   .settings = SLV_STR("{}"),
                                   .objects = SLV_STR("")};
    CHECK(slv_catalog_worker_put(r.c, &worker, &r.err) == SLV_OK);
    mine.account = one;
    CHECK(slv_catalog_audit(r.c, &mine, &r.err) == SLV_OK);
    CHECK(slv_catalog_account_delete(r.c, SLV_STR("one"), &r.err) == SLV_OK);
    CHECK(slv_catalog_token_find(r.c, slv_str_from(text), &r.arena, &row, &r.err) ==
          SLV_E_NOTFOUND);
    CHECK(slv_catalog_token_find(r.c, slv_str_from(kept), &r.arena, &row, &r.err) == SLV_OK);
    CHECK(slv_catalog_worker_list(r.c, one, SLV_STR_NULL, &r.arena, &workers, &r.err) == SLV_OK);
    CHECK_INT(workers.count, 0);
    CHECK(slv_catalog_audit_list(r.c, one, 0, 10, &r.arena, &log, &n, &r.err) == SLV_OK);
    CHECK_INT(n, 1);
    CHECK(slv_catalog_account_delete(r.c, one, &r.err) == SLV_E_NOTFOUND);
}

TEST(the_log_is_bounded_by_age_and_rows)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    char longest[SLV_AUDIT_TEXT_MAX + 1];
    slv_audit_row row = {.at_ms = 1000,
                         .account = SLV_STR("a"),
                         .actor = SLV_STR("me"),
                         .action = SLV_STR("first"),
                         .resource = slv_str_make(longest, sizeof longest),
                         .status = 200};
    slv_audit_row *rows;
    size_t n;

    memset(longest, 'x', sizeof longest);
    CHECK(open_rig(&r, "log"));
    CHECK(slv_catalog_audit(r.c, &row, &r.err) == SLV_OK);
    row.action = SLV_STR("second");
    row.account = SLV_STR("b");
    row.at_ms += SLV_AUDIT_AGE_MS;
    CHECK(slv_catalog_audit(r.c, &row, &r.err) == SLV_OK); /* the first is as old as may be */
    CHECK(slv_catalog_audit_list(r.c, SLV_STR(""), 0, 10, &r.arena, &rows, &n, &r.err) == SLV_OK);
    CHECK_INT(n, 2);
    CHECK_STR(rows[0].action, SLV_STR("second"));
    CHECK_INT(rows[0].resource.len, SLV_AUDIT_TEXT_MAX);
    CHECK(slv_catalog_audit_list(r.c, SLV_STR("a"), 0, 10, &r.arena, &rows, &n, &r.err) == SLV_OK);
    CHECK_INT(n, 1);
    CHECK(slv_catalog_audit_list(r.c, SLV_STR(""), rows[0].number, 10, &r.arena, &rows, &n,
                                 &r.err) == SLV_OK);
    CHECK_INT(n, 0);
    row.at_ms += 1;
    CHECK(slv_catalog_audit(r.c, &row, &r.err) == SLV_OK);
    CHECK(slv_catalog_audit_list(r.c, SLV_STR("a"), 0, 10, &r.arena, &rows, &n, &r.err) == SLV_OK);
    CHECK_INT(n, 0);
    /* as if so many had been written */
    CHECK(slv_db_exec(slv_catalog_db(r.c), "UPDATE sqlite_sequence SET seq=seq+99998", &r.err) ==
          SLV_OK);
    CHECK(slv_catalog_audit(r.c, &row, &r.err) == SLV_OK);
    CHECK(slv_catalog_audit_list(r.c, SLV_STR(""), 0, 10, &r.arena, &rows, &n, &r.err) == SLV_OK);
    CHECK_INT(n, 2);
}

TEST(scopes_have_names)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(4096);
    slv_err err = {0};
    unsigned set;
    slv_str text;

    CHECK(slv_catalog_scopes_parse(SLV_STR("read, data"), &set, &err) == SLV_OK);
    CHECK_INT(set, SLV_SCOPE_READ | SLV_SCOPE_DATA);
    CHECK(slv_catalog_scopes_text(set, &arena, &text) == SLV_OK);
    CHECK_STR(text, SLV_STR("read,data"));
    CHECK(slv_catalog_scopes_parse(SLV_STR("all"), &set, &err) == SLV_OK);
    CHECK_INT(set, SLV_SCOPE_ALL);
    CHECK(slv_catalog_scopes_parse(SLV_STR("read,wirte"), &set, &err) == SLV_E_INVAL);
    CHECK(strstr(err.message, "'wirte'") != NULL);
    CHECK(slv_catalog_scopes_parse(SLV_STR(" , "), &set, &err) == SLV_E_INVAL);
}

TAP_MAIN()
