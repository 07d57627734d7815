/* Attribute values: JSON to a tree, to stored bytes and back; and stored bytes that are anything.
 */
#include <stdlib.h>

#include "dynamo/value.h"
#include "fmt/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA ((size_t)32 << 20)

static void check(bool x)
{
    if (!x)
        abort();
}

static void round_trip(slv_dyn_scope *sc, const slv_dyn_value *item)
{
    slv_buf bytes = SLV_BUF(ARENA), json = SLV_BUF(ARENA), direct = SLV_BUF(ARENA);
    slv_dyn_value back;

    check(slv_dyn_item_encode(item, &bytes) == SLV_OK);
    check(slv_dyn_item_decode(sc, slv_buf_view(&bytes), &back) == SLV_OK);
    check(slv_dyn_value_eq(item, &back));
    check(slv_dyn_item_size(item) == slv_dyn_item_size(&back));
    check(slv_dyn_item_put_json(item, &json) == SLV_OK);
    check(slv_dyn_item_bytes_put_json(slv_buf_view(&bytes), &direct) == SLV_OK);
    check(slv_str_eq(slv_buf_view(&json), slv_buf_view(&direct)));
    slv_buf_done(&bytes);
    slv_buf_done(&json);
    slv_buf_done(&direct);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slv_str text = slv_str_make(data, size);
    slv_arena arena = SLV_ARENA(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&arena);
    slv_node *json;
    slv_dyn_value v;

    if (size && slv_json_parse(text, SLV_JSON_STRICT, &arena, &json, NULL) == SLV_OK &&
        slv_dyn_item_parse(&sc, json, &v) == SLV_OK)
        round_trip(&sc, &v);
    if (slv_dyn_item_decode(&sc, text, &v) == SLV_OK) {
        slv_buf bytes = SLV_BUF(ARENA);

        check(slv_dyn_item_encode(&v, &bytes) == SLV_OK);
        slv_buf_done(&bytes);
        (void)slv_dyn_item_size(&v);
    }
    slv_buf out = SLV_BUF(ARENA);

    (void)!slv_dyn_item_bytes_put_json(text, &out);
    slv_buf_done(&out);
    slv_arena_done(&arena);
    return 0;
}
