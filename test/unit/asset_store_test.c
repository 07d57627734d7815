/* asset_store_test.c - static files of accounts: batches, manifests, tokens, claims, sweeps. */
#include <stdio.h>

#include "base/mem.h"
#include "fmt/base64.h"
#include "fmt/json.h"
#include "host/asset_store.h"
#include "support/tap.h"

#define ACCOUNT SLV_STR("0123456789abcdef0123456789abcdef")
#define KEY SLV_STR("0123456789abcdef0123456789abcdef")
#define NOW 1000000

static slv_asset_store *open_store(void)
{
    return slv_asset_store_new(tap_tmpdir(), KEY);
}

static slv_code add(slv_asset_batch *b, slv_str bytes, slv_str hash, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(bytes.len * 2 + 16);
    uint64_t size;

    SLV_TRY(slv_base64_encode(bytes, SLV_BASE64_STD, &text));
    SLV_TRY(slv_asset_begin(b, err));
    for (size_t i = 0; i < text.len; i += 7) /* in pieces that cut its groups */
        SLV_TRY(slv_asset_text(b, slv_str_sub(slv_buf_view(&text), i, i + 7), err));
    return slv_asset_end(b, hash, &size, err);
}

TEST(hashes_are_those_that_wrangler_computes)
{
    char hash[33];

    CHECK(slv_assets_hash(SLV_STR("hello"), SLV_STR("html"), hash) == SLV_OK);
    CHECK(strcmp(hash, "a2b82584e50075886b08927390f2f573") == 0);
    CHECK(slv_assets_hash(SLV_STR(""), SLV_STR(""), hash) == SLV_OK);
    CHECK(strcmp(hash, "af1349b9f5f9a1a6a0404dea36dcc949") == 0);
    CHECK(slv_str_is(slv_assets_extension(SLV_STR("/a.b/c.tar.gz")), "gz"));
    CHECK(slv_assets_extension(SLV_STR("/a.b/c")).len == 0);
    CHECK(slv_assets_extension(SLV_STR("/.env")).len == 0);
    CHECK(slv_assets_extension(SLV_STR("/a.")).len == 0);
}

TEST(files_of_a_batch_are_in_their_places_only_after_its_commit)
{
    SLV_CLEANUP(slv_asset_store_free) slv_asset_store *s = open_store();
    SLV_CLEANUP(slv_asset_batch_free) slv_asset_batch *b = NULL;
    char hashes[40][33], text[32];
    uint64_t size = 0;
    slv_err err = {0};

    CHECK(slv_asset_batch_new(s, ACCOUNT, &b, &err) == SLV_OK);
    for (int i = 0; i < 40; i++) { /* more than are synced one by one */
        snprintf(text, sizeof text, "content %d", i);
        CHECK(slv_assets_hash(slv_str_from(text), SLV_STR("txt"), hashes[i]) == SLV_OK);
        CHECK(add(b, slv_str_from(text), slv_str_from(hashes[i]), &err) == SLV_OK);
        CHECK(slv_asset_batch_is(b, (size_t)i, SLV_STR("txt")));
        CHECK(!slv_asset_batch_is(b, (size_t)i, SLV_STR("html")));
    }
    slv_asset_batch_drop(b, 3);
    CHECK(slv_asset_size(s, ACCOUNT, slv_str_from(hashes[0]), &size, &err) == SLV_E_NOTFOUND);
    CHECK(slv_asset_commit(b, &err) == SLV_OK);
    CHECK(slv_asset_batch_count(b) == 0);
    for (int i = 0; i < 40; i++)
        CHECK(slv_asset_size(s, ACCOUNT, slv_str_from(hashes[i]), &size, &err) ==
              (i == 3 ? SLV_E_NOTFOUND : SLV_OK));
    CHECK(slv_asset_size(s, ACCOUNT, slv_str_from(hashes[9]), &size, &err) == SLV_OK && size == 9);
    CHECK(slv_asset_verify(s, ACCOUNT, slv_str_from(hashes[9]), SLV_STR("txt"), &err) == SLV_OK);
    CHECK(slv_asset_verify(s, ACCOUNT, slv_str_from(hashes[9]), SLV_STR("js"), &err) ==
          SLV_E_DENIED);
}

TEST(what_is_no_base64_is_refused_and_leaves_nothing)
{
    static const char *const texts[] = {"a",        "ab",   "abc",    "ab=c",
                                        "ab==abcd", "a$cd", "abcd\n", "AB=="};
    SLV_CLEANUP(slv_asset_store_free) slv_asset_store *s = open_store();
    SLV_CLEANUP(slv_asset_batch_free) slv_asset_batch *b = NULL;
    slv_err err = {0};
    uint64_t size;

    CHECK(slv_asset_batch_new(s, ACCOUNT, &b, &err) == SLV_OK);
    for (size_t i = 0; i < SLV_ARRAY_LEN(texts); i++) {
        CHECK(slv_asset_begin(b, &err) == SLV_OK);
        slv_code code = slv_asset_text(b, slv_str_from(texts[i]), &err);
        if (code == SLV_OK)
            code = slv_asset_end(b, SLV_STR("0123456789abcdef0123456789abcdef"), &size, &err);
        CHECK(code == SLV_E_PARSE);
    }
    CHECK(slv_asset_begin(b, &err) == SLV_OK);
    CHECK(slv_asset_end(b, SLV_STR("0123456789ABCDEF0123456789abcdef"), &size, &err) ==
          SLV_E_INVAL);
    CHECK(slv_asset_batch_count(b) == 0);
}

TEST(a_file_may_have_25_MiB_and_not_a_byte_more)
{
    SLV_CLEANUP(slv_asset_store_free) slv_asset_store *s = open_store();
    SLV_CLEANUP(slv_asset_batch_free) slv_asset_batch *b = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf zeroes = SLV_BUF(1 << 20);
    slv_err err = {0};

    while (zeroes.len < 786432) /* base64 of 576 KiB */
        CHECK(slv_buf_append(&zeroes, SLV_STR("AAAA")) == SLV_OK);
    CHECK(slv_asset_batch_new(s, ACCOUNT, &b, &err) == SLV_OK);
    CHECK(slv_asset_begin(b, &err) == SLV_OK);
    for (size_t left = 34952536; left > 0;) { /* of 25 MiB, padded */
        size_t n = left - 4 < zeroes.len ? left - 4 : zeroes.len;

        if (n == 0)
            break;
        CHECK(slv_asset_text(b, slv_str_sub(slv_buf_view(&zeroes), 0, n), &err) == SLV_OK);
        left -= n;
    }
    CHECK(slv_asset_text(b, SLV_STR("AA=="), &err) == SLV_OK);
    CHECK(slv_asset_begin(b, &err) == SLV_OK);
    slv_code code = SLV_OK;
    for (size_t left = 34952536; code == SLV_OK && left > 0;) {
        size_t n = left < zeroes.len ? left : zeroes.len;

        code = slv_asset_text(b, slv_str_sub(slv_buf_view(&zeroes), 0, n), &err);
        left -= n;
    }
    CHECK(code == SLV_E_LIMIT);
}

static slv_code token(slv_asset_store *s, slv_asset_token_kind kind, slv_str name, slv_buf *out)
{
    const slv_asset_token t = {.kind = kind,
                               .account = ACCOUNT,
                               .name = name,
                               .id = SLV_STR("a2b82584e50075886b08927390f2f573"),
                               .files = 2,
                               .expires_s = NOW + 10};

    return slv_asset_token_put(s, &t, out);
}

TEST(a_token_is_good_for_its_purpose_alone_and_until_it_expires)
{
    SLV_CLEANUP(slv_asset_store_free) slv_asset_store *s = open_store();
    SLV_CLEANUP(slv_asset_store_free)
    slv_asset_store *other = slv_asset_store_new(tap_tmpdir(), SLV_STR("another key"));
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1 << 16);
    slv_asset_token t;
    slv_err err = {0};
    slv_str jwt;

    CHECK(token(s, SLV_ASSET_SESSION, SLV_STR("w"), &text) == SLV_OK);
    jwt = slv_buf_view(&text);
    CHECK(slv_asset_token_get(s, SLV_ASSET_SESSION, jwt, NOW, &arena, &t, &err) == SLV_OK);
    CHECK(slv_str_is(t.name, "w") && slv_str_eq(t.account, ACCOUNT) && t.files == 2);
    CHECK(slv_asset_token_get(s, SLV_ASSET_COMPLETE, jwt, NOW, &arena, &t, &err) == SLV_E_DENIED);
    CHECK(slv_asset_token_get(s, SLV_ASSET_PAGES, jwt, NOW, &arena, &t, &err) == SLV_E_DENIED);
    CHECK(slv_asset_token_get(s, SLV_ASSET_SESSION, jwt, NOW + 10, &arena, &t, &err) ==
          SLV_E_DENIED);
    CHECK(slv_asset_token_get(other, SLV_ASSET_SESSION, jwt, NOW, &arena, &t, &err) ==
          SLV_E_DENIED);
}

/* metadata: "@" stands for the token. */
static slv_code claim(slv_asset_store *s, const char *metadata, slv_str jwt, slv_str previous,
                      slv_arena *arena, slv_str *ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1 << 16);
    slv_asset_claim c = {
        .account = ACCOUNT, .worker = SLV_STR("w"), .previous = previous, .now_s = NOW};
    slv_str copy;
    slv_node *root;

    for (const char *m = metadata; *m; m++)
        SLV_TRY(*m == '@' ? slv_buf_append(&text, jwt) : slv_buf_append_byte(&text, *m));
    SLV_TRY(slv_arena_dup(arena, slv_buf_view(&text), &copy));
    SLV_TRY(slv_json_parse(copy, SLV_JSON_STRICT, arena, &root, err));
    c.metadata = root;
    return slv_asset_claim_check(s, &c, arena, ret, err);
}

TEST(an_upload_claims_its_files_by_the_completion_of_its_own_session)
{
    SLV_CLEANUP(slv_asset_store_free) slv_asset_store *s = open_store();
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf own = SLV_BUF(1 << 16), others = SLV_BUF(1 << 16);
    slv_str row, kept;
    slv_err err = {0};

    CHECK(token(s, SLV_ASSET_COMPLETE, SLV_STR("w"), &own) == SLV_OK);
    CHECK(token(s, SLV_ASSET_COMPLETE, SLV_STR("x"), &others) == SLV_OK);
    CHECK(claim(s, "{\"assets\":{\"jwt\":\"@\",\"config\":{\"html_handling\":\"none\"}}}",
                slv_buf_view(&own), SLV_STR(""), &arena, &row, &err) == SLV_OK);
    CHECK(slv_str_find(row, SLV_STR("a2b82584e50075886b08927390f2f573"), 0) != SIZE_MAX);
    CHECK(claim(s, "{\"assets\":{\"jwt\":\"@\"}}", slv_buf_view(&others), SLV_STR(""), &arena, &row,
                &err) == SLV_E_DENIED);
    CHECK(claim(s, "{\"assets\":{\"jwt\":\"@\",\"config\":{\"html_handling\":\"x\"}}}",
                slv_buf_view(&own), SLV_STR(""), &arena, &row, &err) == SLV_E_INVAL);
    /* without a word about them they are gone, unless they are to be kept */
    CHECK(claim(s, "{}", SLV_STR(""), row, &arena, &kept, &err) == SLV_OK && kept.len == 0);
    CHECK(claim(s, "{\"keep_assets\":true}", SLV_STR(""), row, &arena, &kept, &err) == SLV_OK &&
          slv_str_eq(kept, row));
    CHECK(claim(s, "{\"assets\":{\"config\":{}}}", SLV_STR(""), SLV_STR(""), &arena, &kept, &err) ==
          SLV_E_INVAL);
}

TEST(a_set_is_made_of_a_stored_manifest)
{
    SLV_CLEANUP(slv_asset_store_free) slv_asset_store *s = open_store();
    SLV_CLEANUP(slv_assets_unref) slv_assets *set = NULL;
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf row = SLV_BUF(4096);
    const slv_asset_set_options options = {.has_worker = true};
    char hash[33];
    slv_err err = {0};
    const slv_asset *a;

    CHECK(slv_asset_manifest_put(
              s, ACCOUNT,
              SLV_STR("{\"/a.html\":{\"hash\":\"a2b82584e50075886b08927390f2f573\",\"size\":5,"
                      "\"type\":\"text/html\"}}"),
              hash, &err) == SLV_OK);
    CHECK(slv_buf_printf(&row, "{\"manifest\":\"%s\",\"files\":1,\"config\":{}}", hash) == SLV_OK);
    CHECK(slv_asset_set_load(s, ACCOUNT, slv_buf_view(&row), &options, &set, &err) == SLV_OK);
    CHECK(slv_assets_count(set) == 1 && slv_assets_has_worker(set));
    a = slv_assets_get(set, SLV_STR("/a.html"));
    CHECK(a && a->size == 5 && slv_str_is(a->type, "text/html"));
    CHECK(strcmp(a->etag, "a2b82584e50075886b08927390f2f573") == 0);
    CHECK(slv_str_ends(a->file, SLV_STR("/0123456789abcdef0123456789abcdef/assets/a2/"
                                        "a2b82584e50075886b08927390f2f573")));
}

TEST(a_sweep_leaves_a_file_that_came_while_it_went_on)
{
    SLV_CLEANUP(slv_asset_store_free) slv_asset_store *s = open_store();
    SLV_CLEANUP(slv_asset_batch_free) slv_asset_batch *b = NULL;
    char old[33], fresh[33];
    uint64_t size;
    slv_err err = {0};

    CHECK(slv_assets_hash(SLV_STR("old"), SLV_STR(""), old) == SLV_OK);
    CHECK(slv_assets_hash(SLV_STR("fresh"), SLV_STR(""), fresh) == SLV_OK);
    CHECK(slv_asset_batch_new(s, ACCOUNT, &b, &err) == SLV_OK);
    CHECK(add(b, SLV_STR("old"), slv_str_from(old), &err) == SLV_OK);
    CHECK(slv_asset_commit(b, &err) == SLV_OK);
    slv_asset_sweep_begin(s);
    CHECK(add(b, SLV_STR("fresh"), slv_str_from(fresh), &err) == SLV_OK);
    CHECK(slv_asset_commit(b, &err) == SLV_OK);
    slv_asset_sweep_remove(s, ACCOUNT, slv_str_from(old));
    slv_asset_sweep_remove(s, ACCOUNT, slv_str_from(fresh));
    slv_asset_sweep_end(s, 0);
    CHECK(slv_asset_size(s, ACCOUNT, slv_str_from(old), &size, &err) == SLV_E_NOTFOUND);
    CHECK(slv_asset_size(s, ACCOUNT, slv_str_from(fresh), &size, &err) == SLV_OK);
}

TAP_MAIN()
