/* Patterns against paths, segment by segment. */
#include "api/api_int.h"

typedef struct match {
    const slv_api_route *route;
    uint64_t literals; /* bit 63 for the first segment: where two differ, the literal wins */
    slv_str params[SLV_API_PARAMS_MAX];
    size_t count;
} match;

/* Takes the next segment of *rest, which begins with "/". */
static slv_str next_segment(slv_str *rest)
{
    size_t end = slv_str_chr(*rest, '/', 1);
    slv_str s;

    if (end == SIZE_MAX)
        end = rest->len;
    s = slv_str_sub(*rest, 1, end);
    *rest = slv_str_skip(*rest, end);
    return s;
}

static bool fits(const char *pattern, slv_str path, match *m)
{
    slv_str want = slv_str_from(pattern);
    uint64_t bit = (uint64_t)1 << 63;

    m->literals = 0;
    m->count = 0;
    for (; want.len > 0; bit >>= 1) {
        slv_str piece = next_segment(&want);

        if (path.len == 0)
            return false;
        if (piece.len > 0 && piece.ptr[0] == '*') {
            m->params[m->count++] = slv_str_skip(path, 1);
            return path.len > 1;
        }
        slv_str segment = next_segment(&path);

        if (piece.len > 0 && piece.ptr[0] == ':') {
            if (segment.len == 0)
                return false;
            SLV_ASSERT(m->count < SLV_API_PARAMS_MAX);
            m->params[m->count++] = segment;
        } else if (slv_str_eq(piece, segment)) {
            m->literals |= bit;
        } else {
            return false;
        }
    }
    return path.len == 0 || slv_str_is(path, "/");
}

static bool takes(const slv_api_route *route, slv_str method)
{
    return slv_str_is(method, route->method) ||
           (slv_str_is(method, "HEAD") && strcmp(route->method, "GET") == 0);
}

const slv_api_route *slv_api_match(const slv_api_route *const *tables, slv_str method, slv_str path,
                                   slv_str params[static SLV_API_PARAMS_MAX], size_t *ret_count,
                                   bool *ret_known)
{
    match best = {0}, m;

    *ret_known = false;
    if (path.len == 0 || path.ptr[0] != '/')
        return NULL;
    for (; *tables; tables++) {
        for (const slv_api_route *route = *tables; route->method; route++) {
            if (!fits(route->pattern, path, &m))
                continue;
            *ret_known = true;
            if (!takes(route, method) || (best.route && best.literals >= m.literals))
                continue;
            best = m;
            best.route = route;
        }
    }
    for (size_t i = 0; best.route && i < best.count; i++)
        params[i] = best.params[i];
    *ret_count = best.route ? best.count : 0;
    return best.route;
}
