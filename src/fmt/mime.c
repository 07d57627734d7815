#include "fmt/mime.h"

#include "fmt/base64.h"
#include "fmt/url.h"

static bool token_byte(unsigned char c)
{
    return slv_is_alpha((char)c) || slv_is_digit((char)c) ||
           (c > ' ' && c < 0x7F && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(slv_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!token_byte((unsigned char)s.ptr[i]))
            return false;
    return s.len > 0;
}

/* Tab, U+0020 to U+007E, U+0080 to U+00FF; the latter as two bytes of UTF-8. */
static bool quotable(slv_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if (c == 0xC2 || c == 0xC3) {
            if (++i == s.len || ((unsigned char)s.ptr[i] & 0xC0) != 0x80)
                return false;
        } else if (c != '\t' && (c < ' ' || c > 0x7E)) {
            return false;
        }
    }
    return true;
}

static size_t find_either(slv_str s, size_t from, char one, char other)
{
    while (from < s.len && s.ptr[from] != one && s.ptr[from] != other)
        from++;
    return from;
}

/* Reads the quoted string at *pos (on its first quote), unescaped. *pos is then behind it. */
static slv_code quoted_string(slv_str s, size_t *pos, slv_arena *arena, slv_str *ret)
{
    char *out = slv_arena_try_alloc(arena, s.len - *pos);
    size_t n = 0, i = *pos + 1;

    if (!out)
        return SLV_E_LIMIT;
    for (; i < s.len && s.ptr[i] != '"'; i++) {
        if (s.ptr[i] == '\\' && i + 1 < s.len)
            i++;
        out[n++] = s.ptr[i];
    }
    *pos = SLV_MIN(i + 1, s.len);
    *ret = slv_str_make(out, n);
    return SLV_OK;
}

static slv_code lower(slv_str s, slv_arena *arena, slv_str *ret)
{
    char *out = slv_arena_try_alloc(arena, s.len + 1);

    if (!out)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < s.len; i++)
        out[i] = slv_ascii_lower(s.ptr[i]);
    *ret = slv_str_make(out, s.len);
    return SLV_OK;
}

static slv_str trim_end(slv_str s)
{
    slv_str trimmed = slv_str_trim(s);

    return slv_str_make(s.ptr, (size_t)(trimmed.ptr - s.ptr) + trimmed.len);
}

/* One parameter; *pos is behind its ";" and then on the next ";" or at the end. */
static slv_code parse_param(slv_str s, size_t *pos, slv_arena *arena, slv_mime *mime)
{
    slv_str name, value;

    while (*pos < s.len && strchr(" \t\r\n", s.ptr[*pos]) && s.ptr[*pos])
        (*pos)++;
    size_t end = find_either(s, *pos, ';', '=');
    SLV_TRY(lower(slv_str_sub(s, *pos, end), arena, &name));
    *pos = end;
    if (end == s.len || s.ptr[end] == ';')
        return SLV_OK;
    (*pos)++;
    if (*pos == s.len)
        return SLV_OK;
    if (s.ptr[*pos] == '"') {
        SLV_TRY(quoted_string(s, pos, arena, &value));
        *pos = find_either(s, *pos, ';', ';');
    } else {
        end = find_either(s, *pos, ';', ';');
        value = trim_end(slv_str_sub(s, *pos, end));
        *pos = end;
        if (value.len == 0)
            return SLV_OK;
    }
    if (!is_token(name) || !quotable(value) || slv_mime_get(mime, name).ptr ||
        mime->n_params == SLV_MIME_PARAMS_MAX)
        return SLV_OK;
    mime->params[mime->n_params++] = (slv_mime_param){name, value};
    return SLV_OK;
}

slv_code slv_mime_parse(slv_str input, slv_arena *arena, slv_mime *ret)
{
    slv_str s = slv_str_trim(input);

    if (input.len > SLV_MIME_MAX)
        return SLV_E_LIMIT;
    size_t slash = slv_str_chr(s, '/', 0);
    if (slash == SIZE_MAX || !is_token(slv_str_sub(s, 0, slash)))
        return SLV_E_PARSE;
    size_t pos = find_either(s, slash + 1, ';', ';');
    slv_str subtype = trim_end(slv_str_sub(s, slash + 1, pos));
    if (!is_token(subtype))
        return SLV_E_PARSE;
    ret->n_params = 0;
    SLV_TRY(lower(slv_str_sub(s, 0, slash), arena, &ret->type));
    SLV_TRY(lower(subtype, arena, &ret->subtype));
    while (pos < s.len) {
        pos++;
        SLV_TRY(parse_param(s, &pos, arena, ret));
    }
    return SLV_OK;
}

slv_code slv_mime_write(const slv_mime *mime, slv_buf *out)
{
    SLV_TRY(slv_buf_append(out, mime->type));
    SLV_TRY(slv_buf_append_byte(out, '/'));
    SLV_TRY(slv_buf_append(out, mime->subtype));
    for (size_t i = 0; i < mime->n_params; i++) {
        slv_str value = mime->params[i].value;

        SLV_TRY(slv_buf_append_byte(out, ';'));
        SLV_TRY(slv_buf_append(out, mime->params[i].name));
        SLV_TRY(slv_buf_append_byte(out, '='));
        if (is_token(value)) {
            SLV_TRY(slv_buf_append(out, value));
            continue;
        }
        SLV_TRY(slv_buf_append_byte(out, '"'));
        for (size_t j = 0; j < value.len; j++) {
            if (value.ptr[j] == '"' || value.ptr[j] == '\\')
                SLV_TRY(slv_buf_append_byte(out, '\\'));
            SLV_TRY(slv_buf_append_byte(out, value.ptr[j]));
        }
        SLV_TRY(slv_buf_append_byte(out, '"'));
    }
    return SLV_OK;
}

static slv_mime_param *find_param(const slv_mime *mime, slv_str name)
{
    for (size_t i = 0; i < mime->n_params; i++)
        if (slv_str_eq(mime->params[i].name, name))
            return (slv_mime_param *)(size_t)&mime->params[i];
    return NULL;
}

slv_str slv_mime_get(const slv_mime *mime, slv_str name)
{
    const slv_mime_param *param = find_param(mime, name);

    return param ? param->value : SLV_STR_NULL;
}

slv_code slv_mime_set(slv_mime *mime, slv_str name, slv_str value)
{
    slv_mime_param *param = find_param(mime, name);

    if (!param) {
        if (mime->n_params == SLV_MIME_PARAMS_MAX)
            return SLV_E_LIMIT;
        param = &mime->params[mime->n_params++];
    }
    *param = (slv_mime_param){name, value};
    return SLV_OK;
}

bool slv_mime_is(const slv_mime *mime, slv_str essence)
{
    size_t slash = slv_str_chr(essence, '/', 0);

    return slash != SIZE_MAX && slv_str_eq(mime->type, slv_str_sub(essence, 0, slash)) &&
           slv_str_eq(mime->subtype, slv_str_skip(essence, slash + 1));
}

/* The end of the field value that begins at from: the next comma outside of quotes, or the end. */
static size_t field_end(slv_str s, size_t from)
{
    while (from < s.len && s.ptr[from] != ',') {
        if (s.ptr[from++] != '"')
            continue;
        while (from < s.len && s.ptr[from] != '"')
            from += s.ptr[from] == '\\' ? 2 : 1;
        from = SLV_MIN(from + 1, s.len);
    }
    return from;
}

slv_code slv_mime_extract(slv_str value, slv_arena *arena, slv_mime *ret)
{
    static const slv_str charset_name = {"charset", 7};
    slv_str charset = SLV_STR_NULL;
    bool found = false;

    for (size_t pos = 0; pos <= value.len; pos++) {
        size_t start = pos;
        slv_mime next;

        pos = field_end(value, pos);
        slv_code code = slv_mime_parse(slv_str_sub(value, start, pos), arena, &next);
        if (code == SLV_E_PARSE || (code == SLV_OK && slv_mime_is(&next, SLV_STR("*/*"))))
            continue;
        SLV_TRY(code);
        slv_str own = slv_mime_get(&next, charset_name);
        if (!found || !slv_str_eq(next.type, ret->type) || !slv_str_eq(next.subtype, ret->subtype))
            charset = own;
        else if (!own.ptr && charset.ptr)
            SLV_TRY(slv_mime_set(&next, charset_name, charset));
        *ret = next;
        found = true;
    }
    return found ? SLV_OK : SLV_E_PARSE;
}

static slv_str trim_white(
    slv_str s) /* ASCII white space of the Infra standard, form feed included */
{
    while (s.len > 0 && strchr(" \t\n\f\r", s.ptr[0]) && s.ptr[0])
        s = slv_str_skip(s, 1);
    while (s.len > 0 && strchr(" \t\n\f\r", s.ptr[s.len - 1]) && s.ptr[s.len - 1])
        s.len--;
    return s;
}

/* Cuts ";base64" off the end; false when it is not there. */
static bool cut_base64(slv_str *type)
{
    slv_str s = *type;

    if (s.len < 6 || !slv_str_eq_nocase(slv_str_skip(s, s.len - 6), SLV_STR("base64")))
        return false;
    s.len -= 6;
    while (s.len > 0 && s.ptr[s.len - 1] == ' ')
        s.len--;
    if (s.len == 0 || s.ptr[s.len - 1] != ';')
        return false;
    s.len--;
    *type = s;
    return true;
}

static slv_code write_data_type(slv_str type, slv_buf *ret)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(8 * SLV_MIME_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_MIME_MAX);
    slv_mime mime;

    if (type.len > 0 && type.ptr[0] == ';')
        SLV_TRY(slv_buf_append(&text, SLV_STR("text/plain")));
    slv_code code = slv_buf_append(&text, type);
    if (code == SLV_OK)
        code = slv_mime_parse(slv_buf_view(&text), &arena, &mime);
    slv_buf_reset(ret);
    if (code == SLV_OK)
        return slv_mime_write(&mime, ret);
    return slv_buf_append(ret, SLV_STR("text/plain;charset=US-ASCII"));
}

slv_code slv_data_url_parse(slv_str url, slv_buf *ret_type, slv_buf *ret_body)
{
    SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF(ret_body->limit);

    if (!slv_str_starts(url, SLV_STR("data:")))
        return SLV_E_PARSE;
    url = slv_str_skip(slv_str_sub(url, 0, slv_str_chr(url, '#', 0)), 5);
    size_t comma = slv_str_chr(url, ',', 0);
    if (comma == SIZE_MAX)
        return SLV_E_PARSE;
    slv_str type = trim_white(slv_str_sub(url, 0, comma));
    SLV_TRY(slv_url_percent_decode(slv_str_skip(url, comma + 1), &body));
    slv_buf_reset(ret_body);
    if (cut_base64(&type))
        SLV_TRY(slv_base64_decode_forgiving(slv_buf_view(&body), ret_body));
    else
        SLV_TRY(slv_buf_append(ret_body, slv_buf_view(&body)));
    return write_data_type(type, ret_type);
}
