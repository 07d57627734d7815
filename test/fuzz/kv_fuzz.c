/* KV: keys, metadata, prefixes and cursors of strangers. First byte: what the rest is. */
#include <stdio.h>
#include <stdlib.h>

#include "fmt/json.h"
#include "kv/kv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW ((int64_t)1800000000000)

static slv_kv *kv;
static char dir[] = "/tmp/selvage-kv-fuzz-XXXXXX";

static void clean(void)
{
    static const char *const files[] = {"kv.sqlite", "kv.sqlite-wal", "kv.sqlite-shm", ""};
    char path[100];

    kv = slv_kv_free(kv);
    for (size_t i = 0; i < SLV_ARRAY_LEN(files); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        (void)remove(path);
    }
}

static slv_kv *namespace_of_three(void)
{
    static const char *const keys[] = {"a", "a\xc3\xa9", "b"};
    char path[100];

    if (kv)
        return kv;
    SLV_ASSERT(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/kv", dir);
    (void)atexit(clean);
    SLV_ASSERT(slv_kv_open(path, true, false, &kv, NULL) == SLV_OK);
    for (size_t i = 0; i < SLV_ARRAY_LEN(keys); i++) {
        const slv_kv_put_args args = {
            .key = slv_str_from(keys[i]), .value = SLV_STR("v"), .now_ms = NOW};

        SLV_ASSERT(slv_kv_put(kv, &args, NULL) == SLV_OK);
    }
    return kv;
}

/* Whatever list() says must be JSON, and its cursor lead on to an end. */
static void list_all(slv_str prefix, slv_str cursor)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(100000), at = SLV_BUF(2000);
    SLV_CLEANUP(slv_buf_done) slv_buf next = SLV_BUF(2000);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1000000);
    slv_node *tree;
    bool more = true;

    if (slv_buf_set(&at, cursor) != SLV_OK)
        return;
    for (int pages = 0; more; pages++) {
        const slv_kv_query q = {.prefix = prefix, .cursor = slv_buf_view(&at), .limit = 1};

        SLV_ASSERT(pages <= 3);
        slv_buf_reset(&json);
        slv_buf_reset(&next);
        if (slv_kv_list(namespace_of_three(), &q, NOW, &json, &next, &more, NULL) != SLV_OK)
            return;
        SLV_ASSERT(slv_json_parse(slv_buf_view(&json), SLV_JSON_STRICT, &arena, &tree, NULL) ==
                   SLV_OK);
        SLV_ASSERT(tree->count <= 1 && more == (next.len > 0));
        SLV_ASSERT(slv_buf_set(&at, slv_buf_view(&next)) == SLV_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slv_str text = slv_str_make(data, size);
    slv_err err = {0};

    if (size == 0)
        return 0;
    text = slv_str_skip(text, 1);
    switch (data[0]) {
    case 'k':
        if (slv_kv_check_key(text, &err) != SLV_OK)
            SLV_ASSERT(err.detail >= 400 && err.detail < 500);
        break;
    case 'm':
        if (slv_kv_check_meta(text, &err) != SLV_OK)
            SLV_ASSERT(err.detail >= 400 && err.detail < 500);
        break;
    case 'c':
        list_all(SLV_STR(""), text);
        break;
    default:
        list_all(text, SLV_STR(""));
        break;
    }
    return 0;
}
