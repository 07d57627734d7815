/* The bucket as a library: limits at and one past, content in all its forms. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fmt/seal.h"
#include "support/bucket_rig.h"
#include "support/tap.h"

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
