/*
 * A header is one block of 512 bytes, numbers in it are octal text:
 *
 *      0  100  name                    156    1  type: '0' or NUL a file, 'x' a pax header
 *    100    8  mode                    257    8  "ustar" NUL "00"
 *    124   12  size of the content     345  155  what stands before the name, and a slash
 *    136   12  time, seconds
 *    148    8  sum of all bytes of the header, these eight as blanks
 *
 * The content follows in whole blocks. A pax header's content is lines "LENGTH KEY=VALUE\n".
 */
#include "fmt/tar.h"

#include <stdio.h>
#include <string.h>

#define AT_SIZE 124
#define AT_TIME 136
#define AT_SUM 148
#define AT_TYPE 156
#define AT_MAGIC 257
#define AT_PREFIX 345
#define NAME_LEN ((size_t)100)
#define PREFIX_LEN ((size_t)155)
#define NS INT64_C(1000000000)
#define OCTAL_MAX UINT64_C(077777777777)
#define TIME_MAX_S (INT64_C(1) << 33)

bool slv_tar_name_ok(slv_str name)
{
    slv_str rest = name, part;

    if (name.len == 0 || name.len > SLV_TAR_NAME_MAX || memchr(name.ptr, 0, name.len))
        return false;
    while (rest.ptr && slv_str_split(&rest, '/', &part))
        if (part.len == 0 || slv_str_is(part, ".") || slv_str_is(part, ".."))
            return false;
    return name.ptr[name.len - 1] != '/';
}

/* ---- writing ---- */

static void seal_block(uint8_t block[SLV_TAR_BLOCK])
{
    unsigned sum = 0;
    char text[8];

    memset(block + AT_SUM, ' ', 8);
    for (size_t i = 0; i < SLV_TAR_BLOCK; i++)
        sum += block[i];
    (void)snprintf(text, sizeof text, "%06o", sum & 0777777);
    memcpy(block + AT_SUM, text, 7); /* and a NUL, then a blank */
}

static void make_block(slv_str name, char type, uint64_t size, uint64_t seconds,
                       uint8_t block[static SLV_TAR_BLOCK])
{
    char text[24];

    memset(block, 0, SLV_TAR_BLOCK);
    memcpy(block, name.ptr, SLV_MIN(name.len, NAME_LEN));
    memcpy(block + 100,
           "0000600\0"
           "0000000\0"
           "0000000",
           24);
    (void)snprintf(text, sizeof text, "%011llo", (unsigned long long)SLV_MIN(size, OCTAL_MAX));
    memcpy(block + AT_SIZE, text, 12);
    (void)snprintf(text, sizeof text, "%011llo", (unsigned long long)SLV_MIN(seconds, OCTAL_MAX));
    memcpy(block + AT_TIME, text, 12);
    block[AT_TYPE] = (uint8_t)type;
    memcpy(block + AT_MAGIC,
           "ustar\0"
           "00",
           8);
    seal_block(block);
}

/* The length counts its own digits. */
static slv_code put_record(slv_buf *out, const char *key, slv_str value)
{
    size_t bare = strlen(key) + value.len + 3, len = bare + 1;
    char digits[24];

    while (bare + (size_t)snprintf(digits, sizeof digits, "%zu", len) != len)
        len = bare + strlen(digits);
    return slv_buf_printf(out, "%s %s=%.*s\n", digits, key, SLV_STR_ARGS(value));
}

static slv_code put_block(slv_buf *out, slv_str name, char type, uint64_t size, uint64_t seconds)
{
    uint8_t block[SLV_TAR_BLOCK];

    make_block(name, type, size, seconds, block);
    return slv_buf_append(out, slv_str_make(block, sizeof block));
}

static slv_code put_zeroes(slv_buf *out, size_t n)
{
    static const uint8_t zeroes[2 * SLV_TAR_BLOCK];

    SLV_ASSERT(n <= sizeof zeroes);
    return slv_buf_append(out, slv_str_make(zeroes, n));
}

slv_code slv_tar_put_head(const slv_tar_entry *entry, slv_buf *out)
{
    SLV_CLEANUP(slv_buf_done) slv_buf pax = SLV_BUF(SLV_TAR_PAX_MAX);
    int64_t time_ns = SLV_MAX(entry->mtime_ns, (int64_t)0);
    char text[48];

    if (!slv_tar_name_ok(entry->name) || entry->size > SLV_TAR_SIZE_MAX)
        return SLV_E_INVAL;
    if (entry->name.len > NAME_LEN)
        SLV_TRY(put_record(&pax, "path", entry->name));
    if (entry->size > OCTAL_MAX) {
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)entry->size);
        SLV_TRY(put_record(&pax, "size", slv_str_from(text)));
    }
    (void)snprintf(text, sizeof text, "%lld.%09lld", (long long)(time_ns / NS),
                   (long long)(time_ns % NS));
    SLV_TRY(put_record(&pax, "mtime", slv_str_from(text)));
    SLV_TRY(put_block(out, SLV_STR("@pax"), 'x', pax.len, (uint64_t)(time_ns / NS)));
    SLV_TRY(slv_buf_append(out, slv_buf_view(&pax)));
    SLV_TRY(put_zeroes(out, slv_tar_padding(pax.len)));
    return put_block(out, entry->name, '0', entry->size, (uint64_t)(time_ns / NS));
}

slv_code slv_tar_put_end(slv_buf *out)
{
    return put_zeroes(out, 2 * SLV_TAR_BLOCK);
}

/* ---- reading ---- */

void slv_tar_reader_init(slv_tar_reader *r, const slv_tar_ops *ops, void *arg)
{
    memset(r, 0, sizeof *r);
    r->ops = ops;
    r->arg = arg;
    r->pax = SLV_BUF(SLV_TAR_PAX_MAX);
    r->name = SLV_BUF(SLV_TAR_NAME_MAX);
}

void slv_tar_reader_done(slv_tar_reader *r)
{
    slv_buf_done(&r->pax);
    slv_buf_done(&r->name);
}

/* Digits up to a blank or NUL; blanks may stand before. */
static bool read_octal(const uint8_t *field, size_t len, uint64_t *ret)
{
    uint64_t n = 0;
    size_t i = 0, digits = 0;

    while (i < len && field[i] == ' ')
        i++;
    for (; i < len && field[i] >= '0' && field[i] <= '7'; i++, digits++)
        n = n << 3 | (uint64_t)(field[i] - '0');
    for (; i < len; i++)
        if (field[i] != ' ' && field[i] != 0)
            return false;
    *ret = n;
    return digits > 0 && digits <= 21;
}

static bool is_zero(const uint8_t *block)
{
    for (size_t i = 0; i < SLV_TAR_BLOCK; i++)
        if (block[i])
            return false;
    return true;
}

static bool sum_holds(const uint8_t *block)
{
    uint64_t said;
    unsigned sum = 8 * ' ';

    for (size_t i = 0; i < SLV_TAR_BLOCK; i++)
        sum += i < AT_SUM || i >= AT_SUM + 8 ? block[i] : 0;
    return read_octal(block + AT_SUM, 8, &said) && said == sum;
}

static slv_code read_name(slv_tar_reader *r, slv_err *err)
{
    const char *b = (const char *)r->block;
    size_t prefix = strnlen(b + AT_PREFIX, PREFIX_LEN), len = strnlen(b, NAME_LEN);

    if (!r->has_name) {
        slv_buf_reset(&r->name);
        if (prefix > 0)
            SLV_TRY(slv_buf_printf(&r->name, "%.*s/", (int)prefix, b + AT_PREFIX));
        SLV_TRY(slv_buf_append(&r->name, slv_str_make(b, len)));
    }
    if (!slv_tar_name_ok(slv_buf_view(&r->name)))
        return slv_fail(err, SLV_E_PARSE, "the entry '%.*s' has a name that no file here may have",
                        (int)SLV_MIN(r->name.len, (size_t)200), r->name.ptr ? r->name.ptr : "");
    return SLV_OK;
}

static const char *what_it_is(uint8_t type)
{
    switch (type) {
    case '1':
        return "a hard link";
    case '2':
        return "a symbolic link";
    case '5':
        return "a folder";
    default:
        return "no regular file";
    }
}

static slv_code begin_file(slv_tar_reader *r, uint64_t size, uint64_t seconds, slv_err *err)
{
    slv_tar_entry entry = {.size = r->has_size ? r->pax_size : size,
                           .mtime_ns = r->has_time ? r->pax_time_ns : (int64_t)seconds * NS};

    SLV_TRY(read_name(r, err));
    entry.name = slv_buf_view(&r->name);
    if (r->block[AT_TYPE] != '0' && r->block[AT_TYPE] != 0)
        return slv_fail(err, SLV_E_PARSE, "the entry '%.*s' is %s", SLV_STR_ARGS(entry.name),
                        what_it_is(r->block[AT_TYPE]));
    if (entry.size > SLV_TAR_SIZE_MAX)
        return slv_fail(err, SLV_E_PARSE, "the entry '%.*s' says that it has %llu bytes",
                        SLV_STR_ARGS(entry.name), (unsigned long long)entry.size);
    r->has_name = r->has_size = r->has_time = false;
    r->in_file = true;
    r->left = entry.size;
    r->padding = slv_tar_padding(entry.size);
    return r->ops->begin(r->arg, &entry, err);
}

static slv_code take_head(slv_tar_reader *r, slv_err *err)
{
    uint64_t size, seconds;

    if (is_zero(r->block)) {
        if (r->has_name || r->has_size || r->has_time)
            return slv_fail(err, SLV_E_PARSE, "the archive ends behind a pax header");
        r->ended = true;
        return SLV_OK;
    }
    if (memcmp(r->block + AT_MAGIC, "ustar", 5) != 0 || !sum_holds(r->block) ||
        !read_octal(r->block + AT_SIZE, 12, &size) ||
        !read_octal(r->block + AT_TIME, 12, &seconds) || seconds > (uint64_t)TIME_MAX_S)
        return slv_fail(err, SLV_E_PARSE, "it is no tar archive, or damaged%s%.*s",
                        r->name.len > 0 ? " behind " : "", SLV_STR_ARGS(slv_buf_view(&r->name)));
    if (r->block[AT_TYPE] != 'x')
        return begin_file(r, size, seconds, err);
    if (size > SLV_TAR_PAX_MAX)
        return slv_fail(err, SLV_E_PARSE, "a pax header of %llu bytes", (unsigned long long)size);
    slv_buf_reset(&r->pax);
    r->in_pax = true;
    r->left = size;
    r->padding = slv_tar_padding(size);
    return SLV_OK;
}

/* "1700000000.123456789" */
static bool read_time(slv_str text, int64_t *ret)
{
    slv_str whole, part = text;
    int64_t ns = 0, scale = NS;
    uint64_t seconds;

    if (!slv_str_split(&part, '.', &whole) || slv_parse_u64(whole, &seconds) != SLV_OK ||
        seconds > (uint64_t)TIME_MAX_S)
        return false;
    for (size_t i = 0; part.ptr && i < part.len && scale > 1; i++) {
        if (!slv_is_digit(part.ptr[i]))
            return false;
        scale /= 10;
        ns += (part.ptr[i] - '0') * scale;
    }
    *ret = (int64_t)seconds * NS + ns;
    return true;
}

static bool take_record(slv_tar_reader *r, slv_str key, slv_str value)
{
    if (slv_str_is(key, "path")) {
        r->has_name = true;
        return value.len <= SLV_TAR_NAME_MAX && slv_buf_set(&r->name, value) == SLV_OK;
    }
    if (slv_str_is(key, "size")) {
        r->has_size = true;
        return slv_parse_u64(value, &r->pax_size) == SLV_OK;
    }
    if (slv_str_is(key, "mtime")) {
        r->has_time = true;
        return read_time(value, &r->pax_time_ns);
    }
    return true; /* owners, comments ... */
}

static slv_code end_pax(slv_tar_reader *r, slv_err *err)
{
    slv_str text = slv_buf_view(&r->pax);

    r->in_pax = false;
    while (text.len > 0) {
        size_t blank = slv_str_chr(text, ' ', 0), equals;
        uint64_t len = 0;

        if (blank == SIZE_MAX || blank > 6 ||
            slv_parse_u64(slv_str_sub(text, 0, blank), &len) != SLV_OK || len > text.len ||
            len < blank + 3 || text.ptr[len - 1] != '\n')
            return slv_fail(err, SLV_E_PARSE, "a pax header is damaged");
        equals = slv_str_chr(slv_str_sub(text, 0, len), '=', blank);
        if (equals == SIZE_MAX || !take_record(r, slv_str_sub(text, blank + 1, equals),
                                               slv_str_sub(text, equals + 1, len - 1)))
            return slv_fail(err, SLV_E_PARSE, "a pax header is damaged");
        text = slv_str_skip(text, len);
    }
    return SLV_OK;
}

static slv_code end_content(slv_tar_reader *r, slv_err *err)
{
    if (r->in_pax)
        return end_pax(r, err);
    r->in_file = false;
    return r->ops->end(r->arg, err);
}

/* One step: a part of a content, of its padding, or of a header. */
static slv_code step(slv_tar_reader *r, slv_str *bytes, slv_err *err)
{
    slv_str piece;

    if (r->in_pax || r->in_file) {
        if (r->left > 0) {
            piece = slv_str_sub(*bytes, 0, (size_t)SLV_MIN(r->left, (uint64_t)bytes->len));
            *bytes = slv_str_skip(*bytes, piece.len);
            r->left -= piece.len;
            SLV_TRY(r->in_pax ? slv_buf_append(&r->pax, piece) : r->ops->data(r->arg, piece, err));
        } else {
            piece = slv_str_sub(*bytes, 0, (size_t)SLV_MIN(r->padding, (uint64_t)bytes->len));
            *bytes = slv_str_skip(*bytes, piece.len);
            r->padding -= piece.len;
        }
        return r->left == 0 && r->padding == 0 ? end_content(r, err) : SLV_OK;
    }
    piece = slv_str_sub(*bytes, 0, SLV_TAR_BLOCK - r->have);
    memcpy(r->block + r->have, piece.ptr, piece.len);
    *bytes = slv_str_skip(*bytes, piece.len);
    r->have += piece.len;
    if (r->have < SLV_TAR_BLOCK)
        return SLV_OK;
    r->have = 0;
    SLV_TRY(take_head(r, err));
    /* what is empty has nothing that would end it */
    return (r->in_pax || r->in_file) && r->left == 0 && r->padding == 0 ? end_content(r, err)
                                                                        : SLV_OK;
}

slv_code slv_tar_reader_add(slv_tar_reader *r, slv_str bytes, slv_err *err)
{
    while (bytes.len > 0 && !r->ended)
        SLV_TRY(step(r, &bytes, err));
    return SLV_OK;
}

slv_code slv_tar_reader_end(const slv_tar_reader *r, slv_err *err)
{
    if (r->ended)
        return SLV_OK;
    if (r->in_file)
        return slv_fail(err, SLV_E_PARSE, "it is cut within the entry '%.*s'",
                        SLV_STR_ARGS(slv_buf_view(&r->name)));
    return slv_fail(err, SLV_E_PARSE, "it is cut%s%.*s",
                    r->name.len > 0 ? " behind the entry " : "",
                    SLV_STR_ARGS(slv_buf_view(&r->name)));
}
