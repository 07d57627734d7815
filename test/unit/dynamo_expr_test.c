/* Expressions of the table store: what is refused, what conditions say, what updates do. */
#include <stdio.h>

#include "dynamo/update.h"
#include "fmt/json.h"
#include "support/tap.h"

#define ARENA ((size_t)16 << 20)

typedef struct rig {
    slv_arena arena;
    slv_dyn_scope sc;
    slv_dyn_subst subst;
} rig;

static void rig_done(rig *r)
{
    slv_arena_done(&r->arena);
}
SLV_DEFINE_CLEANUP_DONE(rig, rig_done);

static slv_node *node(rig *r, const char *json)
{
    slv_node *n = NULL;

    if (json && slv_json_parse(slv_str_from(json), SLV_JSON_STRICT, &r->arena, &n, NULL) != SLV_OK)
        tap_failed(__FILE__, __LINE__, "bad JSON in test: %s", json);
    return n;
}

/* names and values may be NULL. */
static bool rig_init(rig *r, const char *names, const char *values)
{
    r->arena = SLV_ARENA(ARENA);
    r->sc = SLV_DYN_SCOPE(&r->arena);
    return slv_dyn_subst_init(&r->sc, node(r, names), node(r, values), &r->subst) == SLV_OK;
}

static slv_dyn_value item(rig *r, const char *json)
{
    slv_dyn_value v = {.type = SLV_DYN_M};

    if (slv_dyn_item_parse(&r->sc, node(r, json), &v) != SLV_OK)
        tap_failed(__FILE__, __LINE__, "bad item in test: %s", json);
    return v;
}

#define VALUES                                                                                     \
    "{\":n\":{\"N\":\"5\"},\":m\":{\"N\":\"3\"},\":s\":{\"S\":\"abc\"},\":t\":{\"S\":\"b\"},"      \
    "\":l\":{\"L\":[{\"N\":\"1\"}]},\":ss\":{\"SS\":[\"a\",\"b\"]},\":ns\":{\"NS\":[\"1\",\"2\"]}" \
    ","                                                                                            \
    "\":b\":{\"B\":\"YWJj\"},\":bool\":{\"BOOL\":true},\":null\":{\"NULL\":true},"                 \
    "\":type\":{\"S\":\"SS\"},\":map\":{\"M\":{}}}"
#define NAMES "{\"#a\":\"a\",\"#dot\":\"x.y\"}"

/* ---- refusals ---- */

static void refused(const char *param, const char *text, const char *want)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    slv_dyn_expr *e;
    slv_dyn_update u;
    slv_dyn_paths p;
    slv_code code;
    char full[1024];

    CHECK(rig_init(&r, NAMES, VALUES));
    if (!strcmp(param, "UpdateExpression"))
        code = slv_dyn_update_parse(&r.sc, &r.subst, slv_str_from(text), &u);
    else if (!strcmp(param, "ProjectionExpression"))
        code = slv_dyn_projection_parse(&r.sc, &r.subst, slv_str_from(text), &p);
    else
        code = slv_dyn_condition_parse(&r.sc, &r.subst, param, slv_str_from(text), &e);
    if (code != SLV_E_INVAL) {
        tap_failed(__FILE__, __LINE__, "accepted: %s", text);
        return;
    }
    (void)snprintf(full, sizeof full, "Invalid %s: %s", param, want);
    CHECK_STR(r.sc.message, slv_str_from(full));
}

TEST(syntax_errors_name_the_token_and_what_stands_around_it)
{
    const char *u = "UpdateExpression", *c = "ConditionExpression", *p = "ProjectionExpression";

    refused(u, "INVALID SYNTAX HERE", "Syntax error; token: \"INVALID\", near: \"INVALID SYNTAX\"");
    refused(u, "ADD hits : incr", "Syntax error; token: \":\", near: \"hits : incr\"");
    refused(u, "SET a = :n,", "Syntax error; token: \"<EOF>\", near: \",\"");
    refused(u, "SET a = :n + ", "Syntax error; token: \"<EOF>\", near: \"+\"");
    refused(u, "SET a, #,", "Syntax error; token: \",\", near: \"a, #\"");
    refused(u, "SET a = :n + :n + :n", "Syntax error; token: \"+\", near: \":n + :n\"");
    refused(u, "SET set = :n", "Syntax error; token: \"set\", near: \"SET set =\"");
    refused(u, "SET _123 = :n", "Syntax error; token: \"_\", near: \"SET _123\"");
    refused(u, "SET 12a = :n", "Syntax error; token: \"12\", near: \"SET 12a\"");
    refused(c, "a-b", "Syntax error; token: \"-\", near: \"a-b\"");
    refused(c, "foo", "Syntax error; token: \"<EOF>\", near: \"foo\"");
    refused(c, "attribute_not_exists(", "Syntax error; token: \"<EOF>\", near: \"(\"");
    refused(c, "a AND b", "Syntax error; token: \"AND\", near: \"a AND b\"");
    refused(c, "(a) = ", "Syntax error; token: \"<EOF>\", near: \"=\"");
    refused(c, "a = :n b", "Syntax error; token: \"b\", near: \":n b\"");
    refused(c, "a in b", "Syntax error; token: \"b\", near: \"in b\"");
    refused(c, "size(a)[0] > b", "Syntax error; token: \"[\", near: \")[0\"");
    refused(c, "\xC3\xBC > a", "Syntax error; token: \"\xC3\xBC\", near: \"\xC3\xBC >\"");
    refused(p, "!!! INVALID !!!", "Syntax error; token: \"!\", near: \"!!\"");
    refused(p, "a,", "Syntax error; token: \"<EOF>\", near: \",\"");
    refused(p, "a b", "Syntax error; token: \"b\", near: \"a b\"");
    refused(p, "a[b]", "Syntax error; token: \"b\", near: \"[b]\"");
    refused(p, "", "The expression can not be empty;");
    refused(p, " \t", "The expression can not be empty;");
}

TEST(condition_checks_come_in_order)
{
    const char *c = "FilterExpression";

    refused(c, "((a = :n))", "The expression has redundant parentheses;");
    refused(c, "a > ((b))", "The expression has redundant parentheses;");
    refused(c, "whatever(a) AND ((b = :n))", "The expression has redundant parentheses;");
    refused(c, "Size(a) = :n", "Invalid function name; function: Size");
    refused(c, "size(a)",
            "The function is not allowed to be used this way in an expression; "
            "function: size");
    refused(c, "contains(a, :s) = :bool",
            "The function is not allowed to be used this way in an expression; function: contains");
    refused(c, "status = :n", "Attribute name is a reserved keyword; reserved keyword: status");
    refused(c, "#b = :n",
            "An expression attribute name used in the document path is not defined; attribute "
            "name: #b");
    refused(c, "a = :zz",
            "An expression attribute value used in expression is not defined; attribute value: "
            ":zz");
    refused(c, "attribute_exists(a, b)",
            "Incorrect number of operands for operator or function; operator or function: "
            "attribute_exists, number of operands: 2");
    refused(c, "a.b[1] = a.b[1]",
            "The first operand must be distinct from the remaining operands for this operator or "
            "function; operator: =, first operand: [a, b, [1]]");
    refused(c, "begins_with(a, :n)",
            "Incorrect operand type for operator or function; operator or function: begins_with, "
            "operand type: N");
    refused(c, "a < :l",
            "Incorrect operand type for operator or function; operator or function: <, operand "
            "type: L");
    refused(c, "attribute_type(a, :s)",
            "Invalid attribute type name found; type: abc, valid types: "
            "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}");
    refused(c, "attribute_type(a, b)",
            "Incorrect operand type for operator or function; operator or function: "
            "attribute_type, operand type: {NS,SS,L,BS,N,M,B,BOOL,NULL,S}");
    refused(c, "attribute_exists(:s)",
            "Operator or function requires a document path; operator or function: "
            "attribute_exists");
    refused(c, "size(:n) = :n",
            "Incorrect operand type for operator or function; operator or function: size, operand "
            "type: N");
    refused(c, "a BETWEEN :n AND :m",
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
            "lower bound operand: AttributeValue: {N:5}, upper bound operand: AttributeValue: "
            "{N:3}");
    refused(c, "a BETWEEN :n AND :s",
            "The BETWEEN operator requires same data type for lower and upper bounds; lower bound "
            "operand: AttributeValue: {N:5}, upper bound operand: AttributeValue: {S:abc}");
}

TEST(update_checks_come_in_order)
{
    const char *u = "UpdateExpression";

    refused(u, "SET name = :zz", "Attribute name is a reserved keyword; reserved keyword: name");
    refused(u, "SET a = what(b, :n)", "Invalid function name; function: what");
    refused(u, "SET a = :n SET b = :n",
            "The \"SET\" section can only be used once in an update expression;");
    refused(u, "SET #z = :zz",
            "An expression attribute name used in the document path is not defined; attribute "
            "name: #z");
    refused(u, "REMOVE a.b, a.b.c",
            "Two document paths overlap with each other; must remove or rewrite one of these "
            "paths; path one: [a, b], path two: [a, b, c]");
    refused(u, "SET a[1] = :n REMOVE a.b",
            "Two document paths conflict with each other; must remove or rewrite one of these "
            "paths; path one: [a, [1]], path two: [a, b]");
    refused(u, "ADD a :s",
            "Incorrect operand type for operator or function; operator: ADD, operand type: STRING");
    refused(u, "DELETE a :n",
            "Incorrect operand type for operator or function; operator: DELETE, operand type: "
            "NUMBER");
    refused(u, "SET a = b + :s",
            "Incorrect operand type for operator or function; operator or function: +, operand "
            "type: S");
    refused(u, "SET a = list_append(b, :n)",
            "Incorrect operand type for operator or function; operator or function: list_append, "
            "operand type: N");
    refused(u, "SET a = if_not_exists(:n, :n)",
            "Operator or function requires a document path; operator or function: if_not_exists");
    refused(u, "SET a = if_not_exists(b)",
            "Incorrect number of operands for operator or function; operator or function: "
            "if_not_exists, number of operands: 1");
    refused("ProjectionExpression", "a.b, c, a.b",
            "Two document paths overlap with each other; must remove or rewrite one of these "
            "paths; path one: [a, b], path two: [a, b]");
}

/* text repeated n times, between start and end. */
static const char *repeated(slv_buf *b, const char *start, const char *text, int n, const char *end)
{
    slv_buf_reset(b);
    if (slv_buf_append(b, slv_str_from(start)) != SLV_OK)
        return "";
    for (int i = 0; i < n; i++)
        if (slv_buf_append(b, slv_str_from(text)) != SLV_OK)
            return "";
    return slv_buf_append(b, slv_str_from(end)) == SLV_OK ? slv_buf_cstr(b) : "";
}

static bool accepted(const char *text)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    slv_dyn_expr *e;

    return rig_init(&r, NAMES, VALUES) &&
           slv_dyn_condition_parse(&r.sc, &r.subst, "ConditionExpression", slv_str_from(text),
                                   &e) == SLV_OK;
}

TEST(limits_hold_at_the_limit_and_one_past_it)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(10000);
    const char *c = "ConditionExpression";

    CHECK(accepted(repeated(&b, "a = :n", " ", 4090, "")));
    refused(c, repeated(&b, "a = :n", " ", 4091, ""),
            "Expression size has exceeded the maximum allowed size; expression size: 4097");
    /* n comparisons and n - 1 words between them */
    CHECK(accepted(repeated(&b, "a=:n", " OR a=:n", 149, "")));
    CHECK(accepted(repeated(&b, "NOT a=:n", " OR a=:n", 149, "")));
    refused(c, repeated(&b, "NOT NOT a=:n", " OR a=:n", 149, ""),
            "The expression contains too many operators; operator count: 301");
    CHECK(accepted(repeated(&b, "a IN (:n", ",:n", 99, ")")));
    refused(c, repeated(&b, "a IN (:n", ",:n", 100, ")"),
            "The IN operator is provided with too many operands; number of operands: 101");
    CHECK(accepted(repeated(&b, "a", ".a", 31, " = :n")));
    refused(c, repeated(&b, "a", ".a", 32, " = :n"),
            "The document path has too many nesting levels; nesting levels: 33");
    refused(c, repeated(&b, "", "(", 400, "a"), "The expression is nested too deeply");
}

TEST(names_and_values_are_checked)
{
    static const struct {
        const char *names, *values, *want;
    } rows[] = {
        {"{}", NULL, "ExpressionAttributeNames must not be empty"},
        {NULL, "{}", "ExpressionAttributeValues must not be empty"},
        {"{\"a\":\"a\"}", NULL,
         "ExpressionAttributeNames contains invalid key: Syntax error; key: \"a\""},
        {"{\"#\":\"a\"}", NULL,
         "ExpressionAttributeNames contains invalid key: Syntax error; key: \"#\""},
        {NULL, "{\":a-b\":{\"S\":\"\"}}",
         "ExpressionAttributeValues contains invalid key: Syntax error; key: \":a-b\""},
        {NULL, "{\":a\":{}}",
         "ExpressionAttributeValues contains invalid value: Supplied AttributeValue is empty, must "
         "contain exactly one of the supported datatypes for key :a"},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        SLV_CLEANUP(rig_done) rig r = {0};

        CHECK(!rig_init(&r, rows[i].names, rows[i].values));
        CHECK_STR(r.sc.message, slv_str_from(rows[i].want));
    }
}

TEST(names_and_their_keys_have_a_length)
{
    SLV_CLEANUP(slv_buf_done) slv_buf fits = SLV_BUF(200000);
    SLV_CLEANUP(slv_buf_done) slv_buf over = SLV_BUF(200000);

    {
        SLV_CLEANUP(rig_done) rig a = {0}, b = {0}, c = {0}, d = {0}, e = {0};

        CHECK(rig_init(&a, repeated(&fits, "{\"#", "a", 254, "\":\"a\"}"), NULL));
        CHECK(!rig_init(&b, repeated(&over, "{\"#", "a", 255, "\":\"a\"}"), NULL));
        CHECK_STR(b.sc.message,
                  SLV_STR("ExpressionAttributeNames contains invalid key: The expression attribute "
                          "map contains a key that is too long; size of key: 256"));
        CHECK(!rig_init(&c, NULL, repeated(&over, "{\":", "a", 255, "\":{\"S\":\"\"}}")));
        CHECK_STR(
            c.sc.message,
            SLV_STR("ExpressionAttributeValues contains invalid key: The expression attribute "
                    "map contains a key that is too long;"));
        CHECK(rig_init(&d, repeated(&fits, "{\"#a\":\"", "a", 65535, "\"}"), NULL));
        CHECK(!rig_init(&e, repeated(&over, "{\"#a\":\"", "a", 65536, "\"}"), NULL));
        CHECK_STR(e.sc.message, SLV_STR("1 validation error detected: Attribute name is too large, "
                                        "must be less than 65536 bytes"));
    }
    SLV_CLEANUP(rig_done) rig r = {0};

    CHECK(!rig_init(&r, "{\"#a\":\"\"}", NULL));
    CHECK_STR(r.sc.message, SLV_STR("ExpressionAttributeNames contains invalid value: Empty "
                                    "attribute name for key #a"));
}

TEST(names_and_values_that_nothing_uses_are_refused)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    slv_dyn_expr *e;

    CHECK(rig_init(&r, "{\"#a\":\"a\",\"#b\":\"b\",\"#c\":\"c\"}", "{\":v\":{\"S\":\"\"}}"));
    CHECK(slv_dyn_condition_parse(&r.sc, &r.subst, "ConditionExpression", SLV_STR("#b = :v"), &e) ==
          SLV_OK);
    CHECK(slv_dyn_subst_check_used(&r.sc, &r.subst) == SLV_E_INVAL);
    CHECK_STR(r.sc.message, SLV_STR("Value provided in ExpressionAttributeNames unused in "
                                    "expressions: keys: {#a, #c}"));
}

TEST(many_names_are_found)
{
    SLV_CLEANUP(slv_buf_done) slv_buf names = SLV_BUF(10000);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(10000);
    SLV_CLEANUP(rig_done) rig r = {0};
    slv_dyn_paths paths;

    for (int i = 0; i < 100; i++) {
        CHECK(slv_buf_printf(&names, "%c\"#n%d\":\"x%d\"", i ? ',' : '{', i, i) == SLV_OK);
        CHECK(slv_buf_printf(&text, "%s#n%d", i ? "," : "", 99 - i) == SLV_OK);
    }
    CHECK(slv_buf_append(&names, SLV_STR("}")) == SLV_OK);
    CHECK(rig_init(&r, slv_buf_cstr(&names), NULL));
    CHECK(slv_dyn_projection_parse(&r.sc, &r.subst, slv_buf_view(&text), &paths) == SLV_OK);
    CHECK_INT(paths.count, 100);
    CHECK_STR(paths.items[0].steps[0].name, SLV_STR("x99"));
    CHECK(slv_dyn_subst_check_used(&r.sc, &r.subst) == SLV_OK);
}

/* ---- conditions ---- */

#define ITEM                                                                                       \
    "{\"a\":{\"N\":\"4\"},\"s\":{\"S\":\"abcdef\"},\"b\":{\"B\":\"YWJjZA==\"},\"ss\":{\"SS\":["    \
    "\"a\",\"b\"]},\"ns\":{\"NS\":[\"5\",\"7\"]},\"l\":{\"L\":[{\"S\":\"x\"},{\"N\":\"5\"},{"      \
    "\"M\":"                                                                                       \
    "{\"k\":{\"N\":\"9\"}}}]},\"m\":{\"M\":{\"k\":{\"L\":[{\"S\":\"deep\"}]}}},\"t\":{\"BOOL\":"   \
    "true},\"nul\":{\"NULL\":true},\"x.y\":{\"S\":\"dotted\"},\"u\":{\"S\":\"\\ud83d\\ude00\"}}"

static void says(const char *text, bool want)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    slv_dyn_expr *e;
    slv_dyn_value v;

    CHECK(rig_init(&r, NAMES, VALUES));
    if (slv_dyn_condition_parse(&r.sc, &r.subst, "ConditionExpression", slv_str_from(text), &e) !=
        SLV_OK) {
        tap_failed(__FILE__, __LINE__, "%s: %.*s", text, SLV_STR_ARGS(r.sc.message));
        return;
    }
    v = item(&r, ITEM);
    if (slv_dyn_expr_test(e, &v) != want)
        tap_failed(__FILE__, __LINE__, "%s is not %s", text, want ? "true" : "false");
}

TEST(conditions_compare)
{
    says("a = :n", false);
    says("a <> :n", true);
    says("a < :n", true);
    says("a <= :n AND a >= :m", true);
    says("a > :n", false);
    says(":n > a", true);
    says("s > :s", true);
    says("s > :n", false);
    says("s <> :n", true);
    says("zz = :n", false);
    says("zz <> :n", true);
    says("zz < :n", false);
    says("a BETWEEN :m AND :n", true);
    says("zz BETWEEN :m AND :n", false);
    says("a IN (:s, :m, :n)", false);
    says("l[1] IN (:s, :m, :n)", true);
    says("t = :bool AND nul = :null", true);
    says("ss = :ss", true);
    says("m.k[0] > :s", true);
    says("l[2].k > :n", true);
    says("l[7] = :n", false);
    says("a.b = :n", false);
    says("#dot > :s", true);
}

TEST(conditions_call_functions)
{
    says("attribute_exists(m.k) AND attribute_not_exists(m.z)", true);
    says("attribute_exists(nul)", true);
    says("attribute_type(ss, :type)", true);
    says("attribute_type(s, :type)", false);
    says("begins_with(s, :s)", true);
    says("begins_with(b, :b)", true);
    says("begins_with(a, :s)", false);
    says("contains(s, :t)", true);
    says("contains(ss, :t)", true);
    says("contains(ss, :n)", false);
    says("contains(ns, :n)", true);
    says("contains(l, :n)", true);
    says("contains(l, :m)", false);
    says("size(s) > :n", true);
    says("size(l) = :m", true);
    says("size(u) < :m", true);
    says("size(a) < :n", false); /* numbers have none */
    says("size(zz) < :n", false);
    says("size(b) < size(s)", true);
}

TEST(conditions_combine)
{
    says("a = :n OR a < :n AND s = :s", false);
    says("(a = :n OR a < :n) AND NOT s = :s", true);
    says("NOT a = :n AND a < :n", true);
    says("NOT (a < :n OR a = :n)", false);
    says("a = :n or A < :n or a < :n", true);
    says("((a) < (:n)) AND (a) < :n", true);
    says("(m).k[0] > :s", true);
}

/* A random condition of atoms that are known to hold or not, as text; returns what it says. */
static bool random_condition(slv_prng *rng, int depth, int level, slv_buf *out)
{
    static const char *const atoms[] = {
        "a = :n",       "a < :n", "contains(s, :s)", "attribute_exists(zz)", "a BETWEEN :m AND :n",
        "s IN (:n, :m)"};
    uint64_t pick = slv_prng_below(rng, depth > 0 ? 5 : 2);
    bool says_so, paren;

    if (pick < 2) {
        uint64_t i = slv_prng_below(rng, SLV_ARRAY_LEN(atoms));

        (void)!slv_buf_append(out, slv_str_from(atoms[i]));
        return i == 1 || i == 2 || i == 4;
    }
    /* levels: 0 OR, 1 AND, 2 NOT; what binds looser than where it stands needs parentheses */
    paren = (int)pick - 2 < level;
    if (paren)
        (void)!slv_buf_append(out, SLV_STR("("));
    if (pick == 4) {
        (void)!slv_buf_append(out, SLV_STR("NOT "));
        says_so = !random_condition(rng, depth - 1, 3, out);
    } else {
        bool or = pick == 2;

        says_so = random_condition(rng, depth - 1, or ? 0 : 1, out);
        (void)!slv_buf_append(out, or ? SLV_STR(" OR ") : SLV_STR(" AND "));
        bool other = random_condition(rng, depth - 1, or ? 0 : 1, out);

        says_so = or ? says_so || other : says_so && other;
    }
    if (paren)
        (void)!slv_buf_append(out, SLV_STR(")"));
    return says_so;
}

TEST(conditions_of_any_shape_are_read_as_they_were_written)
{
    slv_prng rng;

    slv_prng_seed(&rng, tap_seed());
    for (int i = 0; i < 500; i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(4096);
        bool want = random_condition(&rng, 4, 0, &text);

        says(slv_buf_cstr(&text), want);
    }
}

/* ---- updates ---- */

static void becomes(const char *text, const char *before, const char *want)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(ARENA);
    slv_dyn_update u;
    slv_dyn_value old, new;

    CHECK(rig_init(&r, NAMES, VALUES));
    if (slv_dyn_update_parse(&r.sc, &r.subst, slv_str_from(text), &u) != SLV_OK) {
        tap_failed(__FILE__, __LINE__, "%s: %.*s", text, SLV_STR_ARGS(r.sc.message));
        return;
    }
    old = item(&r, before);
    if (slv_dyn_update_apply(&r.sc, &u, &old, true, &new) != SLV_OK) {
        CHECK_STR(r.sc.message, slv_str_from(want));
        return;
    }
    CHECK(slv_dyn_item_put_json(&new, &b) == SLV_OK);
    CHECK_STR(slv_buf_view(&b), slv_str_from(want));
}

TEST(updates_set_and_remove)
{
    becomes("SET a = :n, #dot = :s", "{\"p\":{\"S\":\"k\"}}",
            "{\"a\":{\"N\":\"5\"},\"p\":{\"S\":\"k\"},\"x.y\":{\"S\":\"abc\"}}");
    becomes("SET a = b, b = a", "{\"a\":{\"N\":\"1\"},\"b\":{\"N\":\"2\"}}",
            "{\"a\":{\"N\":\"2\"},\"b\":{\"N\":\"1\"}}");
    becomes("REMOVE a, c SET d = :t", "{\"a\":{\"N\":\"1\"},\"b\":{\"N\":\"2\"}}",
            "{\"b\":{\"N\":\"2\"},\"d\":{\"S\":\"b\"}}");
}

TEST(updates_compute)
{
    becomes("SET a = a + :n", "{\"a\":{\"N\":\"1.5\"}}", "{\"a\":{\"N\":\"6.5\"}}");
    becomes("SET a = (a - :n)", "{\"a\":{\"N\":\"1.5\"}}", "{\"a\":{\"N\":\"-3.5\"}}");
    becomes("SET a = if_not_exists(a, :m) + :n", "{}", "{\"a\":{\"N\":\"8\"}}");
    becomes("SET a = if_not_exists(a, :m)", "{\"a\":{\"S\":\"\"}}", "{\"a\":{\"S\":\"\"}}");
    becomes("SET a = list_append(if_not_exists(a, :l), :l)", "{}",
            "{\"a\":{\"L\":[{\"N\":\"1\"},{\"N\":\"1\"}]}}");
    becomes("SET a = b + :n", "{}",
            "The provided expression refers to an attribute that does not exist in the item");
    becomes("SET a = b + :n", "{\"b\":{\"S\":\"\"}}",
            "An operand in the update expression has an incorrect data type");
    becomes("SET a = list_append(b, :l)", "{\"b\":{\"S\":\"\"}}",
            "An operand in the update expression has an incorrect data type");
}

TEST(updates_reach_into_documents)
{
    becomes("SET m.k = :n, m.j.i = :m REMOVE m.d",
            "{\"m\":{\"M\":{\"d\":{\"S\":\"\"},\"j\":{\"M\":{}}}}}",
            "{\"m\":{\"M\":{\"j\":{\"M\":{\"i\":{\"N\":\"3\"}}},\"k\":{\"N\":\"5\"}}}}");
    becomes("SET l[9] = :n, l[7] = :m, l[0] = :s", "{\"l\":{\"L\":[{\"S\":\"x\"},{\"S\":\"y\"}]}}",
            "{\"l\":{\"L\":[{\"S\":\"abc\"},{\"S\":\"y\"},{\"N\":\"3\"},{\"N\":\"5\"}]}}");
    becomes("REMOVE l[0], l[2]", "{\"l\":{\"L\":[{\"S\":\"x\"},{\"S\":\"y\"},{\"S\":\"z\"}]}}",
            "{\"l\":{\"L\":[{\"S\":\"y\"}]}}");
    becomes("REMOVE l[5], m.zz", "{\"l\":{\"L\":[]},\"m\":{\"M\":{}}}",
            "{\"l\":{\"L\":[]},\"m\":{\"M\":{}}}");
    becomes("SET l[1].k = :n REMOVE l[0]", "{\"l\":{\"L\":[{\"S\":\"x\"},{\"M\":{}}]}}",
            "{\"l\":{\"L\":[{\"M\":{\"k\":{\"N\":\"5\"}}}]}}");
    becomes("SET m.k = :n", "{}",
            "The document path provided in the update expression is invalid for update");
    becomes("SET m[0] = :n", "{\"m\":{\"M\":{}}}",
            "The document path provided in the update expression is invalid for update");
    becomes("REMOVE m.k.j", "{\"m\":{\"M\":{}}}",
            "The document path provided in the update expression is invalid for update");
}

TEST(updates_remove_any_path_of_an_item_that_does_not_exist)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    slv_dyn_value key, new;
    slv_dyn_update u;

    CHECK(rig_init(&r, NAMES, VALUES));
    key = item(&r, "{\"p\":{\"S\":\"k\"}}");
    CHECK(slv_dyn_update_parse(&r.sc, &r.subst, SLV_STR("REMOVE x.y, z[0]"), &u) == SLV_OK);
    CHECK(slv_dyn_update_apply(&r.sc, &u, &key, false, &new) == SLV_OK);
    CHECK(slv_dyn_value_eq(&key, &new));
    CHECK(slv_dyn_update_apply(&r.sc, &u, &key, true, &new) == SLV_E_INVAL);
    CHECK(slv_dyn_update_parse(&r.sc, &r.subst, SLV_STR("SET x.y = :n"), &u) == SLV_OK);
    CHECK(slv_dyn_update_apply(&r.sc, &u, &key, false, &new) == SLV_E_INVAL);
}

TEST(updates_add_and_delete)
{
    becomes("ADD a :n", "{}", "{\"a\":{\"N\":\"5\"}}");
    becomes("ADD a :n", "{\"a\":{\"N\":\"-5\"}}", "{\"a\":{\"N\":\"0\"}}");
    becomes("ADD a :ss", "{\"a\":{\"SS\":[\"b\",\"c\"]}}", "{\"a\":{\"SS\":[\"a\",\"b\",\"c\"]}}");
    becomes("ADD m.a :ns", "{\"m\":{\"M\":{}}}", "{\"m\":{\"M\":{\"a\":{\"NS\":[\"1\",\"2\"]}}}}");
    becomes("ADD a :ss", "{\"a\":{\"NS\":[\"1\"]}}",
            "An operand in the update expression has an incorrect data type");
    becomes("DELETE a :ss", "{\"a\":{\"SS\":[\"b\",\"c\"]}}", "{\"a\":{\"SS\":[\"c\"]}}");
    becomes("DELETE a :ss", "{\"a\":{\"SS\":[\"a\",\"b\"]},\"z\":{\"S\":\"\"}}",
            "{\"z\":{\"S\":\"\"}}");
    becomes("DELETE a :ss", "{}", "{}");
    becomes("DELETE a :ss", "{\"a\":{\"S\":\"\"}}",
            "An operand in the update expression has an incorrect data type");
}

TEST(updates_may_not_nest_too_deeply)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(1000);
    SLV_CLEANUP(slv_buf_done) slv_buf before = SLV_BUF(1000);
    const char *text = repeated(&path, "SET a", ".a", 31, " = :l");

    CHECK(slv_buf_append(&before, SLV_STR("{\"a\":")) == SLV_OK);
    for (int i = 0; i < 31; i++)
        CHECK(slv_buf_append(&before, SLV_STR("{\"M\":{\"a\":")) == SLV_OK);
    CHECK(slv_buf_append(&before, SLV_STR("{\"S\":\"\"}")) == SLV_OK);
    for (int i = 0; i < 31; i++)
        CHECK(slv_buf_append(&before, SLV_STR("}}")) == SLV_OK);
    CHECK(slv_buf_append(&before, SLV_STR("}")) == SLV_OK);
    becomes(text, slv_buf_cstr(&before),
            "Nesting Levels have exceeded supported limits: Attributes in the item have nested "
            "levels beyond supported limit");
}

/* ---- projections ---- */

static void projects(const char *text, const char *want)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(ARENA);
    slv_dyn_paths paths;
    slv_dyn_value v, out;

    CHECK(rig_init(&r, NAMES, VALUES));
    CHECK(slv_dyn_projection_parse(&r.sc, &r.subst, slv_str_from(text), &paths) == SLV_OK);
    v = item(&r, ITEM);
    CHECK(slv_dyn_project(&r.sc, &paths, &v, &out) == SLV_OK);
    CHECK(slv_dyn_item_put_json(&out, &b) == SLV_OK);
    CHECK_STR(slv_buf_view(&b), slv_str_from(want));
}

TEST(projections_pick)
{
    projects("zz", "{}");
    projects("t, #a", "{\"a\":{\"N\":\"4\"},\"t\":{\"BOOL\":true}}");
    projects("l[1], l[0]", "{\"l\":{\"L\":[{\"S\":\"x\"},{\"N\":\"5\"}]}}");
    projects("l[2].k, l[9]", "{\"l\":{\"L\":[{\"M\":{\"k\":{\"N\":\"9\"}}}]}}");
    projects("m.k[0], m.z", "{\"m\":{\"M\":{\"k\":{\"L\":[{\"S\":\"deep\"}]}}}}");
    projects("m.z, a.b, s[0]", "{}");
}

/* ---- key conditions ---- */

static slv_code bind(rig *r, const char *text, const slv_dyn_value **h, const slv_dyn_key_cond **c)
{
    static const slv_dyn_key_attr hash = {{"pk", 2}, SLV_DYN_S}, range = {{"sk", 2}, SLV_DYN_N};
    slv_dyn_key_conds conds;

    SLV_TRY(slv_dyn_key_condition_parse(&r->sc, &r->subst, slv_str_from(text), &conds));
    return slv_dyn_key_conds_bind(&r->sc, &conds, &hash, &range, h, c);
}

static void key_fails(const char *text, const char *want)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    const slv_dyn_key_cond *c;
    const slv_dyn_value *h;

    CHECK(rig_init(&r, NAMES, VALUES));
    CHECK(bind(&r, text, &h, &c) == SLV_E_INVAL);
    CHECK_STR(r.sc.message, slv_str_from(want));
}

TEST(key_conditions_are_few)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    const slv_dyn_key_cond *c;
    const slv_dyn_value *h;

    CHECK(rig_init(&r, NAMES, VALUES));
    CHECK(bind(&r, "pk = :s", &h, &c) == SLV_OK);
    CHECK(!c);
    CHECK(bind(&r, ":n > sk AND pk = :s", &h, &c) == SLV_OK);
    CHECK_STR(h->bytes, SLV_STR("abc"));
    CHECK_INT(c->op, SLV_DYN_OP_LT);
    CHECK(bind(&r, "pk = :s AND sk BETWEEN :m AND :n", &h, &c) == SLV_OK);
    CHECK(c->op == SLV_DYN_OP_BETWEEN && c->b);

    key_fails("sk = :n", "Query condition missed key schema element: pk");
    key_fails("pk = :s AND zz = :n", "Query condition missed key schema element: sk");
    key_fails("pk > :s", "Query key condition not supported");
    key_fails("pk = :n", "One or more parameter values were invalid: Condition parameter type does "
                         "not match schema type");
    key_fails("pk = :s OR sk = :n", "Invalid operator used in KeyConditionExpression: OR");
    key_fails("pk = :s AND sk IN (:n)", "Invalid operator used in KeyConditionExpression: IN");
    key_fails("pk = :s AND attribute_exists(sk)",
              "Invalid operator used in KeyConditionExpression: attribute_exists");
    key_fails("pk = :s AND size(sk) = :n",
              "KeyConditionExpressions cannot contain nested operations");
    key_fails("pk = :s AND sk.a = :n",
              "KeyConditionExpressions cannot have conditions on nested attributes");
    key_fails("pk = :s AND pk = :t",
              "KeyConditionExpressions must only contain one condition per key");
    key_fails("pk = :s AND sk = zz", "Invalid condition in KeyConditionExpression: Multiple "
                                     "attribute names used in one condition");
    key_fails("pk = :s AND :n = :m",
              "Invalid condition in KeyConditionExpression: No key attribute specified");
    key_fails("pk = :s AND sk = :n AND zz = :n", "Conditions can be of length 1 or 2 only");
}

TAP_MAIN()
