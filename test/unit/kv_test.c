/* KV namespaces: the service alone, over a temporary directory. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "kv/kv.h"
#include "store/blob.h"
#include "support/tap.h"

#define NOW ((int64_t)1800000000000)

static const char *fresh_path(char out[static 512])
{
    static int n;

    (void)snprintf(out, 512, "%s/ns%d", tap_tmpdir(), n++);
    return out;
}

static slv_kv *open_new(void)
{
    char path[512];
    slv_kv *kv = NULL;
    slv_err err = {0};

    if (slv_kv_open(fresh_path(path), true, false, &kv, &err) != SLV_OK)
        tap_failed(__FILE__, __LINE__, "%s", slv_err_text(&err));
    return kv;
}

static slv_code put(slv_kv *kv, const char *key, slv_str value, const char *meta, int64_t expires_s,
                    slv_err *err)
{
    const slv_kv_put_args args = {
        .key = slv_str_from(key),
        .value = value,
        .meta = slv_str_from(meta),
        .expires_s = expires_s,
        .now_ms = NOW,
    };

    return slv_kv_put(kv, &args, err);
}

/* The value as text; "(none)" when absent, "(file)" for a content file. */
static slv_str get_at(slv_kv *kv, const char *key, int64_t now_ms, slv_buf *out)
{
    slv_kv_entry e = {.fd = -1};
    slv_code code = slv_kv_get(kv, slv_str_from(key), now_ms, &e, NULL);

    slv_buf_reset(out);
    if (code == SLV_E_NOTFOUND)
        return SLV_STR("(none)");
    if (code != SLV_OK)
        return SLV_STR("(failed)");
    if (e.fd >= 0) {
        (void)close(e.fd);
        slv_kv_release(kv);
        return SLV_STR("(file)");
    }
    code = slv_buf_append(out, e.value);
    slv_kv_release(kv);
    return code == SLV_OK ? slv_buf_view(out) : SLV_STR("(failed)");
}

TEST(kv_value_is_what_was_put_last)
{
    SLV_CLEANUP(slv_kv_free) slv_kv *kv = open_new();
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(1000);

    CHECK_STR(get_at(kv, "a", NOW, &b), SLV_STR("(none)"));
    CHECK(put(kv, "a", SLV_STR("one"), "{\"m\":1}", 0, NULL) == SLV_OK);
    CHECK(put(kv, "a", SLV_STR("two\0x"), NULL, 0, NULL) == SLV_OK);
    CHECK_STR(get_at(kv, "a", NOW, &b), SLV_STR("two\0x"));
    CHECK(put(kv, "e", SLV_STR_NULL, NULL, 0, NULL) == SLV_OK);
    CHECK_STR(get_at(kv, "e", NOW, &b), SLV_STR(""));
    CHECK(slv_kv_delete(kv, SLV_STR("a"), NULL) == SLV_OK);
    CHECK(slv_kv_delete(kv, SLV_STR("a"), NULL) == SLV_OK);
    CHECK_STR(get_at(kv, "a", NOW, &b), SLV_STR("(none)"));
}

TEST(kv_overwriting_drops_metadata_and_expiration)
{
    SLV_CLEANUP(slv_kv_free) slv_kv *kv = open_new();
    slv_kv_entry e;

    CHECK(put(kv, "a", SLV_STR("1"), "[1]", NOW / 1000 + 100, NULL) == SLV_OK);
    CHECK(slv_kv_get(kv, SLV_STR("a"), NOW, &e, NULL) == SLV_OK);
    CHECK_STR(e.meta, SLV_STR("[1]"));
    CHECK_INT(e.expires_s, NOW / 1000 + 100);
    slv_kv_release(kv);
    CHECK(put(kv, "a", SLV_STR("2"), NULL, 0, NULL) == SLV_OK);
    CHECK(slv_kv_get(kv, SLV_STR("a"), NOW, &e, NULL) == SLV_OK);
    CHECK_INT(e.meta.len, 0);
    CHECK_INT(e.expires_s, 0);
    slv_kv_release(kv);
}

TEST(kv_value_expires_exactly_at_its_deadline)
{
    SLV_CLEANUP(slv_kv_free) slv_kv *kv = open_new();
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(1000);
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(1000);
    SLV_CLEANUP(slv_buf_done) slv_buf cursor = SLV_BUF(1000);
    int64_t at = NOW / 1000 + 60, next;
    uint64_t count;
    bool more;

    CHECK(put(kv, "a", SLV_STR("1"), NULL, at, NULL) == SLV_OK);
    CHECK_STR(get_at(kv, "a", at * 1000 - 1, &b), SLV_STR("1"));
    CHECK_STR(get_at(kv, "a", at * 1000, &b), SLV_STR("(none)"));
    const slv_kv_query all = {0};
    CHECK(slv_kv_list(kv, &all, at * 1000, &json, &cursor, &more, NULL) == SLV_OK);
    CHECK_STR(slv_buf_view(&json), SLV_STR("[]"));

    CHECK(slv_kv_sweep(kv, at * 1000 - 1, &next, NULL) == SLV_OK);
    CHECK_INT(next, at * 1000);
    CHECK(slv_kv_count(kv, &count, NULL) == SLV_OK);
    CHECK_INT(count, 1);
    CHECK(slv_kv_sweep(kv, at * 1000, &next, NULL) == SLV_OK);
    CHECK_INT(next, 0);
    CHECK(slv_kv_count(kv, &count, NULL) == SLV_OK);
    CHECK_INT(count, 0);
}

/* ---- limits, each at the limit and one past it ---- */

TEST(kv_key_limits)
{
    char long_key[SLV_KV_KEY_MAX + 2];
    slv_err err = {0};

    memset(long_key, 'x', sizeof long_key);
    CHECK(slv_kv_check_key(slv_str_make(long_key, SLV_KV_KEY_MAX), &err) == SLV_OK);
    CHECK(slv_kv_check_key(slv_str_make(long_key, SLV_KV_KEY_MAX + 1), &err) == SLV_E_LIMIT);
    CHECK_INT(err.detail, 414);
    CHECK_STR(slv_str_from(err.message),
              SLV_STR("UTF-8 encoded length of 513 exceeds key length limit of 512."));
    CHECK(slv_kv_check_key(SLV_STR(""), &err) == SLV_E_INVAL);
    CHECK_INT(err.detail, 400);
    CHECK(slv_kv_check_key(SLV_STR("."), &err) == SLV_E_INVAL);
    CHECK(slv_kv_check_key(SLV_STR(".."), &err) == SLV_E_INVAL);
    CHECK_STR(slv_str_from(err.message),
              SLV_STR("Illegal key name \"..\". Please use a different name."));
    CHECK(slv_kv_check_key(SLV_STR("..."), &err) == SLV_OK);
    CHECK(slv_kv_check_key(SLV_STR("a\xff"), &err) == SLV_E_INVAL);
}

TEST(kv_life_limits)
{
    const int64_t now = NOW / 1000;
    const struct {
        slv_kv_life life;
        slv_code code;
        int64_t expires;
        const char *text;
    } rows[] = {
        {{0}, SLV_OK, 0, NULL},
        {{.has_ttl = true, .ttl_s = 60}, SLV_OK, now + 60, NULL},
        {{.has_ttl = true, .ttl_s = 59},
         SLV_E_INVAL,
         0,
         "Invalid expiration_ttl of 59. Expiration TTL must be at least 60."},
        {{.has_ttl = true, .ttl_s = 0},
         SLV_E_INVAL,
         0,
         "Invalid expiration_ttl of 0. Please specify integer greater than 0."},
        {{.has_expiration = true, .expiration_s = now + 60}, SLV_OK, now + 60, NULL},
        {{.has_expiration = true, .expiration_s = now + 59},
         SLV_E_INVAL,
         0,
         "Invalid expiration of 1800000059. Expiration times must be at least 60 seconds in the "
         "future."},
        {{.has_expiration = true, .expiration_s = now},
         SLV_E_INVAL,
         0,
         "Invalid expiration of 1800000000. Please specify integer greater than the current "
         "number of seconds since the UNIX epoch."},
        {{.has_ttl = true, .ttl_s = 90, .has_expiration = true, .expiration_s = 5},
         SLV_OK,
         now + 90,
         NULL},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        slv_err err = {0};
        int64_t expires = 0;

        CHECK_INT(slv_kv_check_life(&rows[i].life, NOW, &expires, &err), rows[i].code);
        CHECK_INT(expires, rows[i].expires);
        if (rows[i].text) {
            CHECK_STR(slv_str_from(err.message), slv_str_from(rows[i].text));
            CHECK_INT(err.detail, 400);
        }
    }
    CHECK(slv_kv_check_cache_ttl(30, NULL) == SLV_OK);
    CHECK(slv_kv_check_cache_ttl(29, NULL) == SLV_E_INVAL);
}

TEST(kv_metadata_and_value_limits)
{
    char text[SLV_KV_META_MAX + 2];
    slv_err err = {0};

    memset(text, 'x', sizeof text);
    text[0] = '"';
    text[SLV_KV_META_MAX - 1] = '"';
    CHECK(slv_kv_check_meta(slv_str_make(text, SLV_KV_META_MAX), &err) == SLV_OK);
    text[SLV_KV_META_MAX - 1] = 'x';
    text[SLV_KV_META_MAX] = '"';
    CHECK(slv_kv_check_meta(slv_str_make(text, SLV_KV_META_MAX + 1), &err) == SLV_E_LIMIT);
    CHECK_STR(slv_str_from(err.message), SLV_STR("Metadata length of 1025 exceeds limit of 1024."));
    CHECK_INT(err.detail, 413);
    CHECK(slv_kv_check_meta(SLV_STR("{bad"), &err) == SLV_E_INVAL);
    CHECK(slv_kv_check_meta(SLV_STR("1 2"), &err) == SLV_E_INVAL);
    CHECK(slv_kv_check_size(SLV_KV_VALUE_MAX, &err) == SLV_OK);
    CHECK(slv_kv_check_size(SLV_KV_VALUE_MAX + 1, &err) == SLV_E_LIMIT);
    CHECK_STR(slv_str_from(err.message),
              SLV_STR("Value length of 26214401 exceeds limit of 26214400."));
    CHECK_INT(err.detail, 413);
}

TEST(kv_writes_of_a_key_can_be_slowed_down)
{
    SLV_CLEANUP(slv_kv_free) slv_kv *kv = open_new();
    slv_kv_put_args args = {
        .key = SLV_STR("a"), .value = SLV_STR("1"), .now_ms = NOW, .interval_ms = 1000};
    slv_err err = {0};

    CHECK(slv_kv_put(kv, &args, &err) == SLV_OK);
    args.now_ms = NOW + 999;
    CHECK(slv_kv_put(kv, &args, &err) == SLV_E_AGAIN);
    CHECK_INT(err.detail, 429);
    args.now_ms = NOW + 1000;
    CHECK(slv_kv_put(kv, &args, &err) == SLV_OK);
    args.key = SLV_STR("b");
    CHECK(slv_kv_put(kv, &args, &err) == SLV_OK);
}

/* ---- lists ---- */

TEST(kv_list_shows_expiration_and_metadata_where_there_are_any)
{
    SLV_CLEANUP(slv_kv_free) slv_kv *kv = open_new();
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(4000);
    SLV_CLEANUP(slv_buf_done) slv_buf cursor = SLV_BUF(1000);
    const slv_kv_query q = {.prefix = SLV_STR("p\"")};
    bool more;

    CHECK(put(kv, "p\"1", SLV_STR("x"), NULL, 0, NULL) == SLV_OK);
    CHECK(put(kv, "p\"2", SLV_STR("x"), "{\"a\":\"\xc3\xa9\"}", 1800000100, NULL) == SLV_OK);
    CHECK(put(kv, "p#", SLV_STR("x"), NULL, 0, NULL) == SLV_OK);
    CHECK(slv_kv_list(kv, &q, NOW, &json, &cursor, &more, NULL) == SLV_OK);
    CHECK_STR(slv_buf_view(&json),
              SLV_STR("[{\"name\":\"p\\\"1\"},{\"name\":\"p\\\"2\",\"expiration\":1800000100,"
                      "\"metadata\":{\"a\":\"\xc3\xa9\"}}]"));
    CHECK(!more);
    CHECK_INT(cursor.len, 0);
}

TEST(kv_list_limits)
{
    SLV_CLEANUP(slv_kv_free) slv_kv *kv = open_new();
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf cursor = SLV_BUF(1000);
    char long_prefix[SLV_KV_KEY_MAX + 1];
    slv_err err = {0};
    bool more;

    memset(long_prefix, 0x7f, sizeof long_prefix);
    slv_kv_query q = {.limit = SLV_KV_LIST_MAX, .prefix = {long_prefix, SLV_KV_KEY_MAX}};
    CHECK(slv_kv_list(kv, &q, NOW, &json, &cursor, &more, &err) == SLV_OK);
    q.prefix.len++;
    CHECK(slv_kv_list(kv, &q, NOW, &json, &cursor, &more, &err) == SLV_E_LIMIT);
    CHECK_INT(err.detail, 414);
    q.prefix.len = 0;
    q.limit++;
    CHECK(slv_kv_list(kv, &q, NOW, &json, &cursor, &more, &err) == SLV_E_INVAL);
    CHECK_STR(
        slv_str_from(err.message),
        SLV_STR("Invalid key_count_limit of 1001. Please specify an integer less than 1000."));

    /* a whole page exactly is complete; one more entry is not */
    CHECK(slv_db_begin(slv_kv_db(kv), NULL) == SLV_OK);
    for (int i = 0; i < 1001; i++) {
        char key[20];

        (void)snprintf(key, sizeof key, "k%05d", i);
        CHECK(put(kv, key, SLV_STR("v"), NULL, 0, NULL) == SLV_OK);
        if (i < 999)
            continue;
        q.limit = 0;
        slv_buf_reset(&cursor);
        CHECK(slv_kv_list(kv, &q, NOW, &json, &cursor, &more, NULL) == SLV_OK);
        CHECK_INT(more, i == 1000);
    }
    CHECK_STR(slv_buf_view(&cursor), SLV_STR("azAwOTk5"));
    CHECK(slv_db_commit(slv_kv_db(kv), NULL) == SLV_OK);
}

TEST(kv_a_cursor_that_is_none_begins_anew)
{
    SLV_CLEANUP(slv_kv_free) slv_kv *kv = open_new();
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(1000);
    SLV_CLEANUP(slv_buf_done) slv_buf cursor = SLV_BUF(1000);
    slv_kv_query q = {.cursor = SLV_STR("%%")};
    bool more;

    CHECK(put(kv, "b", SLV_STR("v"), NULL, 0, NULL) == SLV_OK);
    CHECK(slv_kv_list(kv, &q, NOW, &json, &cursor, &more, NULL) == SLV_OK);
    CHECK_STR(slv_buf_view(&json), SLV_STR("[{\"name\":\"b\"}]"));
    slv_buf_reset(&json);
    q.cursor = SLV_STR("YQ"); /* "a" */
    CHECK(slv_kv_list(kv, &q, NOW, &json, &cursor, &more, NULL) == SLV_OK);
    CHECK_STR(slv_buf_view(&json), SLV_STR("[{\"name\":\"b\"}]"));
    slv_buf_reset(&json);
    q.cursor = SLV_STR("Yg=="); /* "b" */
    CHECK(slv_kv_list(kv, &q, NOW, &json, &cursor, &more, NULL) == SLV_OK);
    CHECK_STR(slv_buf_view(&json), SLV_STR("[]"));
}

/* ---- content files ---- */

static bool exists(const char *dir, const char *id)
{
    char path[1024];
    struct stat st;

    (void)snprintf(path, sizeof path, "%s/%.2s/%s", dir, id, id);
    return stat(path, &st) == 0;
}

TEST(kv_large_values_are_files_that_go_when_nothing_names_them)
{
    char path[512], dir[600];
    SLV_CLEANUP(slv_kv_free) slv_kv *kv = NULL;
    SLV_CLEANUP(slv_blobs_free) slv_blobs *blobs = NULL;
    slv_blob_writer *w = NULL;
    slv_blob_id id;
    slv_kv_entry e;
    int64_t next;
    char got[8] = "";

    (void)snprintf(dir, sizeof dir, "%s.blobs", fresh_path(path));
    CHECK(slv_kv_open(path, true, false, &kv, NULL) == SLV_OK);
    CHECK(slv_blobs_open(dir, &blobs, NULL) == SLV_OK);
    CHECK(slv_blob_begin(blobs, &w, NULL) == SLV_OK);
    CHECK(slv_blob_append(w, SLV_STR("large"), NULL) == SLV_OK);
    CHECK(slv_blob_finish(w, &id, NULL) == SLV_OK);
    const slv_kv_put_args args = {
        .key = SLV_STR("a"), .blob = slv_str_from(id.text), .size = 5, .now_ms = NOW};
    CHECK(slv_kv_put(kv, &args, NULL) == SLV_OK);
    CHECK(slv_kv_get(kv, SLV_STR("a"), NOW, &e, NULL) == SLV_OK);
    slv_kv_release(kv);
    CHECK(e.fd >= 0);
    CHECK_INT(e.size, 5);

    CHECK(put(kv, "a", SLV_STR("small"), NULL, 0, NULL) == SLV_OK);
    CHECK(slv_kv_sweep(kv, NOW, &next, NULL) == SLV_OK);
    CHECK_INT(next, NOW + SLV_KV_GRACE_MS);
    CHECK(slv_kv_sweep(kv, NOW + SLV_KV_GRACE_MS - 1, &next, NULL) == SLV_OK);
    CHECK(exists(dir, id.text));
    CHECK(slv_kv_sweep(kv, NOW + SLV_KV_GRACE_MS, &next, NULL) == SLV_OK);
    CHECK_INT(next, 0);
    CHECK(!exists(dir, id.text));
    /* who has it open reads on */
    CHECK_INT(pread(e.fd, got, sizeof got, 0), 5);
    CHECK(close(e.fd) == 0);
}

/* ---- against a model ---- */

#define KEYS 40

typedef struct model_row {
    bool there;
    int64_t expires;
    int value;
} model_row;

static void key_name(unsigned i, char out[static 16])
{
    static const char *const heads[] = {"", "a", "a/", "a\xc3\xa9", "b\xf0\x9f\x98\x80"};

    (void)snprintf(out, 16, "%s%u", heads[i % SLV_ARRAY_LEN(heads)], i);
}

/* Walks through the whole list by pages; the keys in order, each followed by a line feed. */
static slv_code walk(slv_kv *kv, slv_str prefix, uint32_t limit, int64_t now, slv_buf *keys)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf cursor = SLV_BUF(1000), next = SLV_BUF(1000);
    bool more = true;

    while (more) {
        const slv_kv_query q = {.prefix = prefix, .limit = limit, .cursor = slv_buf_view(&cursor)};

        slv_buf_reset(&json);
        slv_buf_reset(&next);
        SLV_TRY(slv_kv_list(kv, &q, now, &json, &next, &more, NULL));
        SLV_TRY(slv_buf_set(&cursor, slv_buf_view(&next)));
        for (size_t at = 0;
             (at = slv_str_find(slv_buf_view(&json), SLV_STR("\"name\":\""), at)) != SIZE_MAX;) {
            slv_str rest = slv_str_skip(slv_buf_view(&json), at += 8);

            SLV_TRY(slv_buf_append(keys, slv_str_sub(rest, 0, slv_str_chr(rest, '"', 0))));
            SLV_TRY(slv_buf_append_byte(keys, '\n'));
        }
    }
    return SLV_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(a, b);
}

static slv_code expected_walk(const model_row *model, slv_str prefix, int64_t now, slv_buf *keys)
{
    char names[KEYS][16];
    size_t n = 0;

    for (unsigned i = 0; i < KEYS; i++) {
        key_name(i, names[n]);
        if (model[i].there && (!model[i].expires || model[i].expires > now / 1000) &&
            slv_str_starts(slv_str_from(names[n]), prefix))
            n++;
    }
    qsort(names, n, sizeof names[0], by_bytes);
    for (size_t i = 0; i < n; i++)
        SLV_TRY(slv_buf_printf(keys, "%s\n", names[i]));
    return SLV_OK;
}

TEST(kv_does_what_a_table_in_memory_does)
{
    char path[512];
    SLV_CLEANUP(slv_kv_free) slv_kv *kv = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf got = SLV_BUF(1 << 16), want = SLV_BUF(1 << 16);
    static const slv_str prefixes[] = {{"", 0}, {"a", 1}, {"a/", 2}, {"b", 1}, {"zz", 2}};
    model_row model[KEYS] = {0};
    int64_t now = NOW, next;
    slv_prng prng;
    char key[16], text[16];

    slv_prng_seed(&prng, tap_seed());
    CHECK(slv_kv_open(fresh_path(path), true, false, &kv, NULL) == SLV_OK);
    for (int step = 0; step < 4000; step++) {
        unsigned i = (unsigned)slv_prng_below(&prng, KEYS);
        slv_str prefix = prefixes[slv_prng_below(&prng, SLV_ARRAY_LEN(prefixes))];

        key_name(i, key);
        now += (int64_t)slv_prng_below(&prng, 700);
        switch (slv_prng_below(&prng, 8)) {
        case 0:
        case 1:
            model[i] = (model_row){.there = true, .value = step};
            if (slv_prng_below(&prng, 2))
                model[i].expires = now / 1000 + 1 + (int64_t)slv_prng_below(&prng, 60);
            (void)snprintf(text, sizeof text, "%d", step);
            CHECK(put(kv, key, slv_str_from(text), NULL, model[i].expires, NULL) == SLV_OK);
            break;
        case 2:
            model[i].there = false;
            CHECK(slv_kv_delete(kv, slv_str_from(key), NULL) == SLV_OK);
            break;
        case 3:
            slv_buf_reset(&got);
            slv_buf_reset(&want);
            CHECK(walk(kv, prefix, 1 + (uint32_t)slv_prng_below(&prng, 9), now, &got) == SLV_OK);
            CHECK(expected_walk(model, prefix, now, &want) == SLV_OK);
            CHECK_STR(slv_buf_view(&got), slv_buf_view(&want));
            break;
        case 4:
            CHECK(slv_kv_sweep(kv, now, &next, NULL) == SLV_OK);
            break;
        case 5:
            if (slv_prng_below(&prng, 20) == 0) {
                kv = slv_kv_free(kv);
                CHECK(slv_kv_open(path, false, false, &kv, NULL) == SLV_OK);
            }
            break;
        default:
            if (model[i].there && (!model[i].expires || model[i].expires > now / 1000))
                (void)snprintf(text, sizeof text, "%d", model[i].value);
            else
                (void)snprintf(text, sizeof text, "(none)");
            CHECK_STR(get_at(kv, key, now, &got), slv_str_from(text));
            break;
        }
    }
}

TEST(kv_absent_namespace_is_not_made_by_looking)
{
    char path[512], file[600];
    slv_kv *kv = NULL;

    (void)snprintf(file, sizeof file, "%s.sqlite", fresh_path(path));
    CHECK(slv_kv_open(path, false, true, &kv, NULL) == SLV_E_NOTFOUND);
    CHECK(slv_kv_open(path, false, false, &kv, NULL) == SLV_E_NOTFOUND);
    CHECK(access(file, F_OK) != 0);
}

TEST(kv_reader_sees_what_the_writer_committed)
{
    char path[512];
    SLV_CLEANUP(slv_kv_free) slv_kv *writer = NULL;
    SLV_CLEANUP(slv_kv_free) slv_kv *reader = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(1000);

    CHECK(slv_kv_open(fresh_path(path), true, false, &writer, NULL) == SLV_OK);
    CHECK(slv_kv_open(path, false, true, &reader, NULL) == SLV_OK);
    CHECK(slv_db_begin(slv_kv_db(writer), NULL) == SLV_OK);
    CHECK(put(writer, "a", SLV_STR("1"), NULL, 0, NULL) == SLV_OK);
    CHECK_STR(get_at(reader, "a", NOW, &b), SLV_STR("(none)"));
    CHECK(slv_db_commit(slv_kv_db(writer), NULL) == SLV_OK);
    CHECK_STR(get_at(reader, "a", NOW, &b), SLV_STR("1"));
    CHECK(put(reader, "a", SLV_STR("2"), NULL, 0, NULL) != SLV_OK);
}

TAP_MAIN()
