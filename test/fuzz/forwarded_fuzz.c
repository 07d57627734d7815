/* What proxies and clients say in fields of their own: X-Forwarded-*, Forwarded, traceparent; cron
 * expressions and networks, which come from configuration and the API. The first line names the
 * trusted networks, the second is a cron expression and a traceparent, each further one is a field.
 */
#include "net/forwarded.h"

#include "edge/trace.h"
#include "fmt/cron.h"
#include "net/exchange.h"
#include "net/nets.h"

#define FIELDS_MAX 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static slv_str line_of(slv_str *rest)
{
    size_t end = slv_str_chr(*rest, '\n', 0);
    slv_str line = slv_str_sub(*rest, 0, end);

    *rest = end == SIZE_MAX ? SLV_STR("") : slv_str_skip(*rest, end + 1);
    return line;
}

static void try_texts(slv_str text)
{
    slv_trace_context c = {0};
    slv_cron cron;
    slv_err err;

    if (slv_traceparent_parse(text, &c))
        SLV_ASSERT((c.high || c.low) && c.parent);
    if (slv_cron_parse(text, &cron, &err) == SLV_OK)
        (void)slv_cron_next(&cron, INT64_C(1700000000000));
}

static slv_nets *nets_of(slv_str text)
{
    slv_str entries[16];
    slv_nets *nets = NULL;
    size_t count = 0;
    slv_err err;

    for (size_t at = 0; count < SLV_ARRAY_LEN(entries) && at <= text.len;) {
        size_t end = slv_str_chr(text, ' ', at);

        entries[count++] = slv_str_sub(text, at, end);
        at = end == SIZE_MAX ? SIZE_MAX : end + 1;
    }
    return slv_nets_new(entries, count, &nets, &err) == SLV_OK ? nets : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    slv_str rest = slv_str_make(data, size);
    SLV_CLEANUP(slv_nets_free) slv_nets *nets = nets_of(line_of(&rest));
    slv_http_header fields[FIELDS_MAX];
    slv_exchange ex = {.arena = &arena,
                       .head = {.headers = fields,
                                .peer = SLV_STR("10.0.0.1"),
                                .peer_port = 7,
                                .scheme = SLV_STR("http"),
                                .authority = SLV_STR("a.test")}};
    slv_str believed;

    try_texts(line_of(&rest));
    while (rest.len > 0 && ex.head.header_count < FIELDS_MAX) {
        slv_str line = line_of(&rest);
        size_t colon = slv_str_chr(line, ':', 0);

        if (colon != SIZE_MAX)
            fields[ex.head.header_count++] = (slv_http_header){
                slv_str_sub(line, 0, colon), slv_str_trim(slv_str_skip(line, colon + 1))};
    }
    believed = ex.head.peer;
    slv_forwarded_apply(nets, &ex);
    /* Without trust nothing changes; what is believed is an address. */
    if (!slv_nets_has(nets, believed))
        SLV_ASSERT(slv_str_eq(ex.head.peer, believed) && slv_str_is(ex.head.authority, "a.test"));
    SLV_ASSERT(slv_str_eq(ex.head.peer, believed) || slv_nets_is_address(ex.head.peer));
    SLV_ASSERT(slv_str_is(ex.head.scheme, "http") || slv_str_is(ex.head.scheme, "https"));
    return 0;
}
