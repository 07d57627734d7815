#include "fmt/charset.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "fmt/charset_int.h"

slv_charset_decoder *slv_charset_decoder_new(slv_charset charset,
                                             slv_charset_decoder_options options)
{
    slv_charset_decoder *d = slv_new0(slv_charset_decoder);

    d->charset = charset;
    d->options = options;
    if (slv_charset_infos[charset].converter)
        d->table = slv_charset_table_open(slv_charset_infos[charset].converter);
    if (charset >= SLV_CHARSET_IBM866)
        slv_charset_fill(charset, d->table, d->upper);
    return d;
}

slv_charset_decoder *slv_charset_decoder_free(slv_charset_decoder *d)
{
    if (d) {
        slv_charset_table_close(d->table);
        free(d);
    }
    return NULL;
}

static slv_code put_unit(slv_buf *out, uint32_t unit)
{
    uint16_t u = (uint16_t)unit;

    return slv_buf_append(out, slv_str_make(&u, sizeof u));
}

slv_code slv_charset_emit(slv_charset_decoder *d, uint32_t cp)
{
    if (cp < 0x10000)
        return put_unit(d->out, cp);
    SLV_TRY(put_unit(d->out, 0xD7C0 + (cp >> 10)));
    return put_unit(d->out, 0xDC00 + (cp & 0x3FF));
}

slv_code slv_charset_error(slv_charset_decoder *d)
{
    return d->options.fatal ? SLV_E_PARSE : slv_charset_emit(d, 0xFFFD);
}

/* How many bytes at the end of s begin a character that more bytes could finish. */
static size_t unfinished_utf8(slv_str s)
{
    for (size_t k = 1; k <= 3 && k <= s.len; k++) {
        const unsigned char *p = (const unsigned char *)s.ptr + s.len - k;
        size_t need = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
        unsigned char low = 0x80, high = 0xBF;

        if (p[0] < 0x80)
            return 0;
        if (p[0] < 0xC0)
            continue;
        if (p[0] < 0xC2 || p[0] > 0xF4 || need <= k)
            return 0;
        if (p[0] == 0xE0 || p[0] == 0xF0)
            low = p[0] == 0xE0 ? 0xA0 : 0x90;
        if (p[0] == 0xED || p[0] == 0xF4)
            high = p[0] == 0xED ? 0x9F : 0x8F;
        return k == 1 || (p[1] >= low && p[1] <= high) ? k : 0;
    }
    return 0;
}

/* Whole characters only. */
static slv_code put_utf8(slv_charset_decoder *d, slv_str s)
{
    if (s.len == 0)
        return SLV_OK;
    if (d->options.fatal && !slv_utf8_valid(s))
        return SLV_E_PARSE;
    if (s.len > (SIZE_MAX - 8) / 2)
        return SLV_E_LIMIT;
    SLV_TRY(slv_buf_reserve(d->out, 2 * s.len)); /* never more units than bytes */
    char *end = d->out->ptr + d->out->len;
    d->out->len += 2 * slv_utf8_to_utf16(s, (uint16_t *)(void *)end);
    return SLV_OK;
}

static slv_code run_utf8(slv_charset_decoder *d, slv_str s, bool flush)
{
    /* finish the character that waits, byte by byte */
    while (d->n_pending > 0 && s.len > 0) {
        d->pending[d->n_pending++] = (unsigned char)s.ptr[0];
        s = slv_str_skip(s, 1);
        slv_str all = slv_str_make(d->pending, d->n_pending);
        size_t tail = unfinished_utf8(all);
        SLV_TRY(put_utf8(d, slv_str_sub(all, 0, all.len - tail)));
        memmove(d->pending, d->pending + all.len - tail, tail);
        d->n_pending = tail;
    }
    if (s.len > 0) {
        size_t tail = flush ? 0 : unfinished_utf8(s);

        SLV_TRY(put_utf8(d, slv_str_sub(s, 0, s.len - tail)));
        if (tail > 0)
            memcpy(d->pending, s.ptr + s.len - tail, tail);
        d->n_pending = tail;
    }
    if (flush && d->n_pending > 0) {
        d->n_pending = 0;
        return slv_charset_error(d);
    }
    return SLV_OK;
}

/* A lead surrogate waits in `first` and `second` until the next unit, so that a pair is never given
 * in two parts. */
static slv_code put_utf16(slv_charset_decoder *d, uint32_t unit)
{
    bool little = d->charset == SLV_CHARSET_UTF_16LE, trail = unit >= 0xDC00 && unit <= 0xDFFF;
    uint32_t lead = (uint32_t)d->first << 8 | d->second;

    d->first = d->second = 0;
    if (lead && (trail || little))
        SLV_TRY(put_unit(d->out, lead));
    else if (lead)
        SLV_TRY(slv_charset_error(d));
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        d->first = (unsigned char)(unit >> 8);
        d->second = (unsigned char)unit;
        return SLV_OK;
    }
    return trail && !lead && !little ? slv_charset_error(d) : put_unit(d->out, unit);
}

static slv_code run_utf16(slv_charset_decoder *d, slv_str s, bool flush)
{
    bool little = d->charset == SLV_CHARSET_UTF_16LE;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char byte = (unsigned char)s.ptr[i];

        if (d->n_pending == 0) {
            d->pending[d->n_pending++] = byte;
            continue;
        }
        d->n_pending = 0;
        if (little)
            SLV_TRY(put_utf16(d, (uint32_t)byte << 8 | d->pending[0]));
        else
            SLV_TRY(put_utf16(d, (uint32_t)d->pending[0] << 8 | byte));
    }
    if (!flush)
        return SLV_OK;
    if (little && d->first)
        SLV_TRY(put_unit(d->out, (uint32_t)d->first << 8 | d->second));
    if (d->n_pending > 0 || (!little && d->first))
        return slv_charset_error(d);
    return SLV_OK;
}

static slv_code (*const multi_steps[])(slv_charset_decoder *d, int byte) = {
    [SLV_CHARSET_GBK] = slv_charset_step_gb18030,
    [SLV_CHARSET_GB18030] = slv_charset_step_gb18030,
    [SLV_CHARSET_BIG5] = slv_charset_step_big5,
    [SLV_CHARSET_EUC_JP] = slv_charset_step_euc_jp,
    [SLV_CHARSET_ISO_2022_JP] = slv_charset_step_iso_2022_jp,
    [SLV_CHARSET_SHIFT_JIS] = slv_charset_step_shift_jis,
    [SLV_CHARSET_EUC_KR] = slv_charset_step_euc_kr,
};

static slv_code step(slv_charset_decoder *d, int byte)
{
    if (d->charset >= SLV_CHARSET_GBK && d->charset <= SLV_CHARSET_EUC_KR)
        return multi_steps[d->charset](d, byte);
    if (byte == CHARSET_END)
        return SLV_OK;
    if (d->charset == SLV_CHARSET_REPLACEMENT) {
        bool said = d->flag;

        d->flag = true;
        return said ? SLV_OK : slv_charset_error(d);
    }
    if (byte < 0x80)
        return slv_charset_emit(d, (uint32_t)byte);
    if (d->charset == SLV_CHARSET_X_USER_DEFINED)
        return slv_charset_emit(d, (uint32_t)(0xF780 + byte - 0x80));
    uint16_t unit = d->upper[byte - 0x80];
    return unit ? slv_charset_emit(d, unit) : slv_charset_error(d);
}

static slv_code run_steps(slv_charset_decoder *d, slv_str s, bool flush)
{
    for (size_t i = 0; i < s.len + flush; i++) {
        SLV_TRY(step(d, i < s.len ? (unsigned char)s.ptr[i] : CHARSET_END));
        while (d->n_back > 0)
            SLV_TRY(step(d, d->back[--d->n_back]));
        if (i == s.len) /* what was read again may have begun a character that now ends, too */
            SLV_TRY(step(d, CHARSET_END));
    }
    return SLV_OK;
}

/* Takes the mark off what this call has put at the front of the stream. */
static void drop_bom(slv_charset_decoder *d, size_t start)
{
    bool has_bom = d->charset <= SLV_CHARSET_UTF_16BE && !d->options.ignore_bom;
    uint16_t unit;

    if (d->begun || d->out->len == start)
        return;
    d->begun = true;
    memcpy(&unit, d->out->ptr + start, sizeof unit);
    if (has_bom && unit == 0xFEFF) {
        memmove(d->out->ptr + start, d->out->ptr + start + 2, d->out->len - start - 2);
        d->out->len -= 2;
    }
}

static void restart(slv_charset_decoder *d)
{
    d->first = d->second = d->third = 0;
    d->state = d->output_state = 0;
    d->flag = d->begun = false;
    d->n_pending = d->n_back = 0;
}

slv_code slv_charset_decoder_run(slv_charset_decoder *d, slv_str bytes, bool flush, slv_buf *out)
{
    size_t start = out->len;
    slv_code code;

    d->out = out;
    if (d->charset == SLV_CHARSET_UTF_8)
        code = run_utf8(d, bytes, flush);
    else if (d->charset <= SLV_CHARSET_UTF_16BE)
        code = run_utf16(d, bytes, flush);
    else
        code = run_steps(d, bytes, flush);
    drop_bom(d, start);
    d->out = NULL;
    if (flush || code != SLV_OK)
        restart(d);
    return code;
}
