#include "fmt/sigv4.h"

#include "fmt/sum.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define TERMINATOR "aws4_request"

/* ---- URIs ---- */

slv_code slv_uri_decode(slv_str text, slv_buf *out)
{
    SLV_TRY(slv_buf_reserve(out, text.len));
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '%') {
            int high = i + 2 < text.len ? slv_hex_value(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? slv_hex_value(text.ptr[i + 2]) : -1;

            if (high < 0 || low < 0)
                return SLV_E_PARSE;
            c = (char)(high << 4 | low);
            i += 2;
        }
        out->ptr[out->len++] = c;
    }
    return SLV_OK;
}

slv_code slv_uri_encode(slv_str text, bool keep_slash, slv_buf *out)
{
    static const char digits[] = "0123456789ABCDEF";

    if (text.len > out->limit / 3)
        return SLV_E_LIMIT;
    SLV_TRY(slv_buf_reserve(out, 3 * text.len));
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (slv_is_alpha(c) || slv_is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~' ||
            (c == '/' && keep_slash)) {
            out->ptr[out->len++] = c;
            continue;
        }
        out->ptr[out->len++] = '%';
        out->ptr[out->len++] = digits[(unsigned char)c >> 4];
        out->ptr[out->len++] = digits[c & 15];
    }
    return SLV_OK;
}

/* What was encoded well or badly becomes what AWS's clients sign. */
static slv_code reencode(slv_str text, bool keep_slash, slv_buf *out)
{
    SLV_CLEANUP(slv_buf_done) slv_buf plain = SLV_BUF(out->limit);

    SLV_TRY(slv_uri_decode(text, &plain));
    return slv_uri_encode(slv_buf_view(&plain), keep_slash, out);
}

/* RFC 3986 section 5.2.4 and runs of slashes, as the signing process wants it. */
static slv_code normalize(slv_str path, slv_buf *out)
{
    slv_str rest = path, segment;
    bool dir = false;

    while (slv_str_split(&rest, '/', &segment)) {
        dir = segment.len == 0 || slv_str_is(segment, ".") || slv_str_is(segment, "..");
        if (slv_str_is(segment, "..")) {
            size_t slash = slv_str_rchr(slv_buf_view(out), '/');

            out->len = slash == SIZE_MAX ? 0 : slash;
        } else if (!dir) {
            SLV_TRY(slv_buf_append_byte(out, '/'));
            SLV_TRY(slv_buf_append(out, segment));
        }
    }
    return dir || out->len == 0 ? slv_buf_append_byte(out, '/') : SLV_OK;
}

static slv_code put_path(slv_str path, slv_sigv4_path how, slv_buf *out)
{
    SLV_CLEANUP(slv_buf_done) slv_buf normal = SLV_BUF(out->limit);

    switch (how) {
    case SLV_SIGV4_PATH_SENT:
        return slv_buf_append(out, path.len > 0 ? path : SLV_STR("/"));
    case SLV_SIGV4_PATH_DECODED:
        return reencode(path.len > 0 ? path : SLV_STR("/"), true, out);
    case SLV_SIGV4_PATH_TWICE:
        return slv_uri_encode(path.len > 0 ? path : SLV_STR("/"), true, out);
    case SLV_SIGV4_PATH_NORMAL:
        break;
    }
    SLV_TRY(normalize(path, &normal));
    return slv_uri_encode(slv_buf_view(&normal), true, out);
}

/* ---- query ---- */

typedef struct parameter {
    slv_str name, value;                           /* as sent */
    size_t name_at, name_len, value_at, value_len; /* encoded again, in a buffer */
} parameter;

static slv_str field(slv_str text, slv_str *ret_value)
{
    size_t eq = slv_str_chr(text, '=', 0);

    *ret_value = eq == SIZE_MAX ? SLV_STR_NULL : slv_str_skip(text, eq + 1);
    return slv_str_sub(text, 0, eq);
}

typedef struct sorted {
    parameter items[SLV_SIGV4_QUERY_MAX];
    size_t count;
    slv_buf text;
} sorted;

static int order(const sorted *s, const parameter *a, const parameter *b)
{
    const char *base = s->text.ptr ? s->text.ptr : "";
    int by_name = slv_str_cmp(slv_str_make(base + a->name_at, a->name_len),
                              slv_str_make(base + b->name_at, b->name_len));

    return by_name ? by_name
                   : slv_str_cmp(slv_str_make(base + a->value_at, a->value_len),
                                 slv_str_make(base + b->value_at, b->value_len));
}

static slv_code collect(slv_str query, const slv_sigv4_auth *auth, sorted *s)
{
    slv_str rest = query, item;

    while (rest.len > 0 && slv_str_split(&rest, '&', &item)) {
        parameter p = {0};

        if (item.len == 0)
            continue;
        p.name = field(item, &p.value);
        if (auth->presigned &&
            (slv_str_is(p.name, "X-Amz-Signature") ||
             (auth->token_unsigned && slv_str_is(p.name, "X-Amz-Security-Token"))))
            continue;
        if (s->count == SLV_SIGV4_QUERY_MAX)
            return SLV_E_LIMIT;
        p.name_at = s->text.len;
        SLV_TRY(reencode(p.name, false, &s->text));
        p.name_len = s->text.len - p.name_at;
        p.value_at = s->text.len;
        SLV_TRY(reencode(p.value, false, &s->text));
        p.value_len = s->text.len - p.value_at;
        s->items[s->count++] = p;
    }
    return SLV_OK;
}

static slv_code put_query(slv_str query, const slv_sigv4_auth *auth, slv_buf *out)
{
    sorted s = {.text = SLV_BUF(out->limit)};
    slv_code code = collect(query, auth, &s);

    for (size_t i = 1; i < s.count; i++) { /* few, and mostly in order */
        parameter p = s.items[i];
        size_t j = i;

        for (; j > 0 && order(&s, &s.items[j - 1], &p) > 0; j--)
            s.items[j] = s.items[j - 1];
        s.items[j] = p;
    }
    for (size_t i = 0; i < s.count && code == SLV_OK; i++) {
        const parameter *p = &s.items[i];

        code = slv_buf_printf(out, "%s%.*s=%.*s", i == 0 ? "" : "&", (int)p->name_len,
                              s.text.ptr + p->name_at, (int)p->value_len, s.text.ptr + p->value_at);
    }
    slv_buf_done(&s.text);
    return code;
}

/* ---- headers ---- */

static bool next_header(slv_str *block, slv_str *ret_name, slv_str *ret_value)
{
    slv_str line;

    while (block->len > 0 && slv_str_split(block, '\n', &line)) {
        size_t colon = slv_str_chr(line, ':', 0);

        if (colon == SIZE_MAX)
            continue;
        *ret_name = slv_str_sub(line, 0, colon);
        *ret_value = slv_str_skip(line, colon + 1);
        return true;
    }
    return false;
}

/* Without white space around, runs of it inside as one space. */
static slv_code put_trimmed(slv_str value, slv_buf *out)
{
    bool space = false;

    value = slv_str_trim(value);
    SLV_TRY(slv_buf_reserve(out, value.len));
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        bool blank = c == ' ' || c == '\t';

        if (!blank || !space)
            out->ptr[out->len++] = blank ? ' ' : c;
        space = blank;
    }
    return SLV_OK;
}

static slv_code put_header(const slv_sigv4_request *request, slv_str name, slv_buf *out,
                           slv_err *err)
{
    slv_str block = request->headers, n, v;
    bool found = false;

    SLV_TRY(slv_buf_append(out, name));
    SLV_TRY(slv_buf_append_byte(out, ':'));
    while (next_header(&block, &n, &v)) {
        if (!slv_str_eq(n, name))
            continue;
        if (found)
            SLV_TRY(slv_buf_append_byte(out, ','));
        found = true;
        SLV_TRY(put_trimmed(v, out));
    }
    if (!found)
        return slv_fail(err, SLV_E_INVAL, "The signed header '%.*s' is not part of the request.",
                        (int)SLV_MIN(name.len, (size_t)100), name.ptr);
    return slv_buf_append_byte(out, '\n');
}

static slv_code put_headers(const slv_sigv4_request *request, slv_str names, slv_buf *out,
                            slv_err *err)
{
    slv_str rest = names, name;
    size_t count = 0;

    while (rest.len > 0 && slv_str_split(&rest, ';', &name)) {
        if (++count > SLV_SIGV4_SIGNED_MAX)
            return slv_fail(err, SLV_E_LIMIT, "Too many headers are signed.");
        SLV_TRY(put_header(request, name, out, err));
    }
    return SLV_OK;
}

/* ---- what is signed ---- */

slv_code slv_sigv4_canonical(const slv_sigv4_request *request, const slv_sigv4_auth *auth,
                             slv_sigv4_path path, slv_str payload_hash, slv_buf *out, slv_err *err)
{
    SLV_TRY(slv_buf_append(out, request->method));
    SLV_TRY(slv_buf_append_byte(out, '\n'));
    SLV_TRY(put_path(request->path, path, out));
    SLV_TRY(slv_buf_append_byte(out, '\n'));
    SLV_TRY(put_query(request->query, auth, out));
    SLV_TRY(slv_buf_append_byte(out, '\n'));
    SLV_TRY(put_headers(request, auth->signed_headers, out, err));
    SLV_TRY(slv_buf_append_byte(out, '\n'));
    SLV_TRY(slv_buf_append(out, auth->signed_headers));
    SLV_TRY(slv_buf_append_byte(out, '\n'));
    return slv_buf_append(out, payload_hash);
}

slv_code slv_sigv4_string_to_sign(const slv_sigv4_auth *auth, slv_str canonical, slv_buf *out)
{
    uint8_t hash[SLV_SUM_MAX];

    slv_sum_of(SLV_SUM_SHA256, canonical, hash);
    SLV_TRY(slv_buf_printf(out, ALGORITHM "\n%.*s\n%.*s/%.*s/%.*s/" TERMINATOR "\n",
                           SLV_STR_ARGS(auth->amz_date), SLV_STR_ARGS(auth->date),
                           SLV_STR_ARGS(auth->region), SLV_STR_ARGS(auth->service)));
    return slv_hex_append(out, slv_str_make(hash, 32));
}

void slv_sigv4_key(slv_str secret, slv_str date, slv_str region, slv_str service, uint8_t out[32])
{
    SLV_CLEANUP(slv_buf_done) slv_buf first = SLV_BUF(4096);

    if (slv_buf_append(&first, SLV_STR("AWS4")) != SLV_OK ||
        slv_buf_append(&first, secret) != SLV_OK)
        slv_buf_reset(&first);
    slv_hmac_sha256(slv_buf_view(&first), date, out);
    slv_hmac_sha256(slv_str_make(out, 32), region, out);
    slv_hmac_sha256(slv_str_make(out, 32), service, out);
    slv_hmac_sha256(slv_str_make(out, 32), SLV_STR(TERMINATOR), out);
    if (first.ptr)
        explicit_bzero(first.ptr, first.cap);
}

void slv_sigv4_sign(const uint8_t key[32], slv_str string_to_sign, char out[64])
{
    uint8_t mac[32];

    slv_hmac_sha256(slv_str_make(key, 32), string_to_sign, mac);
    slv_hex_put(slv_str_make(mac, 32), out);
}

slv_code slv_sigv4_verify(const slv_sigv4_request *request, const slv_sigv4_auth *auth,
                          slv_sigv4_path path, slv_str payload_hash, slv_str secret,
                          slv_buf *canonical, slv_buf *to_sign, slv_err *err)
{
    uint8_t key[32];
    char want[64];

    slv_buf_reset(canonical);
    slv_buf_reset(to_sign);
    SLV_TRY(slv_sigv4_canonical(request, auth, path, payload_hash, canonical, err));
    SLV_TRY(slv_sigv4_string_to_sign(auth, slv_buf_view(canonical), to_sign));
    slv_sigv4_key(secret, auth->date, auth->region, auth->service, key);
    slv_sigv4_sign(key, slv_buf_view(to_sign), want);
    explicit_bzero(key, sizeof key);
    return slv_secret_eq(auth->signature, slv_str_make(want, sizeof want)) ? SLV_OK : SLV_E_DENIED;
}

/* ---- what a request says ---- */

static slv_code malformed(slv_err *err, const char *text)
{
    return slv_fail(err, SLV_E_INVAL, "%s", text);
}

static slv_code parse_scope(slv_str credential, slv_sigv4_auth *a, slv_err *err)
{
    slv_str parts[5];
    size_t at = credential.len;

    for (size_t i = 5; i-- > 1;) { /* from behind: an access key may hold slashes */
        size_t slash = slv_str_rchr(slv_str_sub(credential, 0, at), '/');

        if (slash == SIZE_MAX)
            return malformed(err, "The credential is malformed; it should be "
                                  "ACCESS_KEY/DATE/REGION/SERVICE/aws4_request.");
        parts[i] = slv_str_sub(credential, slash + 1, at);
        at = slash;
    }
    parts[0] = slv_str_sub(credential, 0, at);
    if (parts[0].len == 0 || parts[1].len != 8 || !slv_str_is(parts[4], TERMINATOR))
        return malformed(err, "The credential is malformed; it should be "
                              "ACCESS_KEY/DATE/REGION/SERVICE/aws4_request.");
    a->access_key = parts[0];
    a->date = parts[1];
    a->region = parts[2];
    a->service = parts[3];
    return SLV_OK;
}

static slv_code check(slv_sigv4_auth *a, slv_err *err)
{
    int64_t ms;

    if (slv_sigv4_time(a->amz_date, &ms) != SLV_OK)
        return malformed(err, "X-Amz-Date must be in the ISO8601 Long Format "
                              "\"yyyyMMdd'T'HHmmss'Z'\"");
    if (!slv_str_starts(a->amz_date, a->date))
        return malformed(err, "The date of the credential is not that of X-Amz-Date.");
    if (a->signed_headers.len == 0 || a->signature.len == 0)
        return malformed(err, "SignedHeaders or Signature is missing.");
    return SLV_OK;
}

static slv_str header_of(const slv_sigv4_request *request, const char *name)
{
    slv_str block = request->headers, n, v;

    while (next_header(&block, &n, &v)) {
        if (slv_str_is(n, name))
            return slv_str_trim(v);
    }
    return SLV_STR_NULL;
}

/* "Credential=..., SignedHeaders=..., Signature=..." */
static slv_code parse_header(const slv_sigv4_request *request, slv_str value, slv_sigv4_auth *a,
                             slv_err *err)
{
    slv_str rest = slv_str_skip(value, sizeof ALGORITHM - 1), item, v;
    slv_str credential = SLV_STR_NULL;

    while (rest.len > 0 && slv_str_split(&rest, ',', &item)) {
        slv_str name = slv_str_trim(field(slv_str_trim(item), &v));

        v = slv_str_trim(v);
        if (slv_str_is(name, "Credential"))
            credential = v;
        else if (slv_str_is(name, "SignedHeaders"))
            a->signed_headers = v;
        else if (slv_str_is(name, "Signature"))
            a->signature = v;
    }
    a->amz_date = header_of(request, "x-amz-date");
    a->token = header_of(request, "x-amz-security-token");
    SLV_TRY(parse_scope(credential, a, err));
    return check(a, err);
}

static slv_code parse_query(const slv_sigv4_request *request, slv_arena *arena, slv_sigv4_auth *a,
                            slv_err *err)
{
    slv_str rest = request->query, item, v, credential = SLV_STR_NULL, expires = SLV_STR_NULL;

    while (rest.len > 0 && slv_str_split(&rest, '&', &item)) {
        SLV_CLEANUP(slv_buf_done) slv_buf plain = SLV_BUF((size_t)64 << 10);
        slv_str name = field(item, &v), value;

        if (!slv_str_starts(name, SLV_STR("X-Amz-")))
            continue;
        if (slv_uri_decode(v, &plain) != SLV_OK)
            return malformed(err, "A query parameter of the signature is malformed.");
        SLV_TRY(slv_arena_dup(arena, slv_buf_view(&plain), &value));
        if (slv_str_is(name, "X-Amz-Algorithm")) {
            if (!slv_str_is(value, ALGORITHM))
                return slv_fail(err, SLV_E_UNSUPPORTED, "X-Amz-Algorithm only supports " ALGORITHM);
        } else if (slv_str_is(name, "X-Amz-Credential")) {
            credential = value;
        } else if (slv_str_is(name, "X-Amz-Date")) {
            a->amz_date = value;
        } else if (slv_str_is(name, "X-Amz-Expires")) {
            expires = value;
        } else if (slv_str_is(name, "X-Amz-SignedHeaders")) {
            a->signed_headers = value;
        } else if (slv_str_is(name, "X-Amz-Signature")) {
            a->signature = value;
        } else if (slv_str_is(name, "X-Amz-Security-Token")) {
            a->token = value;
        }
    }
    a->presigned = true;
    SLV_TRY(parse_scope(credential, a, err));
    SLV_TRY(check(a, err));
    if (slv_parse_u64(expires, &a->expires_s) != SLV_OK)
        return malformed(err, "X-Amz-Expires should be a number");
    return SLV_OK;
}

slv_code slv_sigv4_parse(const slv_sigv4_request *request, slv_arena *arena, slv_sigv4_auth *ret,
                         slv_err *err)
{
    slv_str value = header_of(request, "authorization");
    slv_sigv4_auth a = {0};
    slv_code code;

    if (value.len == 0) {
        if (slv_str_find(request->query, SLV_STR("X-Amz-Signature="), 0) == SIZE_MAX &&
            slv_str_find(request->query, SLV_STR("X-Amz-Algorithm="), 0) == SIZE_MAX)
            return SLV_E_NOTFOUND;
        code = parse_query(request, arena, &a, err);
    } else if (slv_str_starts(value, SLV_STR(ALGORITHM " "))) {
        code = parse_header(request, value, &a, err);
    } else {
        return slv_fail(err, SLV_E_UNSUPPORTED,
                        "The authorization mechanism you have provided is not supported. Please "
                        "use " ALGORITHM ".");
    }
    if (code == SLV_OK)
        *ret = a;
    return code;
}

static bool digits(slv_str text, size_t at, size_t n, int *ret)
{
    *ret = 0;
    for (size_t i = at; i < at + n; i++) {
        if (!slv_is_digit(text.ptr[i]))
            return false;
        *ret = *ret * 10 + (text.ptr[i] - '0');
    }
    return true;
}

slv_code slv_sigv4_time(slv_str t, int64_t *ret_ms)
{
    int year, month, day, hour, minute, second;

    if (t.len != 16 || t.ptr[8] != 'T' || t.ptr[15] != 'Z' || !digits(t, 0, 4, &year) ||
        !digits(t, 4, 2, &month) || !digits(t, 6, 2, &day) || !digits(t, 9, 2, &hour) ||
        !digits(t, 11, 2, &minute) || !digits(t, 13, 2, &second) || month < 1 || month > 12 ||
        day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
        return SLV_E_PARSE;
    /* days from civil, with years that begin in March */
    int64_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;
    int64_t days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;

    *ret_ms = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000;
    return SLV_OK;
}
