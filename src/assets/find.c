/* Which file a path means: html_handling and not_found_handling. */
#include "assets/assets_int.h"

#define PATH_MAX_BYTES ((size_t)64 << 10)
#define INDEX SLV_STR("/index")
#define INDEX_HTML SLV_STR("/index.html")
#define HTML SLV_STR(".html")
#define SLASH SLV_STR("/")
#define NOTHING SLV_STR("")

typedef struct finder {
    const slv_assets *a;
    slv_not_found_handling not_found;
    bool no_redirects; /* only what is served is wanted */
    slv_asset_find *ret;
} finder;

/* True: *f->ret says what there is. */
static bool find(finder *f, slv_str path);

static slv_str without(slv_str path, slv_str end)
{
    return slv_str_sub(path, 0, path.len - end.len);
}

static const slv_asset *at(const finder *f, slv_str stem, slv_str end)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_MAX_BYTES);

    if (end.len == 0)
        return slv_assets_get(f->a, stem);
    if (slv_buf_append(&path, stem) != SLV_OK || slv_buf_append(&path, end) != SLV_OK)
        return NULL;
    return slv_assets_get(f->a, slv_buf_view(&path));
}

static bool serve(finder *f, const slv_asset *asset, uint16_t status)
{
    if (!asset)
        return false;
    f->ret->asset = asset;
    f->ret->status = status;
    return true;
}

/* To stem + end, when that serves the file. */
static bool redirect(finder *f, const slv_asset *file, slv_str stem, slv_str end)
{
    SLV_CLEANUP(slv_buf_done) slv_buf to = SLV_BUF(PATH_MAX_BYTES);
    slv_asset_find there = {.asset = NULL};
    finder inner = {f->a, f->not_found, true, &there};

    if (f->no_redirects || !file || slv_buf_append(&to, stem) != SLV_OK ||
        slv_buf_append(&to, end) != SLV_OK || slv_assets_get(f->a, slv_buf_view(&to)))
        return false;
    if (!find(&inner, slv_buf_view(&to)) || !there.asset ||
        strcmp(there.asset->etag, file->etag) != 0)
        return false;
    f->ret->redirected = slv_buf_set(f->ret->redirect, slv_buf_view(&to)) == SLV_OK;
    return f->ret->redirected;
}

static bool not_found(finder *f, slv_str path)
{
    switch (f->not_found) {
    case SLV_NOT_FOUND_SINGLE_PAGE:
        return serve(f, slv_assets_get(f->a, INDEX_HTML), 200);
    case SLV_NOT_FOUND_404_PAGE: /* the nearest, walking up */
        while (path.len > 0) {
            size_t slash = slv_str_rchr(path, '/');

            path = slv_str_sub(path, 0, slash < path.len ? slash : 0);
            if (serve(f, at(f, path, SLV_STR("/404.html")), 404))
                return true;
        }
        return false;
    case SLV_NOT_FOUND_NONE:
        break;
    }
    return false;
}

static bool auto_trailing_slash(finder *f, slv_str path)
{
    const slv_asset *exact = slv_assets_get(f->a, path);

    if (slv_str_ends(path, INDEX)) {
        slv_str parent = without(path, INDEX);

        if (serve(f, exact, 200) || redirect(f, at(f, path, HTML), parent, SLASH) ||
            redirect(f, at(f, parent, HTML), parent, NOTHING))
            return true;
    } else if (slv_str_ends(path, INDEX_HTML)) {
        slv_str parent = without(path, INDEX_HTML);

        if (redirect(f, exact, parent, SLASH) || redirect(f, at(f, parent, HTML), parent, NOTHING))
            return true;
    } else if (slv_str_ends(path, SLASH)) {
        slv_str stem = without(path, SLASH);

        if (serve(f, at(f, stem, INDEX_HTML), 200) || redirect(f, at(f, stem, HTML), stem, NOTHING))
            return true;
    } else if (slv_str_ends(path, HTML)) {
        slv_str stem = without(path, HTML);

        if (redirect(f, exact, stem, NOTHING) || redirect(f, at(f, stem, INDEX_HTML), stem, SLASH))
            return true;
    }
    return serve(f, exact, 200) || serve(f, at(f, path, HTML), 200) ||
           redirect(f, at(f, path, INDEX_HTML), path, SLASH) || not_found(f, path);
}

static bool force_trailing_slash(finder *f, slv_str path)
{
    const slv_asset *exact = slv_assets_get(f->a, path);

    if (slv_str_ends(path, INDEX)) {
        slv_str parent = without(path, INDEX);

        if (serve(f, exact, 200) || redirect(f, at(f, path, HTML), parent, SLASH) ||
            redirect(f, at(f, parent, HTML), parent, SLASH))
            return true;
    } else if (slv_str_ends(path, INDEX_HTML)) {
        slv_str parent = without(path, INDEX_HTML);

        if (redirect(f, exact, parent, SLASH) || redirect(f, at(f, parent, HTML), parent, SLASH))
            return true;
    } else if (slv_str_ends(path, SLASH)) {
        slv_str stem = without(path, SLASH);

        if (serve(f, at(f, stem, INDEX_HTML), 200) || serve(f, at(f, stem, HTML), 200))
            return true;
    } else if (slv_str_ends(path, HTML)) {
        slv_str stem = without(path, HTML);

        /* where there are both, x.html is served under its whole name only */
        if (redirect(f, exact, stem, SLASH) || serve(f, exact, 200) ||
            redirect(f, at(f, stem, INDEX_HTML), stem, SLASH))
            return true;
    }
    return serve(f, exact, 200) || redirect(f, at(f, path, HTML), path, SLASH) ||
           redirect(f, at(f, path, INDEX_HTML), path, SLASH) || not_found(f, path);
}

static bool drop_trailing_slash(finder *f, slv_str path)
{
    const slv_asset *exact = slv_assets_get(f->a, path);

    if (slv_str_eq(path, INDEX) || slv_str_eq(path, INDEX_HTML)) {
        if ((path.len == INDEX.len && serve(f, exact, 200)) ||
            redirect(f, slv_assets_get(f->a, INDEX_HTML), SLASH, NOTHING))
            return true;
    } else if (slv_str_ends(path, INDEX)) {
        slv_str parent = without(path, INDEX);

        if (serve(f, exact, 200) || redirect(f, at(f, parent, HTML), parent, NOTHING) ||
            redirect(f, at(f, path, HTML), parent, NOTHING))
            return true;
    } else if (slv_str_ends(path, INDEX_HTML)) {
        slv_str parent = without(path, INDEX_HTML);

        /* where there are both, x/index.html is served under its whole name only */
        if (redirect(f, exact, parent, NOTHING) || serve(f, exact, 200) ||
            redirect(f, at(f, parent, HTML), parent, NOTHING))
            return true;
    } else if (slv_str_eq(path, SLASH)) {
        if (serve(f, slv_assets_get(f->a, INDEX_HTML), 200))
            return true;
    } else if (slv_str_ends(path, SLASH)) {
        slv_str stem = without(path, SLASH);

        if (redirect(f, at(f, stem, HTML), stem, NOTHING) ||
            redirect(f, at(f, stem, INDEX_HTML), stem, NOTHING))
            return true;
    } else if (slv_str_ends(path, HTML)) {
        slv_str stem = without(path, HTML);

        if (redirect(f, exact, stem, NOTHING) ||
            redirect(f, at(f, stem, INDEX_HTML), stem, NOTHING))
            return true;
    }
    return serve(f, exact, 200) || serve(f, at(f, path, HTML), 200) ||
           serve(f, at(f, path, INDEX_HTML), 200) || not_found(f, path);
}

static bool find(finder *f, slv_str path)
{
    switch (f->a->config.html) {
    case SLV_HTML_AUTO_TRAILING_SLASH:
        return auto_trailing_slash(f, path);
    case SLV_HTML_FORCE_TRAILING_SLASH:
        return force_trailing_slash(f, path);
    case SLV_HTML_DROP_TRAILING_SLASH:
        return drop_trailing_slash(f, path);
    case SLV_HTML_NONE:
        break;
    }
    return serve(f, slv_assets_get(f->a, path), 200) || not_found(f, path);
}

bool slv_assets_find(const slv_assets *a, slv_str path, slv_not_found_handling handling,
                     slv_asset_find *ret)
{
    finder f = {a, handling, false, ret};

    ret->asset = NULL;
    ret->redirected = false;
    return find(&f, path);
}
