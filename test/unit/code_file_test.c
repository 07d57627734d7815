/* Code files: what is written is read again, and what is torn is not. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/code_file.h"
#include "support/tap.h"

static const slv_code_part parts[] = {
    {SLV_CODE_SCRIPT, 0, SLV_CODE_SERVICE_WORKER, {"index.js", 8}, {"", 0}, {"return {}", 9}},
    {SLV_CODE_MAP, 0, 0, {"", 0}, {"", 0}, {"{}", 2}},
    {SLV_CODE_MODULE, SLV_MODULE_WASM, 0, {"a.wasm", 6}, {"", 0}, {"\0asm", 4}},
    {SLV_CODE_MODULE, SLV_MODULE_TEXT, 0, {"empty.txt", 9}, {"", 0}, {"", 0}},
    {SLV_CODE_UPLOAD,
     0,
     0,
     {"./index.js", 10},
     {"application/javascript+module", 29},
     {"export default {}", 17}},
};
#define COUNT (sizeof parts / sizeof *parts)
#define ACCOUNT SLV_STR("0123456789abcdef0123456789abcdef")

static bool put(slv_buf *out)
{
    slv_err err;

    return slv_code_file_put(parts, COUNT, out, &err) == SLV_OK;
}

static bool same(const slv_code_file *f)
{
    if (slv_code_file_count(f) != COUNT)
        return false;
    for (size_t i = 0; i < COUNT; i++) {
        const slv_code_part *a = &parts[i], *b = slv_code_file_part(f, i);

        if (a->kind != b->kind || a->type != b->type || a->flags != b->flags ||
            !slv_str_eq(a->name, b->name) || !slv_str_eq(a->note, b->note) ||
            !slv_str_eq(a->bytes, b->bytes))
            return false;
    }
    return true;
}

TEST(what_is_written_is_read_again)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_CODE_FILE_MAX);
    char name[SLV_CODE_NAME + 1], again[SLV_CODE_NAME + 1];
    slv_err err;

    CHECK(put(&text));
    for (int i = 0; i < 2; i++) {
        SLV_CLEANUP(slv_code_file_unref) slv_code_file *f = NULL;

        CHECK(slv_code_file_write(tap_tmpdir(), ACCOUNT, slv_buf_view(&text), i ? again : name,
                                  &err) == SLV_OK);
        CHECK(slv_code_file_open(tap_tmpdir(), ACCOUNT, slv_str_from(name), true, &f, &err) ==
              SLV_OK);
        CHECK(same(f));
        slv_code_file_cool(f);
        CHECK(same(f));
        CHECK_STR(slv_code_file_first(f, SLV_CODE_SCRIPT)->bytes, SLV_STR("return {}"));
    }
    CHECK_STR(slv_str_from(name), slv_str_from(again));
}

TEST(a_name_that_is_none_is_not_found)
{
    static const char *const names[] = {
        "", "../../../etc/passwd",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "000000000000000000000000000000000000000000000000000000000000000/"};
    slv_code_file *f = NULL;
    slv_err err;

    for (size_t i = 0; i < SLV_ARRAY_LEN(names); i++)
        CHECK_INT(
            slv_code_file_open(tap_tmpdir(), ACCOUNT, slv_str_from(names[i]), false, &f, &err),
            SLV_E_NOTFOUND);
}

/* Each byte that is changed, and each length that is cut off, is seen. */
TEST(torn_and_damaged_files_are_refused)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_CODE_FILE_MAX);
    slv_err err;

    CHECK(put(&text));
    for (size_t n = 0; n < text.len; n++) {
        slv_code_file *f = NULL;
        char *copy = malloc(n + 1);

        memcpy(copy, text.ptr, n);
        slv_code code = slv_code_file_parse(slv_str_make(copy, n), false, &f, &err);
        (void)slv_code_file_unref(f);
        free(copy);
        CHECK(code == SLV_E_PARSE);
    }
    for (size_t i = 0; i < text.len; i++) {
        slv_code_file *f = NULL;

        text.ptr[i] ^= 0x20;
        slv_code code = slv_code_file_parse(slv_buf_view(&text), true, &f, &err);
        bool whole = code == SLV_OK && same(f);
        (void)slv_code_file_unref(f);
        text.ptr[i] ^= 0x20;
        CHECK(code != SLV_OK || whole);
        CHECK(code != SLV_OK);
    }
}

TEST(a_file_that_was_torn_on_the_disk_is_refused)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_CODE_FILE_MAX);
    char name[SLV_CODE_NAME + 1], path[1024];
    slv_code_file *f = NULL;
    slv_err err;

    CHECK(put(&text));
    CHECK(slv_buf_append(&text, SLV_STR("")) == SLV_OK);
    CHECK(slv_code_file_write(tap_tmpdir(), SLV_STR("torn"), slv_buf_view(&text), name, &err) ==
          SLV_OK);
    snprintf(path, sizeof path, "%s/torn/versions/%s", tap_tmpdir(), name);
    CHECK(truncate(path, (off_t)text.len - 1) == 0);
    CHECK_INT(
        slv_code_file_open(tap_tmpdir(), SLV_STR("torn"), slv_str_from(name), false, &f, &err),
        SLV_E_PARSE);
    /* a write of the same content makes it whole */
    CHECK(slv_code_file_write(tap_tmpdir(), SLV_STR("torn"), slv_buf_view(&text), name, &err) ==
          SLV_OK);
    CHECK(slv_code_file_open(tap_tmpdir(), SLV_STR("torn"), slv_str_from(name), true, &f, &err) ==
          SLV_OK);
    CHECK(same(f));
    (void)slv_code_file_unref(f);
}

TEST(another_form_says_so)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_CODE_FILE_MAX);
    slv_code_file *f = NULL;
    slv_err err;

    CHECK(put(&text));
    text.ptr[8] = 2;
    CHECK_INT(slv_code_file_parse(slv_buf_view(&text), false, &f, &err), SLV_E_UNSUPPORTED);
    CHECK(strstr(slv_err_text(&err), "form 2"));
}

TEST(as_many_parts_as_allowed_and_one_more)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_CODE_FILE_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf more = SLV_BUF(SLV_CODE_FILE_MAX);
    slv_code_part *many = calloc(SLV_CODE_PARTS_MAX + 1, sizeof *many);
    slv_code_file *f = NULL;
    slv_err err;

    many[0] = parts[0];
    for (size_t i = 1; i <= SLV_CODE_PARTS_MAX; i++)
        many[i] = parts[3];
    slv_code at = slv_code_file_put(many, SLV_CODE_PARTS_MAX, &text, &err);
    slv_code past = slv_code_file_put(many, SLV_CODE_PARTS_MAX + 1, &more, &err);
    free(many);
    CHECK_INT(at, SLV_OK);
    CHECK_INT(past, SLV_E_LIMIT);
    CHECK(slv_code_file_parse(slv_buf_view(&text), true, &f, &err) == SLV_OK);
    CHECK_INT(slv_code_file_count(f), SLV_CODE_PARTS_MAX);
    (void)slv_code_file_unref(f);
}

static bool is_kept(void *arg, slv_str name)
{
    return slv_str_is(name, arg);
}

TEST(a_sweep_removes_what_nothing_names)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_CODE_FILE_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf other = SLV_BUF(SLV_CODE_FILE_MAX);
    char kept[SLV_CODE_NAME + 1], gone[SLV_CODE_NAME + 1], path[1024], tmp[1024];
    slv_code_file *f = NULL;
    slv_err err;

    CHECK(put(&text));
    CHECK(slv_code_file_put(parts, 1, &other, &err) == SLV_OK);
    CHECK(slv_code_file_write(tap_tmpdir(), SLV_STR("swept"), slv_buf_view(&text), kept, &err) ==
          SLV_OK);
    CHECK(slv_code_file_write(tap_tmpdir(), SLV_STR("swept"), slv_buf_view(&other), gone, &err) ==
          SLV_OK);
    snprintf(tmp, sizeof tmp, "%s/swept/versions/tmp-0123", tap_tmpdir());
    fclose(fopen(tmp, "w"));
    snprintf(path, sizeof path, "%s/swept/versions/%s", tap_tmpdir(), gone);
    /* all are younger than that */
    CHECK(slv_code_file_sweep(tap_tmpdir(), SLV_STR("swept"), 1000, is_kept, kept, &err) == SLV_OK);
    CHECK(access(path, F_OK) == 0 && access(tmp, F_OK) == 0);
    CHECK(slv_code_file_sweep(tap_tmpdir(), SLV_STR("swept"), INT64_MAX, is_kept, kept, &err) ==
          SLV_OK);
    CHECK(access(path, F_OK) != 0 && access(tmp, F_OK) != 0);
    CHECK(slv_code_file_open(tap_tmpdir(), SLV_STR("swept"), slv_str_from(kept), true, &f, &err) ==
          SLV_OK);
    (void)slv_code_file_unref(f);
    CHECK(slv_code_file_sweep(tap_tmpdir(), SLV_STR("nobody"), INT64_MAX, is_kept, kept, &err) ==
          SLV_OK);
}
TAP_MAIN()
