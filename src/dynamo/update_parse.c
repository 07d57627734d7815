/*
 * The grammar of updates.
 *
 *   update  = section { section }                       each kind once
 *   section = SET path "=" value { "," ... } | REMOVE path { "," path }
 *           | ADD path :value { "," ... }    | DELETE path :value { "," ... }
 *   value   = "(" sum ")" | sum
 *   sum     = operand [ ("+" | "-") operand ]
 *   operand = "(" plain ")" | plain
 *   plain   = word "(" operand { "," operand } ")" | :value | path
 */
#include "dynamo/parse_int.h"

static const char *const keywords[] = {"SET", "REMOVE", "ADD", "DELETE", NULL};

typedef struct actions {
    slv_dyn_action *items;
    slv_dyn_path *paths;
    uint32_t count, room;
} actions;

static slv_code parse_operand(slv_dyn_parser *p, slv_dyn_expr **ret);

/* The type a value has whatever the item; false: it depends. */
static bool known_type(const slv_dyn_expr *e, slv_dyn_type *ret)
{
    switch ((int)e->op) {
    case SLV_DYN_OP_VALUE:
        if (!e->value)
            return false;
        *ret = (slv_dyn_type)e->value->type;
        return true;
    case SLV_DYN_OP_PLUS:
    case SLV_DYN_OP_MINUS:
        *ret = SLV_DYN_N;
        return true;
    case SLV_DYN_OP_LIST_APPEND:
        *ret = SLV_DYN_L;
        return true;
    case SLV_DYN_OP_IF_NOT_EXISTS:
        return e->count > 1 && known_type(e->args[1], ret);
    default:
        return false;
    }
}

/* Notes an operand that is a value of another type than wanted. */
static slv_code note_operands(slv_dyn_parser *p, slv_str name, slv_dyn_expr *const *args,
                              slv_dyn_type wanted)
{
    for (uint32_t i = 0; i < 2; i++)
        if (args[i]->op == SLV_DYN_OP_VALUE && args[i]->value && args[i]->value->type != wanted)
            return slv_dyn_note(p, SLV_DYN_SLOT_FUNCTION,
                                "Incorrect operand type for operator or function; operator or "
                                "function: %.*s, operand type: %s",
                                SLV_STR_ARGS(name),
                                slv_dyn_type_name((slv_dyn_type)args[i]->value->type));
    return SLV_OK;
}

static slv_code parse_call(slv_dyn_parser *p, slv_str name, slv_dyn_expr **ret)
{
    slv_dyn_expr *args[2] = {NULL}, *arg;
    slv_dyn_op op = slv_str_is(name, "if_not_exists") ? SLV_DYN_OP_IF_NOT_EXISTS
                    : slv_str_is(name, "list_append") ? SLV_DYN_OP_LIST_APPEND
                                                      : SLV_DYN_OP_UNKNOWN;
    uint32_t count = 0;

    if (++p->depth > SLV_DYN_EXPR_DEPTH)
        return slv_dyn_invalid(p->sc, "Invalid %s: The expression is nested too deeply", p->param);
    SLV_TRY(slv_dyn_count_operator(p));
    do {
        slv_dyn_next(p); /* the parenthesis, or a comma */
        SLV_TRY(parse_operand(p, &arg));
        if (count < 2)
            args[count] = arg;
        count++;
    } while (slv_dyn_at(p, ","));
    p->depth--;
    SLV_TRY(slv_dyn_expect(p, ")"));
    SLV_TRY(slv_dyn_expr_call(p->sc, op, args, SLV_MIN(count, 2U), ret));
    if (op == SLV_DYN_OP_UNKNOWN)
        return slv_dyn_note(p, SLV_DYN_SLOT_FUNCTION_NAME, "Invalid function name; function: %.*s",
                            SLV_STR_ARGS(name));
    if (count != 2)
        return slv_dyn_note(p, SLV_DYN_SLOT_FUNCTION,
                            "Incorrect number of operands for operator or function; operator or "
                            "function: %.*s, number of operands: %u",
                            SLV_STR_ARGS(name), count);
    if (op == SLV_DYN_OP_LIST_APPEND)
        return note_operands(p, name, args, SLV_DYN_L);
    if (args[0]->op == SLV_DYN_OP_PATH)
        return SLV_OK;
    return slv_dyn_note(p, SLV_DYN_SLOT_FUNCTION,
                        "Operator or function requires a document path; operator or function: %.*s",
                        SLV_STR_ARGS(name));
}

static slv_code parse_plain(slv_dyn_parser *p, slv_dyn_expr **ret)
{
    if (p->cur.kind == SLV_DYN_TOKEN_VALUE) {
        SLV_TRY(slv_dyn_expr_new(p->sc, SLV_DYN_OP_VALUE, ret));
        return slv_dyn_parse_value(p, SLV_DYN_SLOT_VALUE, &(*ret)->value);
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
    SLV_TRY(slv_dyn_expr_new(p->sc, SLV_DYN_OP_PATH, ret));
    return slv_dyn_parse_path(p, &(*ret)->path);
}

static slv_code parse_operand(slv_dyn_parser *p, slv_dyn_expr **ret)
{
    if (!slv_dyn_at(p, "("))
        return parse_plain(p, ret);
    slv_dyn_next(p);
    SLV_TRY(parse_plain(p, ret));
    return slv_dyn_expect(p, ")");
}

/* The sum goes on where a sign follows its first operand. */
static slv_code parse_sum(slv_dyn_parser *p, slv_dyn_expr **ret)
{
    slv_dyn_expr *args[2];
    slv_str name = p->cur.text;

    if (!slv_dyn_at(p, "+") && !slv_dyn_at(p, "-"))
        return SLV_OK;
    slv_dyn_next(p);
    SLV_TRY(slv_dyn_count_operator(p));
    args[0] = *ret;
    SLV_TRY(parse_operand(p, &args[1]));
    SLV_TRY(slv_dyn_expr_call(p->sc, name.ptr[0] == '+' ? SLV_DYN_OP_PLUS : SLV_DYN_OP_MINUS, args,
                              2, ret));
    return note_operands(p, name, args, SLV_DYN_N);
}

static slv_code parse_set_value(slv_dyn_parser *p, slv_dyn_expr **ret)
{
    if (!slv_dyn_at(p, "(")) {
        SLV_TRY(parse_plain(p, ret));
        return parse_sum(p, ret);
    }
    /* "(a) + b", "(a + b)", "((a) + b)", "(a)" */
    slv_dyn_next(p);
    SLV_TRY(parse_operand(p, ret));
    if (slv_dyn_at(p, ")")) {
        slv_dyn_next(p);
        return parse_sum(p, ret);
    }
    if (!slv_dyn_at(p, "+") && !slv_dyn_at(p, "-"))
        return slv_dyn_fail_syntax(p);
    SLV_TRY(parse_sum(p, ret));
    return slv_dyn_expect(p, ")");
}

static slv_code note_operand(slv_dyn_parser *p, slv_dyn_action_kind kind, const slv_dyn_value *v)
{
    static const char *const names[SLV_DYN_TYPES] = {
        [SLV_DYN_S] = "STRING",     [SLV_DYN_N] = "NUMBER", [SLV_DYN_B] = "BINARY",
        [SLV_DYN_NULL] = "NULL",    [SLV_DYN_L] = "LIST",   [SLV_DYN_M] = "MAP",
        [SLV_DYN_BOOL] = "BOOLEAN",
    };

    if (!v || !names[v->type] || (kind == SLV_DYN_ADD && v->type == SLV_DYN_N))
        return SLV_OK;
    return slv_dyn_note(p, SLV_DYN_SLOT_OPERAND,
                        "Incorrect operand type for operator or function; operator: %s, operand "
                        "type: %s",
                        kind == SLV_DYN_ADD ? "ADD" : "DELETE", names[v->type]);
}

static slv_code grow(slv_dyn_parser *p, actions *all)
{
    slv_dyn_action *items = NULL;
    slv_dyn_path *paths = NULL;
    uint32_t room = all->room ? all->room * 2 : 8;

    if (all->count < all->room)
        return SLV_OK;
    SLV_DYN_NEW_N(p->sc, &items, room);
    SLV_DYN_NEW_N(p->sc, &paths, room);
    if (all->count) {
        memcpy(items, all->items, all->count * sizeof *items);
        memcpy(paths, all->paths, all->count * sizeof *paths);
    }
    all->items = items;
    all->paths = paths;
    all->room = room;
    return SLV_OK;
}

static slv_code parse_action(slv_dyn_parser *p, slv_dyn_action_kind kind, actions *all)
{
    slv_dyn_action *a;
    slv_dyn_expr *value = NULL;

    SLV_TRY(grow(p, all));
    a = &all->items[all->count];
    *a = (slv_dyn_action){.kind = kind};
    SLV_TRY(slv_dyn_parse_path(p, &a->path));
    if (kind == SLV_DYN_SET) {
        SLV_TRY(slv_dyn_expect(p, "="));
        SLV_TRY(parse_set_value(p, &value));
        SLV_ASSERT(value);
        a->typed = known_type(value, &a->type);
    } else if (kind != SLV_DYN_REMOVE) {
        if (p->cur.kind != SLV_DYN_TOKEN_VALUE)
            return slv_dyn_fail_syntax(p);
        SLV_TRY(slv_dyn_count_operator(p));
        SLV_TRY(slv_dyn_expr_new(p->sc, SLV_DYN_OP_VALUE, &value));
        SLV_TRY(slv_dyn_parse_value(p, SLV_DYN_SLOT_VALUE, &value->value));
        SLV_TRY(note_operand(p, kind, value->value));
        a->typed = known_type(value, &a->type);
    }
    a->value = value;
    SLV_TRY(slv_dyn_note_overlap(p, all->paths, all->count, &a->path));
    all->paths[all->count++] = a->path;
    return SLV_OK;
}

slv_code slv_dyn_update_parse(slv_dyn_scope *sc, slv_dyn_subst *subst, slv_str text,
                              slv_dyn_update *ret)
{
    static const slv_dyn_slot order[] = {SLV_DYN_SLOT_RESERVED, SLV_DYN_SLOT_FUNCTION_NAME,
                                         SLV_DYN_SLOT_SECTION,  SLV_DYN_SLOT_NAME,
                                         SLV_DYN_SLOT_VALUE,    SLV_DYN_SLOT_LIMIT,
                                         SLV_DYN_SLOT_OVERLAP,  SLV_DYN_SLOT_CONFLICT,
                                         SLV_DYN_SLOT_OPERAND,  SLV_DYN_SLOT_FUNCTION};
    slv_dyn_parser p;
    actions all = {.items = NULL};
    bool used[4] = {false};

    SLV_TRY(slv_dyn_parser_start(&p, sc, subst, "UpdateExpression", text, keywords));
    do {
        uint32_t kind = 0;

        while (kind < 4 && !slv_dyn_at_word(&p, keywords[kind]))
            kind++;
        if (kind == 4)
            return slv_dyn_fail_syntax(&p);
        do {
            slv_dyn_next(&p); /* the keyword, or a comma */
            SLV_TRY(parse_action(&p, (slv_dyn_action_kind)kind, &all));
        } while (slv_dyn_at(&p, ","));
        if (used[kind])
            SLV_TRY(slv_dyn_note(&p, SLV_DYN_SLOT_SECTION,
                                 "The \"%s\" section can only be used once in an update "
                                 "expression;",
                                 keywords[kind]));
        used[kind] = true;
    } while (p.cur.kind != SLV_DYN_TOKEN_END);
    SLV_TRY(slv_dyn_fail_noted(&p, order, SLV_ARRAY_LEN(order)));
    *ret =
        (slv_dyn_update){.actions = all.items, .count = all.count, .paths = {all.paths, all.count}};
    return SLV_OK;
}
