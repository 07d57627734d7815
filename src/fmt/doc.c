#include "fmt/doc.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

const char *slv_node_type_text(slv_node_type type)
{
    static const char *const texts[] = {
        [SLV_NODE_NULL] = "null",       [SLV_NODE_BOOL] = "a boolean",
        [SLV_NODE_NUMBER] = "a number", [SLV_NODE_STRING] = "a string",
        [SLV_NODE_ARRAY] = "an array",  [SLV_NODE_OBJECT] = "a table",
    };
    return texts[type];
}

slv_node *slv_node_find(const slv_node *object, slv_str key)
{
    if (!slv_node_is(object, SLV_NODE_OBJECT))
        return NULL;
    for (slv_node *n = object->first; n; n = n->next)
        if (slv_str_eq(n->key, key))
            return n;
    return NULL;
}

slv_node *slv_node_get(const slv_node *object, const char *key)
{
    return slv_node_find(object, slv_str_from(key));
}

slv_node *slv_node_new(slv_arena *arena, slv_node_type type, uint32_t line, uint32_t col)
{
    slv_node *n = slv_arena_try_alloc0(arena, sizeof *n);

    if (n) {
        n->type = type;
        n->line = line;
        n->col = col;
    }
    return n;
}

void slv_node_append(slv_node *parent, slv_node *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

bool slv_node_f64(const slv_node *n, double *ret)
{
    char text[64];
    char *end;

    if (!slv_node_is(n, SLV_NODE_NUMBER))
        return false;
    if (n->text.len < sizeof text) {
        memcpy(text, n->text.ptr, n->text.len);
        text[n->text.len] = '\0';
        *ret = strtod(text, &end);
        return true;
    }
    SLV_CLEANUP(slv_charp_free) char *copy = slv_strndup(n->text.ptr, n->text.len);
    *ret = strtod(copy, &end);
    return true;
}

bool slv_node_i64(const slv_node *n, int64_t *ret)
{
    double d;

    if (!slv_node_is(n, SLV_NODE_NUMBER))
        return false;
    if (slv_parse_i64(n->text, ret) == SLV_OK)
        return true;
    /* 1e3 and 5.0 are whole numbers too */
    if (!slv_node_f64(n, &d) || !(fabs(d) < 9007199254740992.0) || d != floor(d))
        return false;
    *ret = (int64_t)d;
    return true;
}

void slv_text_place(slv_str text, size_t offset, uint32_t *ret_line, uint32_t *ret_col)
{
    uint32_t line = 1, col = 1;

    for (size_t i = 0; i < offset && i < text.len; i++) {
        if (text.ptr[i] == '\n') {
            line++;
            col = 1;
        } else if (((unsigned char)text.ptr[i] & 0xC0) != 0x80) {
            col++;
        }
    }
    *ret_line = line;
    *ret_col = col;
}
