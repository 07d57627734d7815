/* The bucket as a library: a model check, limits at and one past, content in all its forms. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/vec.h"
#include "fmt/seal.h"
#include "r2/r2.h"
#include "support/tap.h"

#define T0 INT64_C(1700000000000)

static slv_r2 *open_bucket(const char *name)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(4096);
    slv_r2 *r2 = NULL;
    slv_err err = {0};

    if (slv_buf_printf(&path, "%s/%s", tap_tmpdir(), name) != SLV_OK)
        return NULL;
    if (slv_r2_open(slv_buf_cstr(&path), true, false, T0, &r2, &err) != SLV_OK)
        tap_note("open: %s", slv_err_text(&err));
    return r2;
}

static slv_r2_upload *fill_ssec(slv_r2 *r2, slv_str bytes, const uint8_t *key)
{
    SLV_CLEANUP(slv_r2_files_unref) slv_r2_files *files = slv_r2_files_of(r2);
    const slv_r2_upload_options options = {.ssec_key = key};
    slv_r2_upload *up = slv_r2_upload_new(files, &options);
    slv_err err = {0};

    for (size_t at = 0, n; at < bytes.len; at += n) { /* in uneven pieces */
        n = SLV_MIN((size_t)(at % 3 == 0 ? 70001 : 33), bytes.len - at);
        if (slv_r2_upload_write(up, slv_str_sub(bytes, at, at + n), &err) != SLV_OK)
            return slv_r2_upload_free(up);
    }
    if (slv_r2_upload_finish(up, &err) != SLV_OK) {
        tap_note("finish: %s", slv_err_text(&err));
        return slv_r2_upload_free(up);
    }
    return up;
}

static slv_r2_upload *fill(slv_r2 *r2, slv_str bytes)
{
    return fill_ssec(r2, bytes, NULL);
}

static slv_code put_at(slv_r2 *r2, slv_str key, slv_str bytes, const slv_r2_cond *cond,
                       int64_t now_ms, slv_err *err)
{
    SLV_CLEANUP(slv_r2_upload_free) slv_r2_upload *up = fill(r2, bytes);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    const slv_r2_put_options options = {.cond = cond, .now_ms = now_ms};
    slv_r2_object o;

    return up ? slv_r2_put(r2, key, up, &options, &arena, &o, err) : SLV_E_IO;
}

static slv_code put(slv_r2 *r2, const char *key, slv_str bytes)
{
    slv_err err = {0};
    slv_code code = put_at(r2, slv_str_from(key), bytes, NULL, T0, &err);

    if (code != SLV_OK)
        tap_note("put: %s", slv_err_text(&err));
    return code;
}

/* The bytes that a get gives, in pieces of `step`. */
static slv_code read_all(slv_r2 *r2, slv_str key, const slv_r2_get_options *options, size_t step,
                         slv_buf *out, slv_r2_found *found, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)4 << 20);
    char piece[80000];
    size_t n;

    slv_buf_reset(out);
    SLV_TRY(slv_r2_get(r2, key, options, &arena, found, err));
    if (!found->reader)
        return slv_buf_append(out, found->bytes);
    SLV_CLEANUP(slv_r2_reader_free) slv_r2_reader *reader = SLV_STEAL(found->reader);
    do {
        SLV_TRY(slv_r2_reader_read(reader, piece, SLV_MIN(step, sizeof piece), &n, err));
        SLV_TRY(slv_buf_append(out, slv_str_make(piece, n)));
    } while (n > 0);
    return SLV_OK;
}

static char *pattern(size_t len, uint64_t seed)
{
    char *bytes = slv_alloc(len + 1);
    slv_prng prng;

    slv_prng_seed(&prng, seed);
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = slv_prng_next(&prng);

        memcpy(bytes + i, &word, SLV_MIN(len - i, sizeof word));
    }
    return bytes;
}

static size_t count_files(const char *dir)
{
    DIR *d = opendir(dir);
    size_t n = 0;
    struct dirent *e;

    while (d && (e = readdir(d)) != NULL) {
        SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(8192);
        struct stat st;

        if (e->d_name[0] == '.' || slv_buf_printf(&path, "%s/%s", dir, e->d_name) != SLV_OK ||
            stat(slv_buf_cstr(&path), &st) != 0)
            continue;
        n += S_ISDIR(st.st_mode) ? count_files(slv_buf_cstr(&path)) : 1;
    }
    if (d)
        (void)closedir(d);
    return n;
}

static size_t blob_files(const char *bucket)
{
    SLV_CLEANUP(slv_buf_done) slv_buf dir = SLV_BUF(4096);

    return slv_buf_printf(&dir, "%s/%s.blobs", tap_tmpdir(), bucket) == SLV_OK
               ? count_files(slv_buf_cstr(&dir))
               : 0;
}

TEST(objects_of_every_size_come_back_whole_and_in_parts)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 131072, 300001};
    SLV_CLEANUP(slv_r2_free) slv_r2 *r2 = open_bucket("sizes");
    SLV_CLEANUP(slv_buf_done) slv_buf got = SLV_BUF((size_t)1 << 20);
    uint8_t key[SLV_SEAL_KEY] = {1, 2, 3};
    slv_err err = {0};

    CHECK(r2);
    for (size_t i = 0; i < SLV_ARRAY_LEN(sizes); i++) {
        for (int sealed = 0; sealed < 2; sealed++) {
            SLV_CLEANUP(slv_charp_free) char *bytes = pattern(sizes[i], i);
            slv_str want = slv_str_make(bytes, sizes[i]);
            SLV_CLEANUP(slv_r2_upload_free)
            slv_r2_upload *up = fill_ssec(r2, want, sealed ? key : NULL);
            SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
            const slv_r2_put_options options = {.now_ms = T0};
            slv_r2_get_options get = {.ssec_key = sealed ? key : NULL, .now_ms = T0};
            slv_r2_found found;
            slv_r2_object o;

            CHECK(up);
            CHECK_INT(slv_r2_put(r2, SLV_STR("k"), up, &options, &arena, &o, &err), SLV_OK);
            CHECK_INT(read_all(r2, SLV_STR("k"), &get, 1000, &got, &found, &err), SLV_OK);
            CHECK(slv_str_eq(slv_buf_view(&got), want));
            CHECK_INT(found.object.size, sizes[i]);
            if (sizes[i] < 4)
                continue;
            get.range = (slv_r2_range){.kind = SLV_R2_RANGE_OFFSET,
                                       .offset = sizes[i] / 3,
                                       .has_length = true,
                                       .length = sizes[i] / 2};
            CHECK_INT(read_all(r2, SLV_STR("k"), &get, 70000, &got, &found, &err), SLV_OK);
            CHECK(slv_str_eq(slv_buf_view(&got),
                             slv_str_sub(want, sizes[i] / 3, sizes[i] / 3 + sizes[i] / 2)));
        }
    }
}

TEST(sealed_content_needs_its_key)
{
    SLV_CLEANUP(slv_r2_free) slv_r2 *r2 = open_bucket("sealed");
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    uint8_t key[SLV_SEAL_KEY] = {9}, other[SLV_SEAL_KEY] = {8};
    slv_r2_get_options get = {.now_ms = T0};
    const slv_r2_put_options options = {.now_ms = T0};
    slv_r2_found found;
    slv_r2_object o;
    slv_err err = {0};

    CHECK(r2);
    SLV_CLEANUP(slv_r2_upload_free) slv_r2_upload *up = fill_ssec(r2, SLV_STR("secret"), key);
    CHECK(up && slv_r2_put(r2, SLV_STR("k"), up, &options, &arena, &o, &err) == SLV_OK);
    CHECK_INT(o.ssec_md5.len, 32);
    CHECK(slv_r2_get(r2, SLV_STR("k"), &get, &arena, &found, &err) != SLV_OK);
    CHECK_INT(err.detail, SLV_R2_NEEDS_KEY);
    get.ssec_key = other;
    CHECK(slv_r2_get(r2, SLV_STR("k"), &get, &arena, &found, &err) != SLV_OK);
    CHECK_INT(err.detail, SLV_R2_WRONG_KEY);
}

TEST(limits_at_and_one_past)
{
    SLV_CLEANUP(slv_r2_free) slv_r2 *r2 = open_bucket("limits");
    SLV_CLEANUP(slv_charp_free) char *name = slv_alloc(SLV_R2_KEY_MAX + 2);
    SLV_CLEANUP(slv_buf_done) slv_buf meta = SLV_BUF(65536);
    SLV_CLEANUP(slv_buf_done) slv_buf cursor = SLV_BUF(65536);
    slv_r2_list_to to = {0};
    slv_err err = {0};
    char etag[33];

    CHECK(r2);
    memset(name, 'x', SLV_R2_KEY_MAX + 1);
    CHECK_INT(put_at(r2, slv_str_make(name, SLV_R2_KEY_MAX), SLV_STR("v"), NULL, T0, &err), SLV_OK);
    CHECK(put_at(r2, slv_str_make(name, SLV_R2_KEY_MAX + 1), SLV_STR("v"), NULL, T0, &err) !=
          SLV_OK);
    CHECK_INT(err.detail, SLV_R2_BAD_NAME);
    CHECK(put_at(r2, SLV_STR("bad\xff"), SLV_STR("v"), NULL, T0, &err) != SLV_OK);

    CHECK_INT(slv_buf_append(&meta, SLV_STR("{\"k\":\"")), SLV_OK);
    for (int i = 0; i < 2047; i++)
        CHECK(slv_buf_append_byte(&meta, 'v') == SLV_OK);
    CHECK(slv_buf_append(&meta, SLV_STR("\"}")) == SLV_OK);
    CHECK_INT(slv_r2_check_metadata(slv_buf_view(&meta), 2048, &err), SLV_OK);
    CHECK(slv_r2_check_metadata(slv_buf_view(&meta), 2047, &err) != SLV_OK);
    CHECK_INT(err.detail, SLV_R2_METADATA_TOO_LARGE);
    /* U+0100 and above double the whole text */
    CHECK_INT(slv_r2_check_metadata(SLV_STR("{\"k\":\"a\xc4\x80\"}"), 5, &err), SLV_OK);
    CHECK(slv_r2_check_metadata(SLV_STR("{\"k\":\"a\xc4\x80\"}"), 4, &err) != SLV_OK);

    const slv_r2_list_options page = {.limit = SLV_R2_LIST_MAX + 1};
    CHECK(slv_r2_list(r2, &page, &to, &cursor, &err) != SLV_OK);
    CHECK_INT(err.detail, SLV_R2_BAD_MAX_KEYS);

    const slv_r2_put_options options = {.now_ms = T0};
    SLV_CLEANUP(slv_buf_done) slv_buf id = SLV_BUF(100);
    CHECK_INT(slv_r2_multipart_create(r2, SLV_STR("m"), &options, &id, &err), SLV_OK);
    for (int past = 0; past < 2; past++) {
        SLV_CLEANUP(slv_r2_upload_free) slv_r2_upload *up = fill(r2, SLV_STR("p"));
        slv_code code = slv_r2_part_put(r2, SLV_STR("m"), slv_buf_view(&id),
                                        SLV_R2_PARTS_MAX + (uint32_t)past, up, T0, etag, &err);
        CHECK((code == SLV_OK) == (past == 0));
    }
}

TEST(conditions_follow_the_table)
{
    const slv_r2_object o = {.etag = SLV_STR("abc"), .uploaded_ms = T0 + 500};
    const struct {
        slv_r2_cond cond;
        bool there, absent;
    } cases[] = {
        {{0}, true, true},
        {{.has_match = true, .match = SLV_STR("Sabc")}, true, false},
        {{.has_match = true, .match = SLV_STR("Wabc")}, false, false},
        {{.has_match = true, .match = SLV_STR("*")}, true, false},
        {{.has_match = true, .match = SLV_STR("Sx\nSabc")}, true, false},
        {{.has_none = true, .none = SLV_STR("Wabc")}, false, true},
        {{.has_none = true, .none = SLV_STR("*")}, false, true},
        {{.has_none = true, .none = SLV_STR("Sx")}, true, true},
        {{.has_before = true, .before_ms = T0 + 501}, true, true},
        {{.has_before = true, .before_ms = T0 + 500}, false, true},
        {{.has_before = true, .before_ms = T0 + 999, .seconds = true}, false, true},
        {{.has_after = true, .after_ms = T0 + 499}, true, false},
        {{.has_after = true, .after_ms = T0 + 500}, false, false},
        {{.has_after = true, .after_ms = T0 + 500, .has_none = true, .none = SLV_STR("Sx")},
         true,
         false},
        {{.has_before = true, .before_ms = T0, .has_match = true, .match = SLV_STR("Sabc")},
         true,
         false},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        tap_note("case %zu", i);
        CHECK_INT(slv_r2_cond_holds(&cases[i].cond, &o), cases[i].there);
        CHECK_INT(slv_r2_cond_holds(&cases[i].cond, NULL), cases[i].absent);
    }
}

TEST(tags_of_header_fields)
{
    const struct {
        slv_str field;
        const char *want; /* NULL: malformed */
    } cases[] = {
        {SLV_STR("\"a\""), "Sa"},
        {SLV_STR("*"), "*"},
        {SLV_STR("\"a\", W/\"b\""), "Sa\nWb"},
        {SLV_STR(", ,\"a\""), "Sa"},
        {SLV_STR("\"a\", *"), "*"},
        {SLV_STR("abc"), "Sabc"},
        {SLV_STR(""), NULL},
        {SLV_STR("\"a"), NULL},
        {SLV_STR("\"a\" \"b\""), NULL},
        {SLV_STR("\"a,b\""), "Sa,b"},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1000);

        tap_note("case %zu", i);
        CHECK_INT(slv_r2_cond_tags(cases[i].field, &out), cases[i].want != NULL);
        if (cases[i].want)
            CHECK_STR(slv_buf_view(&out), slv_str_from(cases[i].want));
    }
}

TEST(ranges_resolve)
{
    const struct {
        slv_r2_range range;
        int offset, length; /* -1: BAD_RANGE */
    } cases[] = {
        {{.kind = SLV_R2_RANGE_NONE}, 0, 10},
        {{.kind = SLV_R2_RANGE_OFFSET, .offset = 3}, 3, 7},
        {{.kind = SLV_R2_RANGE_OFFSET, .offset = 10}, -1, 0},
        {{.kind = SLV_R2_RANGE_OFFSET, .offset = 11}, -1, 0},
        {{.kind = SLV_R2_RANGE_OFFSET, .offset = 3, .has_length = true, .length = 99}, 3, 7},
        {{.kind = SLV_R2_RANGE_OFFSET, .has_length = true}, -1, 0},
        {{.kind = SLV_R2_RANGE_SUFFIX, .length = 4}, 6, 4},
        {{.kind = SLV_R2_RANGE_SUFFIX, .length = 40}, 0, 10},
        {{.kind = SLV_R2_RANGE_SUFFIX}, -1, 0},
        {{.kind = SLV_R2_RANGE_HEADER, .header = SLV_STR("bytes=2-4")}, 2, 3},
        {{.kind = SLV_R2_RANGE_HEADER, .header = SLV_STR("Bytes = 2 - ")}, 2, 8},
        {{.kind = SLV_R2_RANGE_HEADER, .header = SLV_STR("bytes=-3")}, 7, 3},
        {{.kind = SLV_R2_RANGE_HEADER, .header = SLV_STR("bytes=-30")}, 0, 10},
        {{.kind = SLV_R2_RANGE_HEADER, .header = SLV_STR("bytes=4-2")}, 0, 10},
        {{.kind = SLV_R2_RANGE_HEADER, .header = SLV_STR("bytes=0-1,3-4")}, 0, 10},
        {{.kind = SLV_R2_RANGE_HEADER, .header = SLV_STR("bytes=10-")}, 0, 10},
        {{.kind = SLV_R2_RANGE_HEADER, .header = SLV_STR("bytes=10-"), .strict = true}, -1, 0},
        {{.kind = SLV_R2_RANGE_HEADER, .header = SLV_STR("chars=1-")}, 0, 10},
        {{.kind = SLV_R2_RANGE_HEADER, .header = SLV_STR("bytes=0-99999999999999999999999")},
         0,
         10},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        uint64_t offset = 0, length = 0;
        bool partial;
        slv_err err = {0};
        slv_code code = slv_r2_range_resolve(&cases[i].range, 10, &offset, &length, &partial, &err);

        tap_note("case %zu", i);
        CHECK_INT(code == SLV_OK, cases[i].offset >= 0);
        if (code != SLV_OK)
            continue;
        CHECK_INT(offset, cases[i].offset);
        CHECK_INT(length, cases[i].length);
    }
}

TEST(a_digest_that_does_not_match_stores_nothing)
{
    SLV_CLEANUP(slv_r2_free) slv_r2 *r2 = open_bucket("digest");
    CHECK(r2);
    SLV_CLEANUP(slv_r2_files_unref) slv_r2_files *files = slv_r2_files_of(r2);
    const slv_r2_upload_options options = {.sums = 1u << SLV_SUM_CRC64NVME | 1u << SLV_SUM_SHA1};
    uint8_t sum[SLV_SUM_MAX] = {0};
    slv_err err = {0};

    for (int good = 0; good < 2; good++) {
        SLV_CLEANUP(slv_charp_free) char *bytes = pattern(200000, 7);
        slv_str all = slv_str_make(bytes, 200000);
        SLV_CLEANUP(slv_r2_upload_free) slv_r2_upload *up = slv_r2_upload_new(files, &options);

        if (good)
            slv_sum_of(SLV_SUM_CRC64NVME, all, sum);
        slv_r2_upload_expect(up, SLV_SUM_CRC64NVME, slv_str_make(sum, 8));
        CHECK_INT(slv_r2_upload_write(up, all, &err), SLV_OK);
        CHECK_INT(slv_r2_upload_finish(up, &err) == SLV_OK, good);
        if (!good)
            CHECK_INT(err.detail, SLV_R2_BAD_DIGEST);
    }
    CHECK_INT(blob_files("digest"), 0);
}

/* ---- listing against a model ---- */

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

/* ---- puts and deletes against a model ---- */

TEST(puts_and_deletes_leave_what_a_model_says_and_no_garbage)
{
    enum { KEYS = 6 };
    SLV_CLEANUP(slv_r2_free) slv_r2 *r2 = open_bucket("model");
    SLV_CLEANUP(slv_buf_done) slv_buf got = SLV_BUF((size_t)1 << 20);
    static const size_t sizes[] = {0, 10, 65536, 65537, 100000};
    int model[KEYS]; /* size index and seed, -1: absent */
    slv_prng prng;
    slv_err err = {0};
    int64_t next;

    CHECK(r2);
    slv_prng_seed(&prng, tap_seed());
    memset(model, -1, sizeof model);
    for (int i = 0; i < 300; i++) {
        int k = (int)slv_prng_below(&prng, KEYS);
        char key[2] = {(char)('a' + k), '\0'};

        if (slv_prng_below(&prng, 4) == 0) {
            bool existed;

            CHECK_INT(slv_r2_delete(r2, slv_str_from(key), T0, &existed, &err), SLV_OK);
            CHECK_INT(existed, model[k] >= 0);
            model[k] = -1;
            continue;
        }
        size_t size = slv_prng_below(&prng, SLV_ARRAY_LEN(sizes));
        model[k] = (int)size;
        SLV_CLEANUP(slv_charp_free) char *bytes = pattern(sizes[size], (uint64_t)k);
        CHECK(put(r2, key, slv_str_make(bytes, sizes[size])) == SLV_OK);
    }
    size_t files = 0;
    for (int k = 0; k < KEYS; k++) {
        char key[2] = {(char)('a' + k), '\0'};
        const slv_r2_get_options get = {.now_ms = T0};
        slv_r2_found found;
        slv_code code = read_all(r2, slv_str_from(key), &get, 5000, &got, &found, &err);

        CHECK_INT(code, model[k] < 0 ? SLV_E_NOTFOUND : SLV_OK);
        if (model[k] < 0)
            continue;
        SLV_CLEANUP(slv_charp_free) char *bytes = pattern(sizes[model[k]], (uint64_t)k);
        CHECK(slv_str_eq(slv_buf_view(&got), slv_str_make(bytes, sizes[model[k]])));
        files += sizes[model[k]] > SLV_R2_INLINE_MAX;
    }
    for (int i = 0; i < 20; i++)
        CHECK_INT(slv_r2_sweep(r2, T0 + 60000 + i, &next, &err), SLV_OK);
    CHECK_INT(blob_files("model"), files);
}

TEST(a_reader_keeps_content_that_was_replaced)
{
    SLV_CLEANUP(slv_r2_free) slv_r2 *r2 = open_bucket("held");
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    SLV_CLEANUP(slv_charp_free) char *bytes = pattern(100000, 1);
    const slv_r2_get_options get = {.now_ms = T0};
    slv_r2_found found;
    slv_err err = {0};
    int64_t next;
    char out[1000];
    size_t n;

    CHECK(r2 && put(r2, "k", slv_str_make(bytes, 100000)) == SLV_OK);
    CHECK_INT(slv_r2_get(r2, SLV_STR("k"), &get, &arena, &found, &err), SLV_OK);
    CHECK(found.reader);
    CHECK(put(r2, "k", SLV_STR("small")) == SLV_OK);
    CHECK_INT(slv_r2_sweep(r2, T0 + 3600000, &next, &err), SLV_OK);
    CHECK_INT(blob_files("held"), 1);
    CHECK(next > 0);
    CHECK_INT(slv_r2_reader_read(found.reader, out, sizeof out, &n, &err), SLV_OK);
    CHECK_INT(n, sizeof out);
    (void)slv_r2_reader_free(found.reader);
    CHECK_INT(slv_r2_sweep(r2, T0 + 3600000, &next, &err), SLV_OK);
    CHECK_INT(blob_files("held"), 0);
}

TEST(files_that_nothing_names_go_at_the_first_sweep)
{
    SLV_CLEANUP(slv_charp_free) char *bytes = pattern(100000, 1);
    slv_err err = {0};
    int64_t next;

    {
        SLV_CLEANUP(slv_r2_free) slv_r2 *r2 = open_bucket("orphans");
        CHECK(r2);
        CHECK(put(r2, "kept", slv_str_make(bytes, 100000)) == SLV_OK);
        /* as after a crash between the file and its row: the row is rolled back */
        CHECK(slv_db_begin(slv_r2_db(r2), &err) == SLV_OK);
        CHECK(put(r2, "lost", slv_str_make(bytes, 100000)) == SLV_OK);
        slv_db_rollback(slv_r2_db(r2));
    }
    CHECK_INT(blob_files("orphans"), 2);
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(4096);
    SLV_CLEANUP(slv_r2_free) slv_r2 *again = NULL;
    CHECK(slv_buf_printf(&path, "%s/orphans", tap_tmpdir()) == SLV_OK);
    /* the files are of now, far behind T0 */
    CHECK_INT(slv_r2_open(slv_buf_cstr(&path), false, false, INT64_C(9999999999999), &again, &err),
              SLV_OK);
    CHECK_INT(slv_r2_sweep(again, INT64_C(9999999999999), &next, &err), SLV_OK);
    CHECK_INT(blob_files("orphans"), 1);
}

/* ---- parts ---- */

static slv_code part(slv_r2 *r2, slv_str id, uint32_t number, size_t size, slv_r2_part *ret,
                     char etag[33])
{
    SLV_CLEANUP(slv_charp_free) char *bytes = pattern(size, number);
    SLV_CLEANUP(slv_r2_upload_free) slv_r2_upload *up = fill(r2, slv_str_make(bytes, size));
    slv_err err = {0};
    slv_code code = slv_r2_part_put(r2, SLV_STR("m"), id, number, up, T0, etag, &err);

    *ret = (slv_r2_part){.number = number, .etag = slv_str_make(etag, 32)};
    return code;
}

TEST(parts_become_one_object_without_a_copy)
{
    SLV_CLEANUP(slv_r2_free) slv_r2 *r2 = open_bucket("parts");
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf id = SLV_BUF(100);
    SLV_CLEANUP(slv_buf_done) slv_buf got = SLV_BUF((size_t)32 << 20);
    const size_t big = SLV_R2_PART_MIN;
    const slv_r2_put_options options = {.now_ms = T0, .http = SLV_STR("{\"contentType\":\"a/b\"}")};
    slv_r2_part parts[3];
    char etags[3][33];
    slv_r2_object o;
    slv_err err = {0};
    int64_t next;

    CHECK(r2);
    CHECK_INT(slv_r2_multipart_create(r2, SLV_STR("m"), &options, &id, &err), SLV_OK);
    slv_str upload = slv_buf_view(&id);
    CHECK_INT(part(r2, upload, 7, 3, &parts[0], etags[0]), SLV_OK);
    CHECK_INT(part(r2, upload, 2, big, &parts[1], etags[1]), SLV_OK);
    CHECK_INT(part(r2, upload, 5, big, &parts[2], etags[2]), SLV_OK);
    slv_r2_part unused;
    char unused_etag[33];
    CHECK_INT(part(r2, upload, 9, 100000, &unused, unused_etag), SLV_OK);
    /* any order, but the small one last by number */
    const slv_r2_part order[3] = {parts[2], parts[1], parts[0]};
    CHECK_INT(
        slv_r2_multipart_complete(r2, SLV_STR("m"), upload, order, 3, NULL, T0, &arena, &o, &err),
        SLV_OK);
    CHECK_INT(o.size, 2 * big + 3);
    CHECK_INT(o.parts, 3);
    CHECK(slv_str_ends(o.etag, SLV_STR("-3")));
    CHECK_INT(slv_r2_sweep(r2, T0 + 60000, &next, &err), SLV_OK);
    CHECK_INT(blob_files("parts"), 2);

    slv_r2_get_options get = {.now_ms = T0};
    slv_r2_found found;
    CHECK_INT(read_all(r2, SLV_STR("m"), &get, 70000, &got, &found, &err), SLV_OK);
    CHECK_INT(got.len, 2 * big + 3);
    SLV_CLEANUP(slv_charp_free) char *second = pattern(big, 5), *last = pattern(3, 7);
    CHECK(memcmp(got.ptr + big, second, big) == 0 && memcmp(got.ptr + 2 * big, last, 3) == 0);
    get.range = (slv_r2_range){
        .kind = SLV_R2_RANGE_OFFSET, .offset = big - 1, .has_length = true, .length = big + 3};
    CHECK_INT(read_all(r2, SLV_STR("m"), &get, 70000, &got, &found, &err), SLV_OK);
    CHECK(got.len == big + 3 && memcmp(got.ptr + 1, second, big) == 0 &&
          memcmp(got.ptr + 1 + big, last, 2) == 0);
    get = (slv_r2_get_options){.part = 3, .now_ms = T0};
    CHECK_INT(read_all(r2, SLV_STR("m"), &get, 70000, &got, &found, &err), SLV_OK);
    CHECK_STR(slv_buf_view(&got), slv_str_make(last, 3));
    get.part = 4;
    CHECK(read_all(r2, SLV_STR("m"), &get, 70000, &got, &found, &err) != SLV_OK);

    CHECK_INT(slv_r2_delete(r2, SLV_STR("m"), T0, NULL, &err), SLV_OK);
    CHECK_INT(slv_r2_sweep(r2, T0 + 60000, &next, &err), SLV_OK);
    CHECK_INT(blob_files("parts"), 0);
}

TEST(wrong_parts_are_refused)
{
    SLV_CLEANUP(slv_r2_free) slv_r2 *r2 = open_bucket("wrong");
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf id = SLV_BUF(100);
    const slv_r2_put_options options = {.now_ms = T0};
    const size_t big = SLV_R2_PART_MIN;
    slv_r2_part parts[4];
    char etags[4][33];
    slv_r2_object o;
    slv_err err = {0};

    CHECK(r2);
    CHECK_INT(slv_r2_multipart_create(r2, SLV_STR("m"), &options, &id, &err), SLV_OK);
    slv_str upload = slv_buf_view(&id);
    CHECK_INT(part(r2, upload, 1, big, &parts[0], etags[0]), SLV_OK);
    CHECK_INT(part(r2, upload, 2, big - 1, &parts[1], etags[1]), SLV_OK);
    CHECK_INT(part(r2, upload, 3, big + 1, &parts[2], etags[2]), SLV_OK);
    CHECK_INT(part(r2, upload, 4, 5, &parts[3], etags[3]), SLV_OK);
    const struct {
        slv_r2_part parts[3];
        size_t count;
        int want;
    } cases[] = {
        {{parts[1], parts[3]}, 2, SLV_R2_TOO_SMALL},
        {{parts[0], parts[0]}, 2, SLV_R2_INTERNAL},
        {{{.number = 1, .etag = SLV_STR("x")}}, 1, SLV_R2_BAD_PART},
        {{{.number = 8, .etag = parts[0].etag}}, 1, SLV_R2_BAD_PART},
        {{parts[0], parts[2]}, 2, SLV_R2_BAD_UPLOAD},
        {{parts[0], parts[2], parts[3]}, 3, SLV_R2_BAD_UPLOAD},
    };
    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        tap_note("case %zu", i);
        CHECK(slv_r2_multipart_complete(r2, SLV_STR("m"), upload, cases[i].parts, cases[i].count,
                                        NULL, T0, &arena, &o, &err) != SLV_OK);
        CHECK_INT(err.detail, cases[i].want);
    }
    CHECK(slv_r2_multipart_complete(r2, SLV_STR("other"), upload, parts, 1, NULL, T0, &arena, &o,
                                    &err) != SLV_OK);
    CHECK_INT(err.detail, SLV_R2_NO_SUCH_UPLOAD);
    CHECK_INT(slv_r2_multipart_abort(r2, SLV_STR("m"), upload, T0, &err), SLV_OK);
    CHECK_INT(slv_r2_multipart_abort(r2, SLV_STR("m"), upload, T0, &err), SLV_OK);
    CHECK(part(r2, upload, 5, 1, &parts[0], etags[0]) != SLV_OK);
}

TEST(an_upload_that_nobody_completes_ends_after_a_week)
{
    SLV_CLEANUP(slv_r2_free) slv_r2 *r2 = open_bucket("week");
    SLV_CLEANUP(slv_buf_done) slv_buf id = SLV_BUF(100);
    const slv_r2_put_options options = {.now_ms = T0};
    slv_r2_part one;
    char etag[33];
    slv_err err = {0};
    int64_t next = 0;

    CHECK(r2);
    CHECK_INT(slv_r2_multipart_create(r2, SLV_STR("m"), &options, &id, &err), SLV_OK);
    CHECK_INT(part(r2, slv_buf_view(&id), 1, 100000, &one, etag), SLV_OK);
    CHECK_INT(slv_r2_sweep(r2, T0 + SLV_R2_UPLOAD_LIFE_MS - 1, &next, &err), SLV_OK);
    CHECK_INT(blob_files("week"), 1);
    CHECK(next >= T0 + SLV_R2_UPLOAD_LIFE_MS);
    CHECK_INT(slv_r2_sweep(r2, next, &next, &err), SLV_OK);
    CHECK_INT(slv_r2_sweep(r2, T0 + SLV_R2_UPLOAD_LIFE_MS + 60000, &next, &err), SLV_OK);
    CHECK_INT(blob_files("week"), 0);
    CHECK(part(r2, slv_buf_view(&id), 2, 1, &one, etag) != SLV_OK);
}

TEST(rules_remove_what_they_name_and_nothing_else)
{
    SLV_CLEANUP(slv_r2_free) slv_r2 *r2 = open_bucket("rules");
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf id = SLV_BUF(100);
    const int64_t day = INT64_C(86400000);
    const slv_r2_put_options options = {.now_ms = T0};
    slv_r2_object o;
    slv_err err = {0};
    int64_t next;

    CHECK(r2);
    CHECK(put(r2, "logs/a", SLV_STR("1")) == SLV_OK && put(r2, "kept", SLV_STR("1")) == SLV_OK &&
          put(r2, "cool/b", SLV_STR("1")) == SLV_OK && put(r2, "off/c", SLV_STR("1")) == SLV_OK);
    CHECK_INT(slv_r2_multipart_create(r2, SLV_STR("logs/m"), &options, &id, &err), SLV_OK);
    CHECK_INT(
        slv_r2_setting_set(r2, "lifecycle",
                           SLV_STR("[{\"prefix\":\"logs/\",\"expireDays\":2,\"abortDays\":1},"
                                   "{\"prefix\":\"cool/\",\"transitionDays\":1},"
                                   "{\"prefix\":\"off/\",\"expireDays\":1,\"enabled\":false}]"),
                           &err),
        SLV_OK);
    CHECK_INT(slv_r2_sweep(r2, T0 + 2 * day - 1, &next, &err), SLV_OK);
    CHECK_INT(slv_r2_head(r2, SLV_STR("logs/a"), NULL, &arena, &o, &err), SLV_OK);
    CHECK(slv_r2_multipart_check(r2, SLV_STR("logs/m"), slv_buf_view(&id), &arena, NULL, NULL,
                                 &err) != SLV_OK);
    CHECK_INT(slv_r2_head(r2, SLV_STR("cool/b"), NULL, &arena, &o, &err), SLV_OK);
    CHECK_INT(o.class, SLV_R2_CLASS_INFREQUENT);
    CHECK(next > T0 + 2 * day - 1);
    CHECK_INT(slv_r2_sweep(r2, T0 + 3 * day, &next, &err), SLV_OK);
    CHECK_INT(slv_r2_head(r2, SLV_STR("logs/a"), NULL, &arena, &o, &err), SLV_E_NOTFOUND);
    CHECK_INT(slv_r2_head(r2, SLV_STR("kept"), NULL, &arena, &o, &err), SLV_OK);
    CHECK_INT(slv_r2_head(r2, SLV_STR("off/c"), NULL, &arena, &o, &err), SLV_OK);
}

TEST(settings_and_usage)
{
    SLV_CLEANUP(slv_r2_free) slv_r2 *r2 = open_bucket("settings");
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    uint64_t objects, bytes;
    slv_str value;
    slv_err err = {0};

    CHECK(r2 && put(r2, "a", SLV_STR("12345")) == SLV_OK);
    CHECK_INT(slv_r2_usage(r2, &objects, &bytes, &err), SLV_OK);
    CHECK(objects == 1 && bytes == 5);
    CHECK(slv_r2_setting(r2, "cors", &arena, &value, &err) == SLV_OK && value.len == 0);
    CHECK_INT(slv_r2_setting_set(r2, "cors", SLV_STR("[]"), &err), SLV_OK);
    CHECK(slv_r2_setting(r2, "cors", &arena, &value, &err) == SLV_OK);
    CHECK_STR(value, SLV_STR("[]"));
    CHECK_INT(slv_r2_setting_set(r2, "cors", SLV_STR_NULL, &err), SLV_OK);
    CHECK(slv_r2_setting(r2, "cors", &arena, &value, &err) == SLV_OK && value.len == 0);
}

TEST(sums_match_published_values)
{
    static const char *const want[SLV_SUM_KINDS] = {
        [SLV_SUM_MD5] = "25f9e794323b453885f5181f1b624d0b",
        [SLV_SUM_SHA1] = "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
        [SLV_SUM_SHA256] = "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
        [SLV_SUM_CRC32] = "cbf43926",
        [SLV_SUM_CRC32C] = "e3069283",
        [SLV_SUM_CRC64NVME] = "ae8b14860a799888",
    };

    for (slv_sum_kind kind = 0; kind < SLV_SUM_KINDS; kind++) {
        uint8_t sum[SLV_SUM_MAX], pieces[SLV_SUM_MAX];
        char hex[2 * SLV_SUM_MAX];
        slv_sum s;

        slv_sum_of(kind, SLV_STR("123456789"), sum);
        slv_hex_put(slv_str_make(sum, slv_sum_len(kind)), hex);
        if (want[kind])
            CHECK_STR(slv_str_make(hex, 2 * slv_sum_len(kind)), slv_str_from(want[kind]));
        slv_sum_init(&s, kind);
        slv_sum_add(&s, SLV_STR("1"));
        slv_sum_add(&s, SLV_STR("23456789"));
        slv_sum_end(&s, pieces);
        CHECK(memcmp(sum, pieces, slv_sum_len(kind)) == 0);
    }
}

TAP_MAIN()
