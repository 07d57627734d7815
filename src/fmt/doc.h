/*
 * doc.h - the tree that the JSON and TOML parsers make: values with the place in the text where
 * each stands.
 *
 * Ownership: nodes and strings live in the arena given to the parser; strings may also borrow from
 * the parsed text, so text and arena must live as long as the tree. Threads: any; read only after
 * parsing. Order of members is that of the text; a name that is given twice in JSON keeps its first
 * place with its last value.
 */
#ifndef SLV_FMT_DOC_H
#define SLV_FMT_DOC_H

#include "base/arena.h"
#include "base/buf.h"

typedef enum slv_node_type {
    SLV_NODE_NULL,
    SLV_NODE_BOOL,
    SLV_NODE_NUMBER,
    SLV_NODE_STRING,
    SLV_NODE_ARRAY,
    SLV_NODE_OBJECT,
} slv_node_type;

typedef struct slv_node slv_node;
struct slv_node {
    slv_node_type type;
    bool boolean;
    bool is_date;       /* a STRING that was a date or time in TOML */
    uint8_t form;       /* private to the parser */
    uint32_t line, col; /* of the value; from 1; columns are code points */
    uint32_t key_line, key_col;
    slv_str key; /* of a member of an object */
    slv_str
        text; /* STRING: decoded UTF-8. NUMBER: as JSON writes numbers, or nan, inf, -inf (TOML) */
    slv_node *first, *last, *next; /* children; next: the sibling */
    size_t count;                  /* of children */
};

/* "a string", "an object", ...: for messages. */
const char *slv_node_type_text(slv_node_type type);
/* Member by name; NULL when absent, or when object is NULL or no object. */
slv_node *slv_node_get(const slv_node *object, const char *key);
slv_node *slv_node_find(const slv_node *object, slv_str key);
/* A new node in the arena; NULL at its limit. */
slv_node *slv_node_new(slv_arena *arena, slv_node_type type, uint32_t line, uint32_t col);
void slv_node_append(slv_node *parent, slv_node *child);
/* False when the node (may be NULL) is of another type or out of range. */
bool slv_node_i64(const slv_node *n, int64_t *ret);
bool slv_node_f64(const slv_node *n, double *ret);
static inline bool slv_node_is(const slv_node *n, slv_node_type type)
{
    return n && n->type == type;
}
/* The text of a STRING, SLV_STR_NULL otherwise. */
static inline slv_str slv_node_str(const slv_node *n)
{
    return slv_node_is(n, SLV_NODE_STRING) ? n->text : SLV_STR_NULL;
}

/* Line and column (from 1) of a byte offset of text. */
void slv_text_place(slv_str text, size_t offset, uint32_t *ret_line, uint32_t *ret_col);

#endif
