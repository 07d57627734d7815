#include "net/forwarded.h"

#include "net/http1.h"
#include "net/server_int.h"

#define HOPS_MAX 64 /* further ones are no proxies of ours */

/* The items of all fields of one name, in order; the last HOPS_MAX of them. */
typedef struct hops {
    slv_str items[HOPS_MAX];
    size_t count;
} hops;

static void push(hops *h, slv_str item)
{
    if (h->count == HOPS_MAX) {
        memmove(h->items, h->items + 1, (HOPS_MAX - 1) * sizeof *h->items);
        h->count--;
    }
    h->items[h->count++] = item;
}

/* Up to the next separator that is not inside quotes. False at the end. */
static bool next_item(slv_str *rest, char separator, slv_str *ret)
{
    size_t at = 0;
    bool quoted = false;

    if (!rest->ptr)
        return false;
    for (; at < rest->len && (quoted || rest->ptr[at] != separator); at++) {
        if (rest->ptr[at] == '"')
            quoted = !quoted;
        else if (quoted && rest->ptr[at] == '\\')
            at++;
    }
    *ret = slv_str_trim(slv_str_sub(*rest, 0, at));
    *rest = at < rest->len ? slv_str_skip(*rest, at + 1) : SLV_STR_NULL;
    return true;
}

static void gather(const slv_exchange *ex, const char *name, hops *out)
{
    slv_str item;

    out->count = 0;
    for (size_t i = 0; i < ex->head.header_count; i++) {
        slv_str rest = ex->head.headers[i].value;

        if (!slv_str_is(ex->head.headers[i].name, name))
            continue;
        while (next_item(&rest, ',', &item))
            push(out, item);
    }
}

/* Without brackets and port: "[::1]:80", "1.2.3.4:80", "::1". */
static slv_str bare_address(slv_str s, uint16_t *ret_port)
{
    slv_str port = SLV_STR_NULL;
    size_t at;
    uint64_t n;

    *ret_port = 0;
    if (s.len > 0 && s.ptr[0] == '[') {
        at = slv_str_chr(s, ']', 0);
        if (at == SIZE_MAX)
            return SLV_STR_NULL;
        port = slv_str_skip(s, at + 1);
        s = slv_str_sub(s, 1, at);
    } else if ((at = slv_str_chr(s, ':', 0)) != SIZE_MAX &&
               slv_str_chr(s, ':', at + 1) == SIZE_MAX) {
        port = slv_str_skip(s, at);
        s = slv_str_sub(s, 0, at);
    }
    if (port.len > 0) {
        if (port.ptr[0] != ':' || slv_parse_u64(slv_str_skip(port, 1), &n) != SLV_OK ||
            n > UINT16_MAX)
            return SLV_STR_NULL;
        *ret_port = (uint16_t)n;
    }
    return s;
}

/* From the last to the first while they are trusted. The place of the one that counts; count when
 * none is told. */
static size_t find_client(const slv_nets *trusted, slv_exchange *ex, const hops *h)
{
    size_t found = h->count;

    for (size_t i = h->count; i-- > 0;) {
        uint16_t port;
        slv_str address = bare_address(h->items[i], &port), copy;

        if (!slv_nets_is_address(address) || slv_arena_dup(ex->arena, address, &copy) != SLV_OK)
            break;
        found = i;
        ex->head.peer = copy;
        ex->head.peer_port = port;
        if (!slv_nets_has(trusted, address))
            break;
    }
    return found;
}

/* What belongs to hop `at` of `of`; the last one where not every hop said something. */
static slv_str belonging(const hops *h, size_t at, size_t of)
{
    if (h->count == 0)
        return SLV_STR_NULL;
    return h->items[h->count == of && at < of ? at : h->count - 1];
}

static void take_scheme(slv_exchange *ex, slv_str proto)
{
    if (slv_str_eq_nocase(proto, SLV_STR("https")))
        ex->head.scheme = SLV_STR("https");
    else if (slv_str_eq_nocase(proto, SLV_STR("http")))
        ex->head.scheme = SLV_STR("http");
}

static void take_host(slv_exchange *ex, slv_str host)
{
    slv_request_head *h = &ex->head;
    slv_http_header *fields;
    slv_str copy;

    if (host.len == 0 || !slv_http_valid_authority(host) ||
        slv_arena_dup(ex->arena, host, &copy) != SLV_OK)
        return;
    fields = slv_arena_try_alloc(ex->arena, (h->header_count + 1) * sizeof *fields);
    if (!fields)
        return;
    if (h->header_count > 0)
        memcpy(fields, h->headers, h->header_count * sizeof *fields);
    for (size_t i = 0; i < h->header_count; i++)
        if (slv_str_is(fields[i].name, "host"))
            fields[i].value = copy;
    h->headers = fields;
    h->authority = copy;
}

/* ---- Forwarded ---- */

/* A token, or a quoted string without its quotes (and without escapes: none are needed in what is
 * looked for). */
static slv_str unquote(slv_str s)
{
    if (s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"')
        s = slv_str_sub(s, 1, s.len - 1);
    return slv_str_chr(s, '"', 0) == SIZE_MAX && slv_str_chr(s, '\\', 0) == SIZE_MAX ? s
                                                                                     : SLV_STR_NULL;
}

static slv_str parameter(slv_str element, slv_str name)
{
    slv_str pair;

    while (next_item(&element, ';', &pair)) {
        size_t eq = slv_str_chr(pair, '=', 0);

        if (eq != SIZE_MAX && slv_str_eq_nocase(slv_str_sub(pair, 0, eq), name))
            return unquote(slv_str_skip(pair, eq + 1));
    }
    return SLV_STR_NULL;
}

static void apply_standard(const slv_nets *trusted, slv_exchange *ex)
{
    hops elements, clients = {.count = 0};
    size_t at;

    gather(ex, "forwarded", &elements);
    for (size_t i = 0; i < elements.count; i++)
        push(&clients, parameter(elements.items[i], SLV_STR("for")));
    at = find_client(trusted, ex, &clients);
    if (elements.count == 0)
        return;
    if (at == elements.count)
        at = elements.count - 1;
    take_scheme(ex, parameter(elements.items[at], SLV_STR("proto")));
    take_host(ex, parameter(elements.items[at], SLV_STR("host")));
}

void slv_forwarded_apply(const slv_nets *trusted, slv_exchange *ex)
{
    hops clients, protos, hosts;
    size_t at;

    if (!slv_nets_has(trusted, ex->head.peer))
        return;
    gather(ex, "x-forwarded-for", &clients);
    gather(ex, "x-forwarded-proto", &protos);
    gather(ex, "x-forwarded-host", &hosts);
    if (clients.count == 0 && slv_exchange_header(ex, SLV_STR("forwarded"))) {
        apply_standard(trusted, ex);
        return;
    }
    at = find_client(trusted, ex, &clients);
    take_scheme(ex, belonging(&protos, at, clients.count));
    take_host(ex, belonging(&hosts, at, clients.count));
}
