/* Expressions of every grammar (the first byte says which), and what is done with those accepted.
 */
#include <stdlib.h>

#include "dynamo/update.h"
#include "fmt/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA ((size_t)32 << 20)

static const char names[] = "{\"#a\":\"a\",\"#l\":\"l\"}";
static const char values[] =
    "{\":n\":{\"N\":\"5\"},\":s\":{\"S\":\"ab\"},\":l\":{\"L\":[{\"N\":\"1\"}]},"
    "\":t\":{\"SS\":[\"a\",\"b\"]},\":b\":{\"B\":\"YWJj\"},\":m\":{\"M\":{}}}";
static const char item_text[] =
    "{\"a\":{\"N\":\"4\"},\"s\":{\"S\":\"abc\"},\"t\":{\"SS\":[\"a\"]},\"l\":{\"L\":[{\"S\":\"x\"},"
    "{\"M\":{\"k\":{\"N\":\"9\"}}}]},\"m\":{\"M\":{\"k\":{\"L\":[{\"S\":\"deep\"}]}}}}";

static slv_node *parse(slv_arena *arena, const char *text)
{
    slv_node *n = NULL;

    if (slv_json_parse(slv_str_from(text), SLV_JSON_STRICT, arena, &n, NULL) != SLV_OK)
        abort();
    return n;
}

static void fuzz_update(slv_dyn_scope *sc, slv_dyn_subst *subst, slv_str text,
                        const slv_dyn_value *item)
{
    slv_dyn_update u;
    slv_dyn_value after, picked;
    slv_buf bytes = SLV_BUF(ARENA);

    if (slv_dyn_update_parse(sc, subst, text, &u) != SLV_OK)
        return;
    if (slv_dyn_update_apply(sc, &u, item, true, &after) != SLV_OK)
        return;
    /* what comes out is canonical: it reads back as it is */
    if (slv_dyn_item_encode(&after, &bytes) != SLV_OK ||
        slv_dyn_item_decode(sc, slv_buf_view(&bytes), &picked) != SLV_OK ||
        !slv_dyn_value_eq(&after, &picked))
        abort();
    slv_buf_done(&bytes);
    if (slv_dyn_project(sc, &u.paths, &after, &picked) != SLV_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slv_arena arena = SLV_ARENA(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&arena);
    slv_str text;
    slv_dyn_subst subst;
    slv_dyn_value item, picked;
    slv_dyn_paths paths;
    slv_dyn_key_conds conds;
    slv_dyn_expr *e;

    if (!size)
        return 0;
    text = slv_str_make(data + 1, size - 1);
    if (slv_dyn_subst_init(&sc, parse(&arena, names), parse(&arena, values), &subst) != SLV_OK ||
        slv_dyn_item_parse(&sc, parse(&arena, item_text), &item) != SLV_OK)
        abort();
    switch (data[0] % 4) {
    case 0:
        if (slv_dyn_condition_parse(&sc, &subst, "FilterExpression", text, &e) == SLV_OK) {
            (void)slv_dyn_expr_test(e, &item);
            (void)slv_dyn_expr_test(e, NULL);
        }
        break;
    case 1:
        fuzz_update(&sc, &subst, text, &item);
        break;
    case 2:
        if (slv_dyn_projection_parse(&sc, &subst, text, &paths) == SLV_OK &&
            slv_dyn_project(&sc, &paths, &item, &picked) != SLV_OK)
            abort();
        break;
    default:
        (void)!slv_dyn_key_condition_parse(&sc, &subst, text, &conds);
        break;
    }
    (void)!slv_dyn_subst_check_used(&sc, &subst);
    slv_arena_done(&arena);
    return 0;
}
