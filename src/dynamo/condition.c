/*
 * The grammar of conditions.
 *
 *   or        = and { OR and }
 *   and       = not { AND not }
 *   not       = NOT not | simple
 *   simple    = "(" or ")" | function
 *             | operand comparator operand
 *             | operand BETWEEN operand AND operand
 *             | operand IN "(" operand { "," operand } ")"
 *   operand   = function | :value | path | "(" operand ")"
 *   function  = word "(" operand { "," operand } ")"
 *   path      = name { "." name | "[" number "]" }      the head may stand in parentheses
 *
 * A parenthesis may open a condition or an operand, which shows only behind it; so both are read by
 * one function, and what came out says whether it may stand where it is. What AWS refuses besides
 * syntax is noted, see parse_int.h.
 */
#include "dynamo/parse_int.h"

static const char *const keywords[] = {"BETWEEN", "IN", "AND", "OR", "NOT", NULL};

/* What was read. */
typedef struct piece {
    slv_dyn_expr *e;
    slv_str function; /* name, of a call */
    bool operand;     /* a path, a value or a call: may be compared */
    bool parens;      /* stands in parentheses */
} piece;

typedef struct function_row {
    const char *name;
    slv_dyn_op op;
    uint32_t operands;
} function_row;

static const function_row functions[] = {
    {"attribute_exists", SLV_DYN_OP_EXISTS, 1},
    {"attribute_not_exists", SLV_DYN_OP_NOT_EXISTS, 1},
    {"attribute_type", SLV_DYN_OP_ATTRIBUTE_TYPE, 2},
    {"begins_with", SLV_DYN_OP_BEGINS_WITH, 2},
    {"contains", SLV_DYN_OP_CONTAINS, 2},
    {"size", SLV_DYN_OP_SIZE, 1},
};

static slv_code parse_or(slv_dyn_parser *p, piece *ret);
static slv_code parse_operand(slv_dyn_parser *p, piece *ret);

/* ---- notes ---- */

/* A function's result may only be compared when it is a size. */
static slv_code note_misused(slv_dyn_parser *p, const piece *x)
{
    if (!x->function.ptr || slv_str_is(x->function, "size"))
        return SLV_OK;
    return slv_dyn_note(p, SLV_DYN_SLOT_MISUSED,
                        "The function is not allowed to be used this way in an expression; "
                        "function: %.*s",
                        SLV_STR_ARGS(x->function));
}

/* A size is no condition. */
static slv_code note_size(slv_dyn_parser *p, const piece *x)
{
    if (!x->function.ptr || !slv_str_is(x->function, "size"))
        return SLV_OK;
    return slv_dyn_note(p, SLV_DYN_SLOT_MISUSED,
                        "The function is not allowed to be used this way in an expression; "
                        "function: size");
}

static slv_code note_distinct(slv_dyn_parser *p, slv_str name, const slv_dyn_expr *a,
                              const slv_dyn_expr *b)
{
    slv_str text;

    if (a->op != SLV_DYN_OP_PATH || b->op != SLV_DYN_OP_PATH ||
        p->slots[SLV_DYN_SLOT_DISTINCT].ptr || !slv_dyn_path_eq(&a->path, &b->path))
        return SLV_OK;
    SLV_TRY(slv_dyn_path_text(p->sc, &a->path, &text));
    return slv_dyn_note(p, SLV_DYN_SLOT_DISTINCT,
                        "The first operand must be distinct from the remaining operands for this "
                        "operator or function; operator: %.*s, first operand: %.*s",
                        SLV_STR_ARGS(name), SLV_STR_ARGS(text));
}

/* The type that an operand has whatever the item; NULL: it depends. */
static const char *known_type(const slv_dyn_expr *e)
{
    if (e->op == SLV_DYN_OP_SIZE)
        return "N";
    if (e->op == SLV_DYN_OP_VALUE && e->value)
        return slv_dyn_type_name((slv_dyn_type)e->value->type);
    return NULL;
}

static slv_code note_type(slv_dyn_parser *p, slv_str name, const char *type)
{
    return slv_dyn_note(p, SLV_DYN_SLOT_FUNCTION,
                        "Incorrect operand type for operator or function; operator or function: "
                        "%.*s, operand type: %s",
                        SLV_STR_ARGS(name), type);
}

/* As the operands of an order: S, N or B. */
static slv_code note_ordered(slv_dyn_parser *p, slv_str name, const slv_dyn_expr *e)
{
    if (e->op != SLV_DYN_OP_VALUE || !e->value ||
        slv_dyn_type_scalar_key((slv_dyn_type)e->value->type))
        return SLV_OK;
    return note_type(p, name, known_type(e));
}

static slv_code note_attribute_type(slv_dyn_parser *p, slv_str name, const slv_dyn_expr *e)
{
    const char *type = known_type(e);
    slv_dyn_type ignored;

    if (!type || strcmp(type, "S") != 0)
        return note_type(p, name, type ? type : "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}");
    if (slv_dyn_type_parse(e->value->bytes, &ignored))
        return SLV_OK;
    return slv_dyn_note(p, SLV_DYN_SLOT_FUNCTION,
                        "Invalid attribute type name found; type: %.*s, valid types: "
                        "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
                        SLV_STR_ARGS(e->value->bytes));
}

static slv_code note_begins_with(slv_dyn_parser *p, slv_str name, slv_dyn_expr *const *args)
{
    for (uint32_t i = 0; i < 2; i++) {
        const char *type = known_type(args[i]);

        if (type && strcmp(type, "S") != 0 && strcmp(type, "B") != 0)
            return note_type(p, name, type);
    }
    return SLV_OK;
}

static slv_code note_call(slv_dyn_parser *p, slv_str name, slv_dyn_op op, slv_dyn_expr *const *args)
{
    const char *type;

    switch ((int)op) {
    case SLV_DYN_OP_EXISTS:
    case SLV_DYN_OP_NOT_EXISTS:
        if (args[0]->op == SLV_DYN_OP_PATH)
            return SLV_OK;
        return slv_dyn_note(p, SLV_DYN_SLOT_FUNCTION,
                            "Operator or function requires a document path; operator or function: "
                            "%.*s",
                            SLV_STR_ARGS(name));
    case SLV_DYN_OP_BEGINS_WITH:
        return note_begins_with(p, name, args);
    case SLV_DYN_OP_ATTRIBUTE_TYPE:
        return note_attribute_type(p, name, args[1]);
    case SLV_DYN_OP_SIZE:
        type = known_type(args[0]);
        if (type && (!strcmp(type, "N") || !strcmp(type, "BOOL") || !strcmp(type, "NULL")))
            return note_type(p, name, type);
        return SLV_OK;
    default:
        return SLV_OK;
    }
}

static slv_code note_bounds(slv_dyn_parser *p, const slv_dyn_expr *lo, const slv_dyn_expr *hi)
{
    const slv_dyn_value *a = lo->op == SLV_DYN_OP_VALUE ? lo->value : NULL;
    const slv_dyn_value *b = hi->op == SLV_DYN_OP_VALUE ? hi->value : NULL;
    slv_str x, y;

    if (!a || !b || p->slots[SLV_DYN_SLOT_FUNCTION].ptr)
        return SLV_OK;
    if (a->type == b->type &&
        (!slv_dyn_type_scalar_key((slv_dyn_type)a->type) || slv_dyn_value_cmp(a, b) <= 0))
        return SLV_OK;
    SLV_TRY(slv_dyn_value_text(p->sc, a, &x));
    SLV_TRY(slv_dyn_value_text(p->sc, b, &y));
    return slv_dyn_note(p, SLV_DYN_SLOT_FUNCTION,
                        "The BETWEEN operator requires %s; lower bound operand: AttributeValue: "
                        "%.*s, upper bound operand: AttributeValue: %.*s",
                        a->type != b->type
                            ? "same data type for lower and upper bounds"
                            : "upper bound to be greater than or equal to lower bound",
                        SLV_STR_ARGS(x), SLV_STR_ARGS(y));
}

/* What the first condition that has something wrong has wrong is what counts. */
static slv_code settle(slv_dyn_parser *p)
{
    static const slv_dyn_slot order[] = {SLV_DYN_SLOT_NAME, SLV_DYN_SLOT_COUNT,
                                         SLV_DYN_SLOT_DISTINCT, SLV_DYN_SLOT_FUNCTION};

    for (size_t i = 0; i < SLV_ARRAY_LEN(order) && !p->slots[SLV_DYN_SLOT_CONDITION].ptr; i++)
        p->slots[SLV_DYN_SLOT_CONDITION] = p->slots[order[i]];
    return SLV_OK;
}

/* ---- grammar ---- */

/* Operands between parentheses and commas; the opening one was read. */
static slv_code parse_operands(slv_dyn_parser *p, slv_dyn_expr **args, uint32_t room,
                               uint32_t *ret_count)
{
    uint32_t n = 0;

    for (;;) {
        piece x;

        SLV_TRY(parse_operand(p, &x));
        SLV_TRY(note_misused(p, &x));
        if (n < room)
            args[n] = x.e;
        n++;
        if (!slv_dyn_at(p, ","))
            break;
        slv_dyn_next(p);
    }
    *ret_count = n;
    return slv_dyn_expect(p, ")");
}

static slv_code parse_call(slv_dyn_parser *p, slv_str name, piece *ret)
{
    const function_row *row = NULL;
    slv_dyn_expr *args[2] = {NULL};
    uint32_t count;

    slv_dyn_next(p); /* the parenthesis */
    SLV_TRY(slv_dyn_count_operator(p));
    SLV_TRY(parse_operands(p, args, 2, &count));
    for (size_t i = 0; i < SLV_ARRAY_LEN(functions) && !row; i++)
        if (slv_str_is(name, functions[i].name))
            row = &functions[i];
    *ret = (piece){.function = name, .operand = true};
    SLV_TRY(slv_dyn_expr_call(p->sc, row ? row->op : SLV_DYN_OP_UNKNOWN, args, SLV_MIN(count, 2U),
                              &ret->e));
    if (!row)
        return slv_dyn_note(p, SLV_DYN_SLOT_FUNCTION_NAME, "Invalid function name; function: %.*s",
                            SLV_STR_ARGS(name));
    if (count != row->operands)
        return slv_dyn_note(p, SLV_DYN_SLOT_COUNT,
                            "Incorrect number of operands for operator or function; operator or "
                            "function: %.*s, number of operands: %u",
                            SLV_STR_ARGS(name), count);
    if (count == 2)
        SLV_TRY(note_distinct(p, name, args[0], args[1]));
    return note_call(p, name, row->op, args);
}

/* A function, value or path that does not begin with a parenthesis. */
static slv_code parse_plain_operand(slv_dyn_parser *p, piece *ret)
{
    *ret = (piece){.operand = true};
    if (p->cur.kind == SLV_DYN_TOKEN_VALUE) {
        SLV_TRY(slv_dyn_expr_new(p->sc, SLV_DYN_OP_VALUE, &ret->e));
        return slv_dyn_parse_value(p, SLV_DYN_SLOT_NAME, &ret->e->value);
    }
    if (p->cur.kind == SLV_DYN_TOKEN_WORD && !slv_dyn_at_keyword(p)) {
        slv_dyn_parser ahead = *p;

        slv_dyn_next(&ahead);
        if (slv_dyn_at(&ahead, "(")) {
            slv_str name = p->cur.text;

            slv_dyn_next(p);
            return parse_call(p, name, ret);
        }
    }
    SLV_TRY(slv_dyn_expr_new(p->sc, SLV_DYN_OP_PATH, &ret->e));
    return slv_dyn_parse_path(p, &ret->e->path);
}

static slv_code enter(slv_dyn_parser *p)
{
    if (++p->depth > SLV_DYN_EXPR_DEPTH)
        return slv_dyn_invalid(p->sc, "Invalid %s: The expression is nested too deeply", p->param);
    return SLV_OK;
}

/* Closes a parenthesis around x, and goes on where x is a path. */
static slv_code close_parens(slv_dyn_parser *p, piece *x)
{
    SLV_TRY(slv_dyn_expect(p, ")"));
    if (x->parens)
        SLV_TRY(slv_dyn_note(p, SLV_DYN_SLOT_PARENS, "The expression has redundant parentheses;"));
    x->parens = true;
    if (x->e->op == SLV_DYN_OP_PATH && (slv_dyn_at(p, ".") || slv_dyn_at(p, "["))) {
        x->parens = false;
        return slv_dyn_parse_steps(p, &x->e->path);
    }
    return SLV_OK;
}

static slv_code parse_operand(slv_dyn_parser *p, piece *ret)
{
    if (!slv_dyn_at(p, "("))
        return parse_plain_operand(p, ret);
    SLV_TRY(enter(p));
    slv_dyn_next(p);
    SLV_TRY(parse_operand(p, ret));
    p->depth--;
    return close_parens(p, ret);
}

static slv_code parse_comparison(slv_dyn_parser *p, piece *x, slv_dyn_op op)
{
    slv_str name = p->cur.text;
    piece y;
    slv_dyn_expr *args[2];

    slv_dyn_next(p);
    SLV_TRY(slv_dyn_count_operator(p));
    SLV_TRY(parse_operand(p, &y));
    SLV_TRY(note_misused(p, x));
    SLV_TRY(note_misused(p, &y));
    SLV_TRY(note_distinct(p, name, x->e, y.e));
    if (op != SLV_DYN_OP_EQ && op != SLV_DYN_OP_NE) {
        SLV_TRY(note_ordered(p, name, x->e));
        SLV_TRY(note_ordered(p, name, y.e));
    }
    args[0] = x->e;
    args[1] = y.e;
    *x = (piece){0};
    SLV_TRY(slv_dyn_expr_call(p->sc, op, args, 2, &x->e));
    return settle(p);
}

static slv_code parse_between(slv_dyn_parser *p, piece *x)
{
    slv_dyn_expr *args[3] = {x->e};

    slv_dyn_next(p);
    SLV_TRY(slv_dyn_count_operator(p));
    SLV_TRY(note_misused(p, x));
    for (size_t i = 1; i < 3; i++) {
        piece y;

        if (i == 2) {
            if (!slv_dyn_at_word(p, "AND"))
                return slv_dyn_fail_syntax(p);
            slv_dyn_next(p);
        }
        SLV_TRY(parse_operand(p, &y));
        SLV_TRY(note_misused(p, &y));
        args[i] = y.e;
    }
    SLV_TRY(note_bounds(p, args[1], args[2]));
    for (size_t i = 0; i < 3; i++)
        SLV_TRY(note_ordered(p, SLV_STR("BETWEEN"), args[i]));
    *x = (piece){0};
    SLV_TRY(slv_dyn_expr_call(p->sc, SLV_DYN_OP_BETWEEN, args, 3, &x->e));
    return settle(p);
}

static slv_code parse_in(slv_dyn_parser *p, piece *x)
{
    slv_dyn_expr *args[1 + SLV_DYN_EXPR_IN] = {x->e};
    uint32_t count;

    slv_dyn_next(p);
    SLV_TRY(slv_dyn_count_operator(p));
    SLV_TRY(slv_dyn_expect(p, "("));
    SLV_TRY(note_misused(p, x));
    SLV_TRY(parse_operands(p, args + 1, SLV_DYN_EXPR_IN, &count));
    if (count > SLV_DYN_EXPR_IN)
        SLV_TRY(slv_dyn_note(p, SLV_DYN_SLOT_COUNT,
                             "The IN operator is provided with too many operands; number of "
                             "operands: %u",
                             count));
    *x = (piece){0};
    SLV_TRY(slv_dyn_expr_call(p->sc, SLV_DYN_OP_IN, args, 1 + SLV_MIN(count, SLV_DYN_EXPR_IN + 0U),
                              &x->e));
    return settle(p);
}

static bool comparator(const slv_dyn_parser *p, slv_dyn_op *ret)
{
    static const struct {
        const char *sign;
        slv_dyn_op op;
    } rows[] = {
        {"=", SLV_DYN_OP_EQ},  {"<>", SLV_DYN_OP_NE}, {"<", SLV_DYN_OP_LT},
        {"<=", SLV_DYN_OP_LE}, {">", SLV_DYN_OP_GT},  {">=", SLV_DYN_OP_GE},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++)
        if (slv_dyn_at(p, rows[i].sign)) {
            *ret = rows[i].op;
            return true;
        }
    return false;
}

/* What may follow an operand; leaves it as it is where nothing does. */
static slv_code parse_rest(slv_dyn_parser *p, piece *x)
{
    slv_dyn_op op;

    if (comparator(p, &op))
        return parse_comparison(p, x, op);
    if (slv_dyn_at_word(p, "BETWEEN"))
        return parse_between(p, x);
    if (slv_dyn_at_word(p, "IN"))
        return parse_in(p, x);
    return x->function.ptr ? settle(p) : SLV_OK;
}

/* A condition, or an operand in or before parentheses that close. */
static slv_code parse_simple(slv_dyn_parser *p, piece *ret)
{
    if (!slv_dyn_at(p, "(")) {
        SLV_TRY(parse_plain_operand(p, ret));
        return parse_rest(p, ret);
    }
    SLV_TRY(enter(p));
    slv_dyn_next(p);
    SLV_TRY(parse_or(p, ret));
    p->depth--;
    SLV_TRY(close_parens(p, ret));
    return ret->operand ? parse_rest(p, ret) : SLV_OK;
}

/* Fails where x cannot stand as a condition: nothing that makes it one follows. */
static slv_code require_condition(slv_dyn_parser *p, const piece *x)
{
    return x->operand && !x->function.ptr ? slv_dyn_fail_syntax(p) : SLV_OK;
}

static slv_code parse_not(slv_dyn_parser *p, piece *ret)
{
    if (!slv_dyn_at_word(p, "NOT"))
        return parse_simple(p, ret);
    SLV_TRY(enter(p));
    slv_dyn_next(p);
    SLV_TRY(slv_dyn_count_operator(p));
    SLV_TRY(parse_not(p, ret));
    p->depth--;
    SLV_TRY(require_condition(p, ret));
    SLV_TRY(note_size(p, ret));
    slv_dyn_expr *arg = ret->e;

    *ret = (piece){0};
    return slv_dyn_expr_call(p->sc, SLV_DYN_OP_NOT, &arg, 1, &ret->e);
}

typedef slv_code level_fn(slv_dyn_parser *p, piece *ret);

/* Left to right; the tree leans to the left, as deep as there are operators. */
static slv_code parse_chain(slv_dyn_parser *p, const char *word, slv_dyn_op op, level_fn *inner,
                            piece *ret)
{
    SLV_TRY(inner(p, ret));
    while (slv_dyn_at_word(p, word)) {
        slv_dyn_expr *args[2] = {ret->e};
        piece y;

        SLV_TRY(require_condition(p, ret));
        SLV_TRY(note_size(p, ret));
        slv_dyn_next(p);
        SLV_TRY(slv_dyn_count_operator(p));
        SLV_TRY(inner(p, &y));
        SLV_TRY(require_condition(p, &y));
        SLV_TRY(note_size(p, &y));
        args[1] = y.e;
        *ret = (piece){0};
        SLV_TRY(slv_dyn_expr_call(p->sc, op, args, 2, &ret->e));
    }
    return SLV_OK;
}

static slv_code parse_and(slv_dyn_parser *p, piece *ret)
{
    return parse_chain(p, "AND", SLV_DYN_OP_AND, parse_not, ret);
}

static slv_code parse_or(slv_dyn_parser *p, piece *ret)
{
    return parse_chain(p, "OR", SLV_DYN_OP_OR, parse_and, ret);
}

slv_code slv_dyn_condition_parse(slv_dyn_scope *sc, slv_dyn_subst *subst, const char *param,
                                 slv_str text, slv_dyn_expr **ret)
{
    static const slv_dyn_slot order[] = {SLV_DYN_SLOT_PARENS,  SLV_DYN_SLOT_FUNCTION_NAME,
                                         SLV_DYN_SLOT_MISUSED, SLV_DYN_SLOT_RESERVED,
                                         SLV_DYN_SLOT_LIMIT,   SLV_DYN_SLOT_CONDITION};
    slv_dyn_parser p;
    piece x;

    SLV_TRY(slv_dyn_parser_start(&p, sc, subst, param, text, keywords));
    SLV_TRY(parse_or(&p, &x));
    if (p.cur.kind != SLV_DYN_TOKEN_END)
        return slv_dyn_fail_syntax(&p);
    SLV_TRY(require_condition(&p, &x));
    SLV_TRY(note_size(&p, &x));
    SLV_TRY(slv_dyn_fail_noted(&p, order, SLV_ARRAY_LEN(order)));
    *ret = x.e;
    return SLV_OK;
}
