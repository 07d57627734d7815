/* Content in files: what stays, what a sweep removes, and parts that become one object. */
#include <stdlib.h>

#include "base/mem.h"
#include "support/bucket_rig.h"
#include "support/tap.h"

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
    CHECK_INT(slv_r2_multipart_complete(r2, SLV_STR("m"), upload, order, 3, NULL, SLV_STR_NULL, T0,
                                        &arena, &o, &err),
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
                                        NULL, SLV_STR_NULL, T0, &arena, &o, &err) != SLV_OK);
        CHECK_INT(err.detail, cases[i].want);
    }
    CHECK(slv_r2_multipart_complete(r2, SLV_STR("other"), upload, parts, 1, NULL, SLV_STR_NULL, T0,
                                    &arena, &o, &err) != SLV_OK);
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

/* ---- rules ---- */

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

TAP_MAIN()
