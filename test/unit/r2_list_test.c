/* Listing a bucket, against a model. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/vec.h"
#include "support/bucket_rig.h"
#include "support/tap.h"

typedef struct page {
    SLV_VEC(char *) keys; /* "o" and a key, or "p" and a prefix */
} page;

static void page_add(page *p, char kind, slv_str text)
{
    char *entry = slv_alloc(text.len + 2);

    entry[0] = kind;
    memcpy(entry + 1, text.ptr ? text.ptr : "", text.len);
    entry[text.len + 1] = '\0';
    slv_vec_push(&p->keys, entry);
}

static void page_done(page *p)
{
    for (size_t i = 0; i < p->keys.len; i++)
        free(p->keys.items[i]);
    slv_vec_done(&p->keys);
}

static slv_code on_object(void *arg, const slv_r2_object *o)
{
    page_add(arg, 'o', o->key);
    return SLV_OK;
}

static slv_code on_prefix(void *arg, slv_str prefix)
{
    page_add(arg, 'p', prefix);
    return SLV_OK;
}

/* All pages of a listing, joined. */
static slv_code list_pages(slv_r2 *r2, slv_r2_list_options *o, page *ret, size_t *ret_pages)
{
    const slv_r2_list_to to = {ret, on_object, on_prefix};
    SLV_CLEANUP(slv_buf_done) slv_buf cursor = SLV_BUF(65536);
    SLV_CLEANUP(slv_buf_done) slv_buf next = SLV_BUF(65536);
    slv_err err = {0};

    for (*ret_pages = 1;; ++*ret_pages) {
        size_t before = ret->keys.len;

        slv_buf_reset(&next);
        SLV_TRY(slv_r2_list(r2, o, &to, &next, &err));
        if (next.len == 0)
            return SLV_OK;
        if (ret->keys.len - before != o->limit)
            return SLV_E_STATE; /* a page that is not the last is full */
        if (*ret_pages > 1000)
            return SLV_E_LIMIT; /* it goes in circles */
        SLV_TRY(slv_buf_set(&cursor, slv_buf_view(&next)));
        o->cursor = slv_buf_view(&cursor);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void model_list(char *const *keys, size_t count, const slv_r2_list_options *o, page *ret)
{
    for (size_t i = 0; i < count; i++) {
        slv_str key = slv_str_from(keys[i]);

        if (!slv_str_starts(key, o->prefix) ||
            (o->start_after.ptr && slv_str_cmp(key, o->start_after) <= 0))
            continue;
        size_t at = o->delimiter.len ? slv_str_find(key, o->delimiter, o->prefix.len) : SIZE_MAX;
        if (at == SIZE_MAX) {
            page_add(ret, 'o', key);
            continue;
        }
        slv_str fold = slv_str_sub(key, 0, at + o->delimiter.len);
        char *last = ret->keys.len ? ret->keys.items[ret->keys.len - 1] : NULL;
        if (!last || last[0] != 'p' || !slv_str_eq(slv_str_from(last + 1), fold))
            page_add(ret, 'p', fold);
    }
}

TEST(lists_are_what_a_model_says)
{
    SLV_CLEANUP(slv_r2_free) slv_r2 *r2 = open_bucket("list");
    SLV_VEC(char *) keys = {0};
    static const char *const delimiters[] = {"", "/", "ab", "b"};
    slv_prng prng;

    CHECK(r2);
    slv_prng_seed(&prng, tap_seed());
    CHECK(slv_db_begin(slv_r2_db(r2), NULL) == SLV_OK);
    for (int i = 0; i < 120; i++) {
        char key[9];
        size_t len = 1 + slv_prng_below(&prng, 7);

        for (size_t j = 0; j < len; j++)
            key[j] = "ab/\xc3"[slv_prng_below(&prng, 3)];
        key[len] = '\0';
        CHECK(put(r2, key, SLV_STR("v")) == SLV_OK);
        bool known = false;
        for (size_t j = 0; j < keys.len; j++)
            known = known || strcmp(keys.items[j], key) == 0;
        if (!known)
            slv_vec_push(&keys, slv_strdup(key));
    }
    CHECK(slv_db_commit(slv_r2_db(r2), NULL) == SLV_OK);
    qsort(keys.items, keys.len, sizeof *keys.items, by_text);
    for (int round = 0; round < 60; round++) {
        page got = {0}, want = {0};
        size_t pages;
        char prefix[3] = {0}, after[4] = {0};

        for (size_t j = 0, n = slv_prng_below(&prng, 3); j < n; j++)
            prefix[j] = "ab/"[slv_prng_below(&prng, 3)];
        for (size_t j = 0, n = slv_prng_below(&prng, 4); j < n; j++)
            after[j] = "ab/"[slv_prng_below(&prng, 3)];
        slv_r2_list_options o = {
            .prefix = slv_str_from(prefix),
            .delimiter = slv_str_from(delimiters[slv_prng_below(&prng, 4)]),
            .start_after = after[0] ? slv_str_from(after) : SLV_STR_NULL,
            .limit = 1 + (uint32_t)slv_prng_below(&prng, 5),
        };
        const slv_r2_list_options given = o;
        slv_code code = list_pages(r2, &o, &got, &pages);
        model_list(keys.items, keys.len, &given, &want);
        bool same = code == SLV_OK && got.keys.len == want.keys.len;
        for (size_t j = 0; same && j < got.keys.len; j++)
            same = strcmp(got.keys.items[j], want.keys.items[j]) == 0;
        if (!same)
            tap_note("prefix '%s' delimiter '%.*s' after '%s' limit %u: %zu entries, not %zu",
                     prefix, SLV_STR_ARGS(given.delimiter), after, given.limit, got.keys.len,
                     want.keys.len);
        page_done(&got);
        page_done(&want);
        CHECK(same);
    }
    for (size_t j = 0; j < keys.len; j++)
        free(keys.items[j]);
    slv_vec_done(&keys);
}

TAP_MAIN()
