/*
 * vectors.h - public test vectors as JSON trees.
 *
 *     LOAD(root, "wpt-url/urltestdata.json");     ends the test where the file is absent (it was
 *                                                 skipped, tap_data says so) or unreadable (failed)
 */
#ifndef SLV_TEST_SUPPORT_VECTORS_H
#define SLV_TEST_SUPPORT_VECTORS_H

#include "fmt/json.h"
#include "support/tap.h"

#define VECTORS_TEXT_MAX ((size_t)64 << 20)
#define VECTORS_TREE_MAX ((size_t)512 << 20)

static inline slv_node *vectors_load(const char *name, slv_buf *text, slv_arena *arena)
{
    const char *path = tap_data(name);
    slv_node *root = NULL;
    slv_err err;

    if (!path)
        return NULL;
    if (!tap_read_file(path, text) ||
        slv_json_parse(slv_buf_view(text), SLV_JSON_STRICT, arena, &root, &err) != SLV_OK) {
        tap_failed(__FILE__, __LINE__, "cannot read %s", name);
        return NULL;
    }
    return root;
}

#define LOAD(root, name)                                                                           \
    SLV_CLEANUP(slv_buf_done) slv_buf root##_text = SLV_BUF(VECTORS_TEXT_MAX);                     \
    SLV_CLEANUP(slv_arena_done) slv_arena root##_arena = SLV_ARENA(VECTORS_TREE_MAX);              \
    slv_node *root = vectors_load(name, &root##_text, &root##_arena);                              \
    if (!root)                                                                                     \
    return

#endif
