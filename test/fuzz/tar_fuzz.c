/* tar_fuzz.c - archives of strangers: the same is read of them whatever the pieces are, and no name
 * comes out that leads elsewhere. The first byte says how long the pieces are. */
#include "fmt/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct told {
    slv_buf text;
    uint64_t left;
} told;

static slv_code on_begin(void *arg, const slv_tar_entry *entry, slv_err *err)
{
    told *t = arg;

    (void)err;
    SLV_ASSERT(slv_tar_name_ok(entry->name) && entry->size <= SLV_TAR_SIZE_MAX &&
               entry->mtime_ns >= 0);
    t->left = entry->size;
    return slv_buf_printf(&t->text, "<%zu %llu %lld>", entry->name.len,
                          (unsigned long long)entry->size, (long long)entry->mtime_ns);
}

static slv_code on_data(void *arg, slv_str bytes, slv_err *err)
{
    told *t = arg;

    (void)err;
    SLV_ASSERT(bytes.len > 0 && bytes.len <= t->left);
    t->left -= bytes.len;
    return slv_buf_append(&t->text, bytes);
}

static slv_code on_end(void *arg, slv_err *err)
{
    told *t = arg;

    (void)err;
    SLV_ASSERT(t->left == 0);
    return slv_buf_append(&t->text, SLV_STR("</>"));
}

static const slv_tar_ops ops = {on_begin, on_data, on_end};

static slv_code read_tar(slv_str text, size_t piece, slv_buf *out)
{
    told t = {.text = *out};
    slv_tar_reader r;
    slv_code code = SLV_OK;

    slv_tar_reader_init(&r, &ops, &t);
    while (code == SLV_OK && text.len > 0) {
        code = slv_tar_reader_add(&r, slv_str_sub(text, 0, piece), NULL);
        text = slv_str_skip(text, piece);
    }
    if (code == SLV_OK)
        code = slv_tar_reader_end(&r, NULL);
    slv_tar_reader_done(&r);
    *out = t.text;
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_buf_done) slv_buf whole = SLV_BUF((size_t)4 << 20), cut = SLV_BUF(4 << 20);

    if (size < 1)
        return 0;
    slv_str text = slv_str_make(data + 1, size - 1);
    slv_code code = read_tar(text, text.len + 1, &whole);
    SLV_ASSERT(read_tar(text, (size_t)data[0] + 1, &cut) == code);
    SLV_ASSERT(slv_str_eq(slv_buf_view(&whole), slv_buf_view(&cut)));
    return 0;
}
