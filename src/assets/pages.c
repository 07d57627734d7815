/* What a request gets from the static files of a Pages deployment. */
#include "assets/assets_int.h"
#include "base/utf8.h"

#define REQUEST_MEMORY ((size_t)1 << 20)
#define HTML SLV_STR(".html")

/* ---- paths ---- */

/* decodeURIComponent: all of it, or nothing where some of it cannot be. */
static slv_code decode(slv_str path, slv_buf *out)
{
    bool sound = true;

    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] == '%' && (i + 2 >= path.len || slv_hex_value(path.ptr[i + 1]) < 0 ||
                                   slv_hex_value(path.ptr[i + 2]) < 0))
            sound = false;
    slv_buf_reset(out);
    if (sound)
        SLV_TRY(slv_url_percent_decode(path, out));
    if (!sound || !slv_utf8_valid(slv_buf_view(out)))
        return slv_buf_set(out, path);
    return SLV_OK;
}

static const slv_asset *at(const slv_answering *w, slv_str stem, const char *end)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(SLV_ANSWERING_TEXT_MAX + 16);

    if (slv_buf_append(&path, stem) != SLV_OK || slv_buf_append(&path, slv_str_from(end)) != SLV_OK)
        return NULL;
    return slv_assets_get(w->a, slv_buf_view(&path));
}

/* ---- what there is ---- */

static slv_code serve(slv_answering *w, const slv_asset *asset, uint16_t status)
{
    w->asset = asset;
    w->status = status;
    return SLV_OK;
}

/* To another path, with the query. What begins with more than one slash, or with something that
 * browsers take for one, would lead to another host. */
static slv_code move(slv_answering *w, slv_str path, const char *end)
{
    static const char *const slashes[] = {"/", "\\", "%2F", "%2f", "%5C", "%5c", "%09"};
    bool more = true;

    while (more) {
        more = false;
        for (size_t i = 0; !more && i < SLV_ARRAY_LEN(slashes); i++)
            if ((more = slv_str_starts(path, slv_str_from(slashes[i]))))
                path = slv_str_skip(path, strlen(slashes[i]));
        if (!more && path.len > 0 && strchr(" \t\n\r\v\f", path.ptr[0])) {
            path = slv_str_skip(path, 1);
            more = true;
        }
    }
    w->status = 308;
    slv_buf_reset(&w->location);
    SLV_TRY(slv_buf_append_byte(&w->location, '/'));
    SLV_TRY(slv_url_percent_encode(path, SLV_URL_SET_PATH, &w->location));
    SLV_TRY(slv_buf_append(&w->location, slv_str_from(end)));
    return slv_buf_append(&w->location, slv_url_search(&w->url));
}

/* The 404.html that is nearest; without any the site is taken for one page. */
static slv_code lost(slv_answering *w, slv_str path)
{
    const slv_asset *page;

    while (path.len > 0) {
        size_t slash = slv_str_rchr(path, '/');

        path = slv_str_sub(path, 0, slash == SIZE_MAX ? 0 : slash);
        if ((page = at(w, path, "/404.html")))
            return serve(w, page, 404);
    }
    page = at(w, SLV_STR(""), "/index.html");
    return serve(w, page, page ? 200 : 404);
}

static slv_code look_folder(slv_answering *w, slv_str path)
{
    slv_str bare = slv_str_sub(path, 0, path.len - 1);
    const slv_asset *asset;

    if ((asset = at(w, path, "index.html")))
        return serve(w, asset, 200);
    if (slv_str_ends(path, SLV_STR("/index/")))
        return move(w, slv_str_sub(path, 0, path.len - 6), "");
    if (at(w, bare, ".html"))
        return move(w, bare, "");
    return lost(w, path);
}

static slv_code look_html(slv_answering *w, slv_str path, const slv_asset *asset)
{
    slv_str stem = slv_str_sub(path, 0, path.len - HTML.len);

    if (slv_str_ends(stem, SLV_STR("/index")))
        return move(w, slv_str_sub(stem, 0, stem.len - 5), "");
    if (slv_assets_get(w->a, stem) || slv_str_is(stem, "/"))
        return serve(w, asset, 200);
    return move(w, stem, "");
}

static slv_code look(slv_answering *w, slv_str path)
{
    const slv_asset *asset;

    if (slv_str_ends(path, SLV_STR("/")))
        return look_folder(w, path);
    if ((asset = slv_assets_get(w->a, path)))
        return slv_str_ends(path, HTML) ? look_html(w, path, asset) : serve(w, asset, 200);
    if (slv_str_ends(path, SLV_STR("/index")))
        return move(w, slv_str_sub(path, 0, path.len - 5), "");
    if ((asset = at(w, path, ".html")))
        return serve(w, asset, 200);
    if (at(w, path, "/index.html"))
        return move(w, path, "/");
    return lost(w, path);
}

/* ---- the answer ---- */

static void put(slv_header_list *list, const char *name, slv_str value)
{
    slv_vec_push(list, ((slv_header_field){slv_str_from(name), value}));
}

static void drop(slv_header_list *list, const char *name)
{
    for (size_t i = list->len; i-- > 0;)
        if (slv_str_is(list->items[i].name, name)) {
            memmove(&list->items[i], &list->items[i + 1],
                    (list->len - i - 1) * sizeof list->items[0]);
            list->len--;
        }
}

static bool same_tag(slv_str wanted, slv_str tag)
{
    return slv_str_eq(wanted, tag) ||
           (slv_str_starts(wanted, SLV_STR("W/")) && slv_str_eq(slv_str_skip(wanted, 2), tag));
}

/* Uploads name types without a charset. */
static slv_code content_type(const slv_asset *asset, slv_arena *arena, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(asset->type.len + 32);

    *ret = asset->type.len > 0 ? asset->type : SLV_STR("application/octet-stream");
    if (!slv_str_starts(*ret, SLV_STR("text/")) ||
        slv_str_find(*ret, SLV_STR("charset"), 0) != SIZE_MAX)
        return SLV_OK;
    SLV_TRY(slv_buf_append(&text, *ret));
    SLV_TRY(slv_buf_append(&text, SLV_STR("; charset=utf-8")));
    return slv_arena_dup(arena, slv_buf_view(&text), ret);
}

static slv_code put_asset(slv_answering *w, slv_header_list *list, slv_arena *arena)
{
    char text[35] = "\"";
    slv_str tag, type;

    SLV_TRY(content_type(w->asset, arena, &type));
    if (w->status != 200) {
        put(list, "content-type", type);
        return SLV_OK;
    }
    memcpy(text + 1, w->asset->etag, 32);
    text[33] = '"';
    SLV_TRY(slv_arena_dup(arena, slv_str_make(text, 34), &tag));
    if (same_tag(slv_str_trim(w->r->if_none_match), tag)) {
        w->status = 304;
        return SLV_OK;
    }
    put(list, "etag", tag);
    put(list, "content-type", type);
    if (!w->r->authorization && !w->r->range)
        put(list, "cache-control", SLV_STR("public, max-age=0, must-revalidate"));
    return SLV_OK;
}

static slv_code put_fields(slv_answering *w, slv_header_list *list, slv_arena *arena)
{
    bool typed = w->asset != NULL;

    if (w->status >= 300 && w->location.len > 0)
        put(list, "location", slv_buf_view(&w->location));
    if (w->asset)
        SLV_TRY(put_asset(w, list, arena));
    put(list, "access-control-allow-origin", SLV_STR("*"));
    put(list, "referrer-policy", SLV_STR("strict-origin-when-cross-origin"));
    if (typed && w->status != 304)
        put(list, "x-content-type-options", SLV_STR("nosniff"));
    SLV_TRY(slv_header_rules_apply(&w->a->headers, slv_url_hostname(&w->url),
                                   slv_url_pathname(&w->url), list, arena));
    if (w->status == 404) {
        drop(list, "cache-control");
        put(list, "cache-control", SLV_STR("no-store"));
    }
    return SLV_OK;
}

static slv_code find(slv_answering *w)
{
    bool proxied, done;

    SLV_TRY(slv_buf_set(&w->path, slv_url_pathname(&w->url)));
    SLV_TRY(slv_answering_rules(w, &proxied, &done));
    if (done)
        return SLV_OK;
    if (!slv_str_is(w->r->method, "GET") && !slv_str_is(w->r->method, "HEAD")) {
        w->status = 405;
        return SLV_OK;
    }
    SLV_TRY(decode(slv_buf_view(&w->path), &w->plain));
    return look(w, slv_buf_view(&w->plain));
}

slv_code slv_pages_answer(slv_answering *w, slv_buf *headers, slv_assets_answer *ret)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(REQUEST_MEMORY);
    slv_header_list list = {0};
    slv_code code;

    SLV_TRY(find(w));
    code = put_fields(w, &list, &arena);
    slv_buf_reset(headers);
    for (size_t i = 0; code == SLV_OK && i < list.len; i++)
        code = slv_buf_printf(headers, "%.*s:%.*s\n", SLV_STR_ARGS(list.items[i].name),
                              SLV_STR_ARGS(list.items[i].value));
    slv_vec_done(&list);
    SLV_TRY(code);
    *ret = (slv_assets_answer){.status = w->status,
                               .headers = slv_buf_view(headers),
                               .asset = w->status == 304 ? NULL : w->asset,
                               .found = w->asset};
    return SLV_OK;
}
