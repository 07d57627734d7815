/* tar_test.c - archives written and read back, in pieces of any length, and what is refused. */
#include "fmt/tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fmt/seal.h"
#include "support/tap.h"

typedef struct seen {
    slv_buf text;
} seen;

static slv_code on_begin(void *arg, const slv_tar_entry *entry, slv_err *err)
{
    (void)err;
    return slv_buf_printf(&((seen *)arg)->text, "<%.*s %llu %lld>", SLV_STR_ARGS(entry->name),
                          (unsigned long long)entry->size, (long long)entry->mtime_ns);
}

static slv_code on_data(void *arg, slv_str bytes, slv_err *err)
{
    (void)err;
    return slv_buf_append(&((seen *)arg)->text, bytes);
}

static slv_code on_end(void *arg, slv_err *err)
{
    (void)err;
    return slv_buf_append(&((seen *)arg)->text, SLV_STR("</>"));
}

static const slv_tar_ops ops = {on_begin, on_data, on_end};

static slv_code read_tar(slv_str text, size_t piece, slv_buf *out, slv_err *err)
{
    seen s = {SLV_BUF((size_t)1 << 20)};
    slv_tar_reader r;
    slv_code code = SLV_OK;

    slv_tar_reader_init(&r, &ops, &s);
    while (code == SLV_OK && text.len > 0) {
        code = slv_tar_reader_add(&r, slv_str_sub(text, 0, piece), err);
        text = slv_str_skip(text, piece);
    }
    if (code == SLV_OK)
        code = slv_tar_reader_end(&r, err);
    slv_tar_reader_done(&r);
    *out = s.text;
    return code;
}

static slv_code put(slv_buf *out, const char *name, slv_str content)
{
    static const char zeroes[SLV_TAR_BLOCK];
    const slv_tar_entry entry = {
        .name = slv_str_from(name), .size = content.len, .mtime_ns = INT64_C(1700000000123456789)};

    SLV_TRY(slv_tar_put_head(&entry, out));
    SLV_TRY(slv_buf_append(out, content));
    return slv_buf_append(out, slv_str_make(zeroes, slv_tar_padding(content.len)));
}

static void long_name(char *out, size_t len)
{
    memset(out, 'n', len);
    out[len] = 0;
}

TEST(what_is_written_is_read_in_pieces_of_any_length)
{
    static const size_t pieces[] = {1, 7, 511, 512, 513, 100000};
    SLV_CLEANUP(slv_buf_done) slv_buf tar = SLV_BUF((size_t)1 << 20), want = SLV_BUF(65536);
    char far[301], line[600];

    long_name(far, 300);
    CHECK(put(&tar, "a", SLV_STR("")) == SLV_OK);
    CHECK(put(&tar, "b/c", SLV_STR("hello")) == SLV_OK);
    CHECK(put(&tar, far, SLV_STR("far")) == SLV_OK);
    CHECK(slv_tar_put_end(&tar) == SLV_OK);
    (void)snprintf(line, sizeof line,
                   "<a 0 1700000000123456789></><b/c 5 1700000000123456789>hello</>"
                   "<%s 3 1700000000123456789>far</>",
                   far);
    CHECK(slv_buf_append(&want, slv_str_from(line)) == SLV_OK);
    for (size_t i = 0; i < SLV_ARRAY_LEN(pieces); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf got = SLV_BUF(1);
        slv_err err = {0};

        CHECK(read_tar(slv_buf_view(&tar), pieces[i], &got, &err) == SLV_OK);
        CHECK(slv_str_eq(slv_buf_view(&got), slv_buf_view(&want)));
    }
}

TEST(usual_programs_read_it)
{
    SLV_CLEANUP(slv_buf_done) slv_buf tar = SLV_BUF((size_t)1 << 20);
    char path[600], command[2000], far[301];
    FILE *f;

    long_name(far, 300);
    CHECK(put(&tar, "dir/file", SLV_STR("hello")) == SLV_OK);
    CHECK(put(&tar, far, SLV_STR("x")) == SLV_OK);
    CHECK(slv_tar_put_end(&tar) == SLV_OK);
    (void)snprintf(path, sizeof path, "%s/t.tar", tap_tmpdir());
    f = fopen(path, "we");
    CHECK(f && fwrite(tar.ptr, 1, tar.len, f) == tar.len && fclose(f) == 0);
    (void)snprintf(command, sizeof command,
                   "tar -tf %s | grep -qx %s && test \"$(tar -xOf %s dir/file)\" = hello", path,
                   far, path);
    CHECK(system(command) == 0);
}

TEST(a_cut_anywhere_is_noticed)
{
    SLV_CLEANUP(slv_buf_done) slv_buf tar = SLV_BUF((size_t)1 << 20);

    CHECK(put(&tar, "one", SLV_STR("content of one")) == SLV_OK);
    size_t end = tar.len;
    CHECK(slv_tar_put_end(&tar) == SLV_OK);
    for (size_t cut = 0; cut < end + SLV_TAR_BLOCK; cut += 37) {
        SLV_CLEANUP(slv_buf_done) slv_buf got = SLV_BUF(1);
        slv_err err = {0};

        CHECK(read_tar(slv_str_sub(slv_buf_view(&tar), 0, cut), 4096, &got, &err) == SLV_E_PARSE);
        if (cut > end - 1)
            CHECK(slv_str_find(slv_str_from(slv_err_text(&err)), SLV_STR("one"), 0) != SIZE_MAX);
    }
}

TEST(names_that_lead_out_are_refused)
{
    static const char *const bad[] = {"",     "/etc/passwd", "../x", "a/../b", "a/..",
                                      "a//b", "./a",         "a/",   ".",      ".."};
    char at[SLV_TAR_NAME_MAX + 2];

    for (size_t i = 0; i < SLV_ARRAY_LEN(bad); i++)
        CHECK(!slv_tar_name_ok(slv_str_from(bad[i])));
    CHECK(!slv_tar_name_ok(slv_str_make("a\0b", 3)));
    CHECK(slv_tar_name_ok(SLV_STR("a/..b/c.")) && slv_tar_name_ok(SLV_STR("...")));
    long_name(at, SLV_TAR_NAME_MAX);
    CHECK(slv_tar_name_ok(slv_str_from(at)));
    long_name(at, SLV_TAR_NAME_MAX + 1);
    CHECK(!slv_tar_name_ok(slv_str_from(at)));
}

/* The header of a file `name` with its type and size changed, and the sum made right again. */
static void change(slv_buf *tar, char type, const char *size, const char *name)
{
    uint8_t *b = (uint8_t *)tar->ptr + 2 * SLV_TAR_BLOCK;
    unsigned sum = 0;

    b[156] = (uint8_t)type;
    if (size)
        memcpy(b + 124, size, 11);
    if (name) {
        memset(b, 0, 100);
        memcpy(b, name, strlen(name));
    }
    memset(b + 148, ' ', 8);
    for (size_t i = 0; i < SLV_TAR_BLOCK; i++)
        sum += b[i];
    (void)snprintf((char *)b + 148, 8, "%06o", sum);
}

TEST(what_is_no_file_is_refused_by_name)
{
    static const struct {
        char type;
        const char *size, *name, *want;
    } cases[] = {{'2', NULL, NULL, "'evil' is a symbolic link"},
                 {'1', NULL, NULL, "'evil' is a hard link"},
                 {'5', NULL, NULL, "'evil' is a folder"},
                 {'3', NULL, NULL, "'evil' is no regular file"},
                 {'0', NULL, "../../etc/cron.d/x", "'../../etc/cron.d/x' has a name"},
                 {'0', NULL, "/etc/passwd", "'/etc/passwd' has a name"},
                 {'0', "77777777777", NULL, "cut within the entry 'evil'"},
                 {'0', "hello world", NULL, "damaged"}};

    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf tar = SLV_BUF((size_t)1 << 20), got = SLV_BUF(1);
        slv_err err = {0};

        CHECK(put(&tar, "evil", SLV_STR("x")) == SLV_OK && slv_tar_put_end(&tar) == SLV_OK);
        change(&tar, cases[i].type, cases[i].size, cases[i].name);
        CHECK(read_tar(slv_buf_view(&tar), 512, &got, &err) == SLV_E_PARSE);
        if (!strstr(slv_err_text(&err), cases[i].want))
            tap_note("%s", slv_err_text(&err));
        CHECK(strstr(slv_err_text(&err), cases[i].want) != NULL);
    }
}

TEST(sealed_texts_open_with_their_key_alone)
{
    SLV_CLEANUP(slv_buf_done) slv_buf sealed = SLV_BUF(300000), plain = SLV_BUF(300000);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(200000);
    uint8_t key[SLV_SEAL_KEY], other[SLV_SEAL_KEY], salt[SLV_SEAL_SALT] = {1};

    while (text.len < 150000)
        CHECK(slv_buf_append(&text, SLV_STR("secret ")) == SLV_OK);
    CHECK(slv_seal_key_of(SLV_STR("open sesame"), salt, key) == SLV_OK);
    CHECK(slv_seal_key_of(SLV_STR("open barley"), salt, other) == SLV_OK);
    CHECK(slv_seal_text(key, slv_buf_view(&text), &sealed) == SLV_OK);
    CHECK(slv_unseal_text(other, slv_buf_view(&sealed), &plain) == SLV_E_DENIED);
    CHECK(slv_unseal_text(key, slv_str_sub(slv_buf_view(&sealed), 0, 70000), &plain) ==
          SLV_E_DENIED);
    plain.len = 0;
    CHECK(slv_unseal_text(key, slv_buf_view(&sealed), &plain) == SLV_OK);
    CHECK(slv_str_eq(slv_buf_view(&plain), slv_buf_view(&text)));
}

TAP_MAIN()
