#include "fmt/awschunk.h"

#include <stdio.h>

#include "fmt/sigv4.h"

enum { HEAD, DATA, AFTER, TRAILER, END };

static const char empty_hash[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

slv_code slv_awschunk_init(slv_awschunk *c, const slv_awschunk_options *options)
{
    *c = (slv_awschunk){
        .state = HEAD,
        .signs = options->key != NULL,
        .trailers = options->trailers,
        .line = SLV_BUF(SLV_AWSCHUNK_LINE_MAX),
        .fields = SLV_BUF(SLV_AWSCHUNK_TRAILERS_MAX),
    };
    if (!c->signs)
        return SLV_OK;
    if (options->amz_date.len >= sizeof c->date || options->scope.len >= sizeof c->scope ||
        options->signature.len >= sizeof c->before)
        return SLV_E_LIMIT;
    memcpy(c->key, options->key, sizeof c->key);
    memcpy(c->date, options->amz_date.ptr, options->amz_date.len);
    memcpy(c->scope, options->scope.ptr, options->scope.len);
    memcpy(c->before, options->signature.ptr, options->signature.len);
    return SLV_OK;
}

void slv_awschunk_done(slv_awschunk *c)
{
    slv_sum_done(&c->sum);
    slv_buf_done(&c->line);
    slv_buf_done(&c->fields);
    explicit_bzero(c->key, sizeof c->key);
}

bool slv_awschunk_ended(const slv_awschunk *c)
{
    return c->state == END;
}

/* The signature of what hash stands for follows from the one before. */
static slv_code check(slv_awschunk *c, const char *kind, const char *middle, const uint8_t *hash,
                      slv_str given)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1024);
    char want[64];

    SLV_TRY(
        slv_buf_printf(&text, "%s\n%s\n%s\n%s\n%s", kind, c->date, c->scope, c->before, middle));
    SLV_TRY(slv_hex_append(&text, slv_str_make(hash, 32)));
    slv_sigv4_sign(c->key, slv_buf_view(&text), want);
    if (!slv_secret_eq(given, slv_str_make(want, sizeof want)))
        return SLV_E_DENIED;
    memcpy(c->before, want, sizeof want);
    return SLV_OK;
}

static slv_code end_chunk(slv_awschunk *c)
{
    uint8_t hash[SLV_SUM_MAX];
    char middle[sizeof empty_hash + 1];

    if (!c->signs)
        return SLV_OK;
    slv_sum_end(&c->sum, hash);
    (void)snprintf(middle, sizeof middle, "%s\n", empty_hash);
    return check(c, "AWS4-HMAC-SHA256-PAYLOAD", middle, hash, slv_str_from(c->given));
}

static slv_code take_head(slv_awschunk *c, slv_str line)
{
    size_t semicolon = slv_str_chr(line, ';', 0);
    static const slv_str name = {"chunk-signature=", 16};

    if (slv_parse_hex_u64(slv_str_trim(slv_str_sub(line, 0, semicolon)), &c->left) != SLV_OK ||
        c->left > (uint64_t)1 << 40)
        return SLV_E_PARSE;
    if (c->signs) {
        slv_str rest =
            semicolon == SIZE_MAX ? SLV_STR_NULL : slv_str_trim(slv_str_skip(line, semicolon + 1));

        if (!slv_str_starts(rest, name) || rest.len != name.len + 64)
            return SLV_E_PARSE;
        memcpy(c->given, rest.ptr + name.len, 64);
        slv_sum_done(&c->sum);
        slv_sum_init(&c->sum, SLV_SUM_SHA256);
    }
    if (c->left > 0) {
        c->state = DATA;
        return SLV_OK;
    }
    SLV_TRY(end_chunk(c));
    c->state = TRAILER;
    return SLV_OK;
}

static slv_code take_trailer(slv_awschunk *c, slv_str line)
{
    size_t colon = slv_str_chr(line, ':', 0);

    if (colon == SIZE_MAX || colon == 0)
        return SLV_E_PARSE;
    for (size_t i = 0; i < colon; i++)
        SLV_TRY(slv_buf_append_byte(&c->fields, slv_ascii_lower(line.ptr[i])));
    SLV_TRY(slv_buf_append_byte(&c->fields, ':'));
    SLV_TRY(slv_buf_append(&c->fields, slv_str_trim(slv_str_skip(line, colon + 1))));
    return slv_buf_append_byte(&c->fields, '\n');
}

/* The trailers' signature covers all of them but itself. */
static slv_code end_trailers(slv_awschunk *c)
{
    static const slv_str name = {"x-amz-trailer-signature:", 24};
    slv_str fields = slv_buf_view(&c->fields);
    size_t at = slv_str_find(fields, name, 0);
    uint8_t hash[SLV_SUM_MAX];

    c->state = END;
    if (!c->signs || !c->trailers)
        return SLV_OK;
    if (at == SIZE_MAX || (at > 0 && fields.ptr[at - 1] != '\n'))
        return SLV_E_DENIED;
    slv_str given = slv_str_skip(fields, at + name.len);
    slv_sum_of(SLV_SUM_SHA256, slv_str_sub(fields, 0, at), hash);
    return check(c, "AWS4-HMAC-SHA256-TRAILER", "", hash,
                 slv_str_sub(given, 0, slv_str_chr(given, '\n', 0)));
}

static slv_code take_line(slv_awschunk *c, slv_str line)
{
    switch (c->state) {
    case HEAD:
        return take_head(c, line);
    case AFTER:
        c->state = HEAD;
        return line.len == 0 ? SLV_OK : SLV_E_PARSE;
    case TRAILER:
        return line.len == 0 ? end_trailers(c) : take_trailer(c, line);
    default:
        return SLV_E_PARSE;
    }
}

/* Up to and with the next line break; what is not complete waits. */
static slv_code feed_line(slv_awschunk *c, slv_str *bytes)
{
    size_t end = slv_str_chr(*bytes, '\n', 0);

    if (slv_buf_append(&c->line, slv_str_sub(*bytes, 0, end)) != SLV_OK)
        return SLV_E_PARSE;
    if (end == SIZE_MAX) {
        *bytes = slv_str_skip(*bytes, bytes->len);
        return SLV_OK;
    }
    *bytes = slv_str_skip(*bytes, end + 1);
    slv_str line = slv_buf_view(&c->line);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    slv_code code = take_line(c, line);
    slv_buf_reset(&c->line);
    return code;
}

slv_code slv_awschunk_feed(slv_awschunk *c, slv_str *bytes, slv_str *ret_data)
{
    *ret_data = SLV_STR_NULL;
    while (bytes->len > 0 && c->state != DATA) {
        if (c->state == END)
            return SLV_E_PARSE;
        SLV_TRY(feed_line(c, bytes));
    }
    if (bytes->len == 0)
        return SLV_OK;
    size_t n = c->left < bytes->len ? (size_t)c->left : bytes->len;
    *ret_data = slv_str_sub(*bytes, 0, n);
    *bytes = slv_str_skip(*bytes, n);
    c->left -= n;
    if (c->signs)
        slv_sum_add(&c->sum, *ret_data);
    if (c->left > 0)
        return SLV_OK;
    c->state = AFTER;
    return end_chunk(c);
}

slv_str slv_awschunk_trailer(const slv_awschunk *c, slv_str name)
{
    slv_str rest = slv_buf_view(&c->fields), line;

    while (rest.len > 0 && slv_str_split(&rest, '\n', &line)) {
        if (line.len > name.len && slv_str_starts(line, name) && line.ptr[name.len] == ':')
            return slv_str_skip(line, name.len + 1);
    }
    return SLV_STR_NULL;
}
