/* What a request gets: from the assets or from the worker, and which answer. */
#include "assets/assets_int.h"
#include "base/utf8.h"
#include "fmt/glob.h"
#include "fmt/url.h"

#define TEXT_MAX SLV_ANSWERING_TEXT_MAX
#define REQUEST_MEMORY ((size_t)1 << 20)

/* ---- paths ---- */

static bool escapes_ok(slv_str piece)
{
    for (size_t i = 0; i < piece.len; i++)
        if (piece.ptr[i] == '%' && (i + 2 >= piece.len || slv_hex_value(piece.ptr[i + 1]) < 0 ||
                                    slv_hex_value(piece.ptr[i + 2]) < 0))
            return false;
    return true;
}

/* Each piece decoded, as far as it can be; slashes that follow each other are one. */
static slv_code decode(slv_str path, slv_buf *out)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(TEXT_MAX);
    slv_str piece;
    bool first = true;

    while (slv_str_split(&path, '/', &piece)) {
        if (!first)
            SLV_TRY(slv_buf_append_byte(&text, '/'));
        first = false;
        size_t from = text.len;
        if (escapes_ok(piece))
            SLV_TRY(slv_url_percent_decode(piece, &text));
        if (!escapes_ok(piece) || !slv_utf8_valid(slv_str_skip(slv_buf_view(&text), from))) {
            text.len = from;
            SLV_TRY(slv_buf_append(&text, piece));
        }
    }
    slv_buf_reset(out);
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != '/' || i == 0 || text.ptr[i - 1] != '/')
            SLV_TRY(slv_buf_append_byte(out, text.ptr[i]));
    return SLV_OK;
}

static slv_code encode(slv_str path, slv_buf *out)
{
    slv_str piece;
    bool first = true;

    while (slv_str_split(&path, '/', &piece)) {
        if (!first)
            SLV_TRY(slv_buf_append_byte(out, '/'));
        first = false;
        SLV_TRY(slv_url_percent_encode(piece, SLV_URL_SET_COMPONENT, out));
    }
    return SLV_OK;
}

/* ---- what there is for it ---- */

void slv_answering_done(slv_answering *w)
{
    slv_url_done(&w->url);
    slv_buf_done(&w->path);
    slv_buf_done(&w->plain);
    slv_buf_done(&w->location);
}

slv_answering slv_answering_new(const slv_assets *a, const slv_assets_request *r)
{
    return (slv_answering){.a = a,
                           .r = r,
                           .url = SLV_URL_INIT,
                           .path = SLV_BUF(SLV_ANSWERING_TEXT_MAX),
                           .plain = SLV_BUF(SLV_ANSWERING_TEXT_MAX),
                           .location = SLV_BUF(SLV_ANSWERING_TEXT_MAX)};
}

/* The Location of a rule: relative within the site, with the request's query unless it has its own.
 */
static slv_code put_location(slv_answering *w, const slv_url *to)
{
    slv_str search = slv_url_search(to);
    SLV_CLEANUP(slv_buf_done) slv_buf here = SLV_BUF(TEXT_MAX), there = SLV_BUF(TEXT_MAX);

    SLV_TRY(slv_url_origin(&w->url, &here));
    SLV_TRY(slv_url_origin(to, &there));
    slv_buf_reset(&w->location);
    if (slv_str_eq(slv_buf_view(&here), slv_buf_view(&there))) {
        SLV_TRY(slv_buf_append(&w->location, slv_url_pathname(to)));
    } else {
        slv_str href = slv_buf_view(&to->href);

        SLV_TRY(slv_buf_append(&w->location,
                               slv_str_sub(href, 0, href.len - search.len - slv_url_hash(to).len)));
    }
    SLV_TRY(slv_buf_append(&w->location, search.len > 0 ? search : slv_url_search(&w->url)));
    return slv_buf_append(&w->location, slv_url_hash(to));
}

slv_code slv_answering_rules(slv_answering *w, bool *ret_proxied, bool *ret_done)
{
    SLV_CLEANUP(slv_buf_done) slv_buf to = SLV_BUF(TEXT_MAX);
    SLV_CLEANUP(slv_url_done) slv_url target = SLV_URL_INIT;
    const slv_redirect *rule = slv_redirects_find(&w->a->redirects, slv_url_pathname(&w->url), &to);

    *ret_proxied = *ret_done = false;
    if (!rule)
        return SLV_OK;
    SLV_TRY(slv_url_parse(slv_buf_view(&to), &w->url, &target));
    if (rule->status == 200) {
        *ret_proxied = true;
        return slv_buf_set(&w->path, slv_url_pathname(&target));
    }
    *ret_done = true;
    w->status = rule->status;
    return put_location(w, &target);
}

static bool is_read(slv_str method)
{
    return slv_str_is(method, "GET") || slv_str_is(method, "HEAD");
}

/* Sets status, asset and location. */
static slv_code look(slv_answering *w, slv_not_found_handling not_found)
{
    SLV_CLEANUP(slv_buf_done) slv_buf redirect = SLV_BUF(TEXT_MAX);
    slv_asset_find found = {.redirect = &redirect};
    bool proxied, done;

    SLV_TRY(slv_buf_set(&w->path, slv_url_pathname(&w->url)));
    SLV_TRY(slv_answering_rules(w, &proxied, &done));
    if (done)
        return SLV_OK;
    SLV_TRY(decode(slv_buf_view(&w->path), &w->plain));
    if (!slv_assets_find(w->a, slv_buf_view(&w->plain), not_found, &found)) {
        w->status = proxied ? 404 : 0;
        return SLV_OK;
    }
    if (!is_read(w->r->method)) {
        w->status = 405;
        return SLV_OK;
    }
    /* One canonical way to write each path. */
    SLV_TRY(encode(slv_buf_view(found.redirected ? &redirect : &w->plain), &w->location));
    if (found.redirected || !slv_str_eq(slv_buf_view(&w->location), slv_buf_view(&w->path))) {
        w->status = 307;
        return slv_buf_append(&w->location, slv_url_search(&w->url));
    }
    w->status = found.status;
    w->asset = found.asset;
    return SLV_OK;
}

/* ---- who answers ---- */

static bool matches_any(const slv_assets_config *c, bool negative, slv_str path)
{
    for (size_t i = 0; i < c->worker_rule_count; i++) {
        slv_str rule = c->worker_rules[i];
        bool is_negative = rule.len > 0 && rule.ptr[0] == '!';

        if (is_negative == negative &&
            slv_glob_match(slv_str_skip(rule, negative ? 1 : 0), path, SLV_GLOB_IMPORT))
            return true;
    }
    return false;
}

slv_code slv_assets_route(const slv_assets *a, const slv_assets_request *r, bool *ret)
{
    const slv_assets_config *c = &a->config;
    SLV_CLEANUP(slv_answering_done) slv_answering w = slv_answering_new(a, r);
    bool keep = c->worker_rule_count > 0 ||
                (c->navigation_prefers_it && slv_str_is(r->fetch_mode, "navigate"));

    *ret = !c->has_worker;
    if (*ret || c->worker_first)
        return SLV_OK;
    SLV_TRY(slv_url_parse(r->url, NULL, &w.url));
    if (c->pages) {
        *ret = !slv_routes_match(&a->routes, slv_url_pathname(&w.url));
        return SLV_OK;
    }
    *ret = matches_any(c, true, slv_url_pathname(&w.url));
    if (*ret || matches_any(c, false, slv_url_pathname(&w.url)))
        return SLV_OK;
    SLV_TRY(look(&w, keep ? c->not_found : SLV_NOT_FOUND_NONE));
    *ret = w.status != 0;
    return SLV_OK;
}

/* ---- the answer ---- */

static bool same_tag(slv_str wanted, const slv_asset *asset)
{
    if (slv_str_starts(wanted, SLV_STR("W/")))
        wanted = slv_str_skip(wanted, 2);
    return wanted.len == 34 && wanted.ptr[0] == '"' && wanted.ptr[33] == '"' &&
           memcmp(wanted.ptr + 1, asset->etag, 32) == 0;
}

static void put(slv_header_list *list, const char *name, slv_str value)
{
    slv_vec_push(list, ((slv_header_field){slv_str_from(name), value}));
}

static slv_code put_fields(slv_answering *w, slv_header_list *list, slv_arena *arena)
{
    slv_str tag;

    if (w->location.len > 0 && w->status >= 300 && w->status < 400)
        put(list, "location", slv_buf_view(&w->location));
    if (!w->asset)
        return SLV_OK;
    char text[35] = "\"";
    memcpy(text + 1, w->asset->etag, 32);
    text[33] = '"';
    SLV_TRY(slv_arena_dup(arena, slv_str_make(text, 34), &tag));
    put(list, "etag", tag);
    if (w->asset->type.len > 0)
        put(list, "content-type", w->asset->type);
    if (!w->r->authorization && !w->r->range)
        put(list, "cache-control", SLV_STR("public, max-age=0, must-revalidate"));
    put(list, "cf-cache-status", SLV_STR("HIT"));
    if (same_tag(slv_str_trim(w->r->if_none_match), w->asset))
        w->status = 304;
    return SLV_OK;
}

static slv_code write_fields(slv_answering *w, slv_header_list *list, slv_arena *arena,
                             slv_buf *out)
{
    slv_buf_reset(out);
    SLV_TRY(put_fields(w, list, arena));
    SLV_TRY(slv_header_rules_apply(&w->a->headers, slv_url_hostname(&w->url),
                                   slv_url_pathname(&w->url), list, arena));
    for (size_t i = 0; i < list->len; i++)
        SLV_TRY(slv_buf_printf(out, "%.*s:%.*s\n", SLV_STR_ARGS(list->items[i].name),
                               SLV_STR_ARGS(list->items[i].value)));
    return SLV_OK;
}

slv_code slv_assets_answer_to(const slv_assets *a, const slv_assets_request *r, slv_buf *headers,
                              slv_assets_answer *ret)
{
    SLV_CLEANUP(slv_answering_done) slv_answering w = slv_answering_new(a, r);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(REQUEST_MEMORY);
    slv_header_list list = {0};

    SLV_TRY(slv_url_parse(r->url, NULL, &w.url));
    if (a->config.pages)
        return slv_pages_answer(&w, headers, ret);
    SLV_TRY(look(&w, a->config.not_found));
    if (w.status == 0)
        w.status = 404;
    slv_code code = write_fields(&w, &list, &arena, headers);
    slv_vec_done(&list);
    SLV_TRY(code);
    *ret = (slv_assets_answer){.status = w.status,
                               .headers = slv_buf_view(headers),
                               .asset = w.status == 304 ? NULL : w.asset,
                               .found = w.asset};
    return SLV_OK;
}
