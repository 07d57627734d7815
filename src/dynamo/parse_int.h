/*
 * parse_int.h - what the expression grammars share: tokens, errors in AWS's order, paths. Private
 * to dynamo.
 *
 * Syntax errors end the parse at once. Everything else that may be wrong is noted in a slot (the
 * first of its kind stays), and the grammar's own order of slots decides at the end which is told.
 */
#ifndef SLV_DYNAMO_PARSE_INT_H
#define SLV_DYNAMO_PARSE_INT_H

#include "dynamo/update.h"
#include "dynamo/value_int.h"

typedef enum slv_dyn_token_kind {
    SLV_DYN_TOKEN_END,
    SLV_DYN_TOKEN_WORD,
    SLV_DYN_TOKEN_NAME,  /* #name */
    SLV_DYN_TOKEN_VALUE, /* :value */
    SLV_DYN_TOKEN_NUMBER,
    SLV_DYN_TOKEN_SIGN, /* one or two characters of punctuation, or one that means nothing */
} slv_dyn_token_kind;

typedef struct slv_dyn_token {
    slv_dyn_token_kind kind;
    slv_str text;
} slv_dyn_token;

typedef enum slv_dyn_slot {
    SLV_DYN_SLOT_PARENS,
    SLV_DYN_SLOT_FUNCTION_NAME,
    SLV_DYN_SLOT_MISUSED,
    SLV_DYN_SLOT_RESERVED,
    SLV_DYN_SLOT_SECTION,
    SLV_DYN_SLOT_NAME,
    SLV_DYN_SLOT_VALUE,
    SLV_DYN_SLOT_OVERLAP,
    SLV_DYN_SLOT_CONFLICT,
    SLV_DYN_SLOT_OPERAND,
    SLV_DYN_SLOT_COUNT,
    SLV_DYN_SLOT_DISTINCT,
    SLV_DYN_SLOT_FUNCTION,
    SLV_DYN_SLOT_LIMIT,
    SLV_DYN_SLOT_CONDITION, /* what a single condition's slots amounted to */
    SLV_DYN_SLOTS,
} slv_dyn_slot;

typedef struct slv_dyn_parser {
    slv_dyn_scope *sc;
    slv_dyn_subst *subst;
    const char *param; /* "ConditionExpression" */
    slv_str text;
    slv_dyn_token prev, cur;     /* prev.text.ptr NULL at the start */
    const char *const *keywords; /* words that are no names, upper case, NULL at the end */
    slv_str slots[SLV_DYN_SLOTS];
    uint32_t operators, depth;
} slv_dyn_parser;

/* Checks length and emptiness, reads the first token. */
SLV_NODISCARD slv_code slv_dyn_parser_start(slv_dyn_parser *p, slv_dyn_scope *sc,
                                            slv_dyn_subst *subst, const char *param, slv_str text,
                                            const char *const *keywords);
void slv_dyn_next(slv_dyn_parser *p);
/* "Invalid PARAM: Syntax error; token: ..., near: ..." about the current token. */
slv_code slv_dyn_fail_syntax(slv_dyn_parser *p);
static inline bool slv_dyn_at(const slv_dyn_parser *p, const char *sign)
{
    return p->cur.kind == SLV_DYN_TOKEN_SIGN && slv_str_is(p->cur.text, sign);
}
/* The current token is the keyword (upper case), in any case. */
bool slv_dyn_at_word(const slv_dyn_parser *p, const char *keyword);
bool slv_dyn_at_keyword(const slv_dyn_parser *p); /* any of the grammar's */
SLV_NODISCARD slv_code slv_dyn_expect(slv_dyn_parser *p, const char *sign);
/* Notes a message; does nothing where the slot has one. */
SLV_NODISCARD slv_code slv_dyn_note(slv_dyn_parser *p, slv_dyn_slot slot, const char *fmt, ...)
    SLV_PRINTF(3, 4);
/* Fails with the first slot of order that has a message; prefixes it. */
SLV_NODISCARD slv_code slv_dyn_fail_noted(slv_dyn_parser *p, const slv_dyn_slot *order, size_t n);
/* Counts an operator or function. */
SLV_NODISCARD slv_code slv_dyn_count_operator(slv_dyn_parser *p);

/* A path from its first name on; the current token is a word that is no keyword, or a #name. name:
   slot for what is not defined. */
SLV_NODISCARD slv_code slv_dyn_parse_path(slv_dyn_parser *p, slv_dyn_path *ret);
/* More steps ('.' and '[') after the ones that path has. */
SLV_NODISCARD slv_code slv_dyn_parse_steps(slv_dyn_parser *p, slv_dyn_path *path);
/* The current token is a :value; *ret is NULL where it is not defined. */
SLV_NODISCARD slv_code slv_dyn_parse_value(slv_dyn_parser *p, slv_dyn_slot slot,
                                           const slv_dyn_value **ret);
/* Notes where path and one of the paths before it overlap or conflict. */
SLV_NODISCARD slv_code slv_dyn_note_overlap(slv_dyn_parser *p, const slv_dyn_path *paths,
                                            uint32_t count, const slv_dyn_path *path);
bool slv_dyn_path_eq(const slv_dyn_path *a, const slv_dyn_path *b);
/* "[a, [3], c]" in the arena. */
SLV_NODISCARD slv_code slv_dyn_path_text(slv_dyn_scope *sc, const slv_dyn_path *path, slv_str *ret);
SLV_NODISCARD slv_code slv_dyn_value_text(slv_dyn_scope *sc, const slv_dyn_value *v, slv_str *ret);

bool slv_dyn_reserved(slv_str word); /* in any case */

/* The conditions that a parsed KeyConditionExpression comes to, checked. */
SLV_NODISCARD slv_code slv_dyn_key_conds_from(slv_dyn_scope *sc, const slv_dyn_expr *e,
                                              slv_dyn_key_conds *ret);
/* What both the expression and KeyConditions must keep: types, bounds, how many. */
SLV_NODISCARD slv_code slv_dyn_key_conds_check(slv_dyn_scope *sc, const slv_dyn_key_conds *conds);
SLV_NODISCARD slv_code slv_dyn_key_size_check(slv_dyn_scope *sc, const slv_dyn_value *v, bool hash);

SLV_NODISCARD slv_code slv_dyn_expr_new(slv_dyn_scope *sc, slv_dyn_op op, slv_dyn_expr **ret);
/* With room for n arguments: the array to fill. */
SLV_NODISCARD slv_code slv_dyn_expr_call(slv_dyn_scope *sc, slv_dyn_op op,
                                         slv_dyn_expr *const *args, uint32_t n, slv_dyn_expr **ret);

#endif
