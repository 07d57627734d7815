/* The control API's outside: paths against every route, queries, headers, bodies in parts. Input: a
 * line with the target, a line with a content type, and the body. */
#include <stdlib.h>

#include "api/api_int.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_query(slv_api_call *call)
{
    static const char *const names[] = {"page", "name", "prefix", "limit", ""};

    for (size_t i = 0; i < SLV_ARRAY_LEN(names); i++)
        for (size_t k = 0; k < 4; k++)
            (void)slv_api_query_item(call, names[i], k);
}

static void read_parts(slv_api_call *call)
{
    slv_api_part part;
    size_t at = 0, last = 0;

    while (slv_api_next_part(call, &at, &part)) {
        SLV_ASSERT(at > last && at <= call->body.len);
        SLV_ASSERT(part.body.ptr >= call->body.ptr || part.body.len == 0);
        last = at;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)16 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF((size_t)16 << 20);
    slv_str rest = slv_str_make(data, size), target = SLV_STR(""), type = SLV_STR("");
    slv_api_call call = {.arena = &arena};
    size_t question;
    bool known;

    if (!slv_str_split(&rest, '\n', &target) || !slv_str_split(&rest, '\n', &type))
        return 0;
    question = slv_str_chr(target, '?', 0);
    call.path = slv_str_sub(target, 0, question);
    call.query = question == SIZE_MAX ? SLV_STR("") : slv_str_skip(target, question + 1);
    call.body = rest.ptr ? rest : SLV_STR("");
    SLV_ASSERT(slv_buf_printf(&headers, "content-type:%.*s\n", SLV_STR_ARGS(type)) == SLV_OK);
    call.headers = slv_buf_view(&headers);
    call.route = slv_api_match(slv_api_tables, SLV_STR("GET"), call.path, call.params,
                               &call.param_count, &known);
    SLV_ASSERT(!call.route || known);
    for (size_t i = 0; call.route && i < call.param_count; i++) {
        slv_str was = call.params[i];

        SLV_ASSERT(slv_api_decode(&arena, was, false, &call.params[i]) == SLV_OK);
        SLV_ASSERT(call.params[i].len <= was.len);
    }
    read_query(&call);
    read_parts(&call);
    return 0;
}
