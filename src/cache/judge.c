#include <inttypes.h>

#include "cache/policy_int.h"

#define DAY_S ((int64_t)86400)
#define AGE_MAX_S ((int64_t)1 << 31) /* RFC 9111: what is larger counts as this */

/* ---- Cache-Control ---- */

typedef struct control {
    bool present, no_store, no_cache, private_all, private_cookie, is_public, must_revalidate;
    bool immutable;
    int64_t max_age, s_maxage; /* -1: absent */
} control;

/* A field name stands in a list, quoted or not: private="Set-Cookie, X". */
static bool names_cookie(slv_str value)
{
    slv_str name;

    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        value = slv_str_sub(value, 1, value.len - 1);
    while (slv_str_split(&value, ',', &name)) {
        if (slv_str_eq_nocase(slv_str_trim(name), SLV_STR("set-cookie")))
            return true;
    }
    return false;
}

static int64_t seconds(slv_str value)
{
    uint64_t v;

    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        value = slv_str_sub(value, 1, value.len - 1);
    slv_code code = slv_parse_u64(value, &v);
    if (code == SLV_E_LIMIT)
        return AGE_MAX_S;
    return code == SLV_OK ? (int64_t)SLV_MIN(v, (uint64_t)AGE_MAX_S) : 0; /* nonsense is stale */
}

static bool is_cookie_directive(slv_str item)
{
    size_t eq = slv_str_chr(item, '=', 0);

    return eq != SIZE_MAX &&
           slv_str_eq_nocase(slv_str_trim(slv_str_sub(item, 0, eq)), SLV_STR("private")) &&
           names_cookie(slv_str_trim(slv_str_skip(item, eq + 1)));
}

static void read_directive(control *c, slv_str item)
{
    size_t eq = slv_str_chr(item, '=', 0);
    slv_str name = slv_str_trim(slv_str_sub(item, 0, SLV_MIN(eq, item.len)));
    slv_str value = eq == SIZE_MAX ? SLV_STR_NULL : slv_str_trim(slv_str_skip(item, eq + 1));

    if (is_cookie_directive(item))
        c->private_cookie = true;
    else if (slv_str_eq_nocase(name, SLV_STR("private")))
        c->private_all = true;
    else if (slv_str_eq_nocase(name, SLV_STR("no-store")))
        c->no_store = true;
    else if (slv_str_eq_nocase(name, SLV_STR("no-cache")))
        c->no_cache = true;
    else if (slv_str_eq_nocase(name, SLV_STR("public")))
        c->is_public = true;
    else if (slv_str_eq_nocase(name, SLV_STR("must-revalidate")))
        c->must_revalidate = true;
    else if (slv_str_eq_nocase(name, SLV_STR("immutable")))
        c->immutable = true;
    else if (slv_str_eq_nocase(name, SLV_STR("max-age")) && c->max_age < 0)
        c->max_age = seconds(value);
    else if (slv_str_eq_nocase(name, SLV_STR("s-maxage")) && c->s_maxage < 0)
        c->s_maxage = seconds(value);
}

static control read_control(slv_str block)
{
    control c = {.max_age = -1, .s_maxage = -1};
    slv_str name, value, item;

    while (slv_cache_next_field(&block, &name, &value)) {
        if (slv_str_eq_nocase(name, SLV_STR("pragma")) && !c.present &&
            slv_str_find(value, SLV_STR("no-cache"), 0) != SIZE_MAX)
            c.no_cache = true;
        if (!slv_str_eq_nocase(name, SLV_STR("cache-control")))
            continue;
        if (!c.present && c.no_cache)
            c.no_cache = false; /* a Pragma counts only where there is nothing better */
        c.present = true;
        while (slv_cache_next_item(&value, &item))
            read_directive(&c, item);
    }
    return c;
}

/* ---- may it be kept, and for how long ---- */

static bool is_understood(uint16_t status)
{
    static const uint16_t known[] = {200, 203, 204, 300, 301, 302, 303,
                                     307, 308, 404, 405, 410, 414, 501};

    for (size_t i = 0; i < SLV_ARRAY_LEN(known); i++) {
        if (known[i] == status)
            return true;
    }
    return false;
}

static bool varies_by_all(slv_str vary)
{
    slv_str item;

    while (slv_cache_next_item(&vary, &item)) {
        if (slv_str_is(item, "*"))
            return true;
    }
    return false;
}

static bool is_storable(slv_str request, uint16_t status, slv_str response, const control *c)
{
    bool cookie = slv_cache_field(response, "set-cookie").ptr != NULL;
    bool authorized = slv_cache_field(request, "authorization").ptr != NULL;

    if (!is_understood(status) || c->no_store || c->no_cache || c->private_all)
        return false;
    if (cookie && !c->private_cookie)
        return false;
    if (authorized && !c->is_public && !c->must_revalidate && c->s_maxage < 0)
        return false;
    return !varies_by_all(slv_cache_field(response, "vary"));
}

/* What the platform gives to a response that says nothing of itself. */
static int64_t default_life_s(uint16_t status)
{
    switch (status) {
    case 200:
    case 206:
    case 301:
        return 120 * 60;
    case 302:
    case 303:
        return 20 * 60;
    case 404:
    case 410:
        return 3 * 60;
    default:
        return 0;
    }
}

static int64_t life_s(uint16_t status, slv_str response, const control *c, int64_t now_s)
{
    slv_str expires = slv_cache_field(response, "expires");
    int64_t at, date;

    if (c->s_maxage >= 0)
        return c->s_maxage;
    if (c->max_age >= 0)
        return c->max_age;
    if (expires.ptr) {
        if (slv_cache_date_parse(expires, &at) != SLV_OK)
            return 0;
        if (slv_cache_date_parse(slv_cache_field(response, "date"), &date) != SLV_OK)
            date = now_s;
        return at > date ? at - date : 0;
    }
    int64_t life = default_life_s(status);
    return c->immutable && life < DAY_S ? DAY_S : life;
}

/* ---- what is kept of the headers ---- */

static bool in_list(slv_str list, slv_str name)
{
    slv_str item;

    while (slv_cache_next_item(&list, &item)) {
        if (slv_str_eq_nocase(item, name))
            return true;
    }
    return false;
}

static bool is_dropped(slv_str name, slv_str connection, const control *c)
{
    static const char *const own[] = {
        "age",  "cf-cache-status", "connection",         "content-range",
        "date", "keep-alive",      "proxy-authenticate", "proxy-authorization",
        "te",   "trailer",         "transfer-encoding",  "upgrade",
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(own); i++) {
        if (slv_str_eq_nocase(name, slv_str_from(own[i])))
            return true;
    }
    if (c->private_cookie && slv_str_eq_nocase(name, SLV_STR("set-cookie")))
        return true;
    return in_list(connection, name);
}

/* The field without private=Set-Cookie, which has done its work. */
static slv_code put_control(slv_buf *kept, slv_str value)
{
    size_t start = kept->len;
    bool first = true;
    slv_str item;

    SLV_TRY(slv_buf_append(kept, SLV_STR("cache-control:")));
    while (slv_cache_next_item(&value, &item)) {
        if (item.len == 0 || is_cookie_directive(item))
            continue;
        if (!first)
            SLV_TRY(slv_buf_append(kept, SLV_STR(", ")));
        SLV_TRY(slv_buf_append(kept, item));
        first = false;
    }
    if (first) {
        kept->len = start;
        return SLV_OK;
    }
    return slv_buf_append_byte(kept, '\n');
}

static slv_code put_field(slv_buf *kept, slv_str name, slv_str value)
{
    for (size_t i = 0; i < name.len; i++)
        SLV_TRY(slv_buf_append_byte(kept, slv_ascii_lower(name.ptr[i])));
    SLV_TRY(slv_buf_append_byte(kept, ':'));
    SLV_TRY(slv_buf_append(kept, value));
    return slv_buf_append_byte(kept, '\n');
}

static slv_code keep(slv_str response, int64_t length, int64_t now_s, const control *c,
                     slv_buf *kept)
{
    slv_str connection = slv_cache_field(response, "connection");
    slv_str name, value;
    char date[30];
    bool has_length = false;

    while (slv_cache_next_field(&response, &name, &value)) {
        if (is_dropped(name, connection, c))
            continue;
        has_length |= slv_str_eq_nocase(name, SLV_STR("content-length"));
        if (c->private_cookie && slv_str_eq_nocase(name, SLV_STR("cache-control")))
            SLV_TRY(put_control(kept, value));
        else
            SLV_TRY(put_field(kept, name, value));
    }
    if (length >= 0 && !has_length)
        SLV_TRY(slv_buf_printf(kept, "content-length:%" PRId64 "\n", length));
    slv_cache_date_format(now_s, date);
    return slv_buf_printf(kept, "date:%s\n", date);
}

slv_code slv_cache_judge(slv_str request, uint16_t status, slv_str response, int64_t length,
                         int64_t now_ms, slv_cache_verdict *ret, slv_buf *kept)
{
    control c = read_control(response);
    slv_str age = slv_cache_field(response, "age");

    *ret = (slv_cache_verdict){.store = is_storable(request, status, response, &c)};
    if (!ret->store)
        return SLV_OK;
    ret->age_s = age.ptr ? seconds(age) : 0;
    int64_t life = life_s(status, response, &c, now_ms / 1000) - ret->age_s;
    ret->expires_ms = now_ms + (life > 0 ? life * 1000 : 0);
    return keep(response, length, now_ms / 1000, &c, kept);
}
