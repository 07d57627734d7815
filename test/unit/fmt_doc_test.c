/* JSON, TOML, dotenv, globs, source maps, suggestions. */
#include <stdio.h>

#include "fmt/dotenv.h"
#include "fmt/glob.h"
#include "fmt/json.h"
#include "fmt/sourcemap.h"
#include "fmt/suggest.h"
#include "fmt/toml.h"
#include "support/tap.h"

#define MB ((size_t)1 << 20)

/* Parses and writes again. On failure the error text. */
typedef slv_code (*parse_fn)(slv_str text, slv_arena *arena, slv_node **ret, slv_err *err);

static slv_code json_strict(slv_str text, slv_arena *arena, slv_node **ret, slv_err *err)
{
    return slv_json_parse(text, SLV_JSON_STRICT, arena, ret, err);
}
static slv_code json_comments(slv_str text, slv_arena *arena, slv_node **ret, slv_err *err)
{
    return slv_json_parse(text, SLV_JSON_COMMENTS, arena, ret, err);
}

static slv_str through(parse_fn parse, slv_str text, slv_buf *out)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(8 * MB);
    slv_node *root;
    slv_err err = {0};

    slv_buf_reset(out);
    if (parse(text, &arena, &root, &err) != SLV_OK) {
        if (slv_buf_append(out, slv_str_from(slv_err_text(&err))) != SLV_OK)
            return SLV_STR_NULL;
    } else if (slv_json_put(out, root) != SLV_OK) {
        return SLV_STR_NULL;
    }
    return slv_buf_view(out);
}

typedef struct pair {
    const char *in, *out;
} pair;

#define CHECK_PAIRS(parse, pairs)                                                                  \
    for (size_t i_ = 0; i_ < SLV_ARRAY_LEN(pairs); i_++) {                                         \
        SLV_CLEANUP(slv_buf_done) slv_buf b_ = SLV_BUF(MB);                                        \
        slv_str got_ = through(parse, slv_str_from((pairs)[i_].in), &b_);                          \
        if (!slv_str_is(got_, (pairs)[i_].out)) {                                                  \
            tap_failed(__FILE__, __LINE__, "%s\n gives    %.*s\n expected %s", (pairs)[i_].in,     \
                       SLV_STR_ARGS(got_), (pairs)[i_].out);                                       \
            return;                                                                                \
        }                                                                                          \
    }

/* ---- JSON ---- */

TEST(json_values_survive_parsing_and_writing)
{
    static const pair pairs[] = {
        {"null", "null"},
        {" true ", "true"},
        {"-0.5e+10", "-0.5e+10"},
        {"12345678901234567890123456789", "12345678901234567890123456789"},
        {"\"a\\u00e9\\n\\ud83d\\ude00\"", "\"a\xC3\xA9\\n\xF0\x9F\x98\x80\""},
        {"\"\\ud83d x\"", "\"\xEF\xBF\xBD x\""},
        {"\"\\ud83d\\ud83d\\ude00\"", "\"\xEF\xBF\xBD\xF0\x9F\x98\x80\""},
        {"\"\xE2\x80\xA8\\u0001\"", "\"\\u2028\\u0001\""},
        {"[1,[],{\"a\":{}}]", "[1,[],{\"a\":{}}]"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}"},
        {"\xEF\xBB\xBF[1]", "[1]"},
    };
    CHECK_PAIRS(json_strict, pairs);
}

TEST(json_errors_name_line_and_column)
{
    static const pair pairs[] = {
        {"", "1:1: the text ends where a value was expected"},
        {"{\n  \"a\": tru\n}", "2:8: expected a value"},
        {"{\"a\" 1}", "1:6: expected ':' after the name"},
        {"[1 2]", "1:4: expected ',' or ']'"},
        {"[1,]", "1:4: a comma is not allowed after the last item"},
        {"{\"\xC3\xA9\": 01}", "1:7: a number does not begin with 0"},
        {"\"a\nb\"", "1:3: this string does not end on its line"},
        {"\"abc", "1:1: this string does not end"},
        {"\"\\x\"", "1:2: unknown escape in a string"},
        {"1. ", "1:3: expected a digit after the decimal point"},
        {"[1] x", "1:5: unexpected text after the value"},
        {"// c\n1", "1:1: comments are not allowed here"},
        {"\"\xFF\"", "1:1: the text is not valid UTF-8"},
    };
    CHECK_PAIRS(json_strict, pairs);
}

TEST(jsonc_has_comments_and_trailing_commas)
{
    static const pair pairs[] = {
        {"// x\n{ /* y\n */ \"a\": [1, 2, ], // z\n }", "{\"a\":[1,2]}"},
        {"{\"u\": \"http://x\"}", "{\"u\":\"http://x\"}"},
        {"[,]", "1:2: expected a value"},
        {"{} /* x", "1:4: this comment does not end"},
    };
    CHECK_PAIRS(json_comments, pairs);
}

TEST(json_nodes_know_their_places)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(MB);
    slv_node *root, *b;
    int64_t v;

    CHECK(json_strict(SLV_STR("{\n \"a\": 1,\n \"b\":\n   [5.0]}"), &arena, &root, NULL) == SLV_OK);
    b = slv_node_get(root, "b");
    CHECK(b && b->key_line == 3 && b->key_col == 2 && b->line == 4 && b->col == 4);
    CHECK(slv_node_i64(b->first, &v) && v == 5);
    CHECK(!slv_node_get(root, "c"));
}

TEST(json_depth_is_limited)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(8 * MB);
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(MB);
    slv_node *root;

    for (int depth = SLV_JSON_DEPTH_MAX; depth <= SLV_JSON_DEPTH_MAX + 1; depth++) {
        slv_buf_reset(&b);
        for (int i = 0; i < depth; i++)
            CHECK(slv_buf_append_byte(&b, '[') == SLV_OK);
        for (int i = 0; i < depth; i++)
            CHECK(slv_buf_append_byte(&b, ']') == SLV_OK);
        CHECK_INT(json_strict(slv_buf_view(&b), &arena, &root, NULL),
                  depth <= SLV_JSON_DEPTH_MAX ? SLV_OK : SLV_E_PARSE);
    }
}

TEST(json_large_objects_replace_doubled_names)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(8 * MB);
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(MB);
    slv_node *root;
    int64_t v;

    CHECK(slv_buf_append(&b, SLV_STR("{\"x\":0")) == SLV_OK);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 100; i++)
            CHECK(slv_buf_printf(&b, ",\"k%d\":%d", i, i + round) == SLV_OK);
    CHECK(slv_buf_append_byte(&b, '}') == SLV_OK);
    CHECK(json_strict(slv_buf_view(&b), &arena, &root, NULL) == SLV_OK);
    CHECK_INT(root->count, 101);
    CHECK(slv_node_i64(slv_node_get(root, "k99"), &v) && v == 100);
    CHECK(slv_str_is(root->last->key, "k99"));
}

TEST(json_arena_limit_is_an_error)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(2048);
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(MB);
    slv_node *root;

    CHECK(slv_buf_append_byte(&b, '[') == SLV_OK);
    for (int i = 0; i < 1000; i++)
        CHECK(slv_buf_append(&b, SLV_STR("1,")) == SLV_OK);
    CHECK(slv_buf_append(&b, SLV_STR("1]")) == SLV_OK);
    CHECK_INT(json_strict(slv_buf_view(&b), &arena, &root, NULL), SLV_E_LIMIT);
}

/* ---- TOML ---- */

TEST(toml_values)
{
    static const pair pairs[] = {
        {"", "{}"},
        {"a = 1 # c\n'b c' = \"x\\ty\\u00e9\\\"\"\n\"\" = ''",
         "{\"a\":1,\"b c\":\"x\\ty\xC3\xA9\\\"\",\"\":\"\"}"},
        {"a = +1_000\nb = -0\nc = 0xDEAD_beef\nd = 0o17\ne = 0b101",
         "{\"a\":1000,\"b\":0,\"c\":3735928559,\"d\":15,\"e\":5}"},
        {"a = 9223372036854775807\nb = -9223372036854775808",
         "{\"a\":9223372036854775807,\"b\":-9223372036854775808}"},
        {"a = 1.5\nb = -2e10\nc = 6.6_2e-3_4\nd = inf\ne = -nan",
         "{\"a\":1.5,\"b\":-2e10,\"c\":6.62e-34,\"d\":null,\"e\":null}"},
        {"a = true\nb = false", "{\"a\":true,\"b\":false}"},
        {"a = 1979-05-27T07:32:00.5-07:00\nb = 1979-05-27 07:32:00Z\nc = 1979-05-27\nd = 07:32:00",
         "{\"a\":\"1979-05-27T07:32:00.5-07:00\",\"b\":\"1979-05-27 "
         "07:32:00Z\",\"c\":\"1979-05-27\",\"d\":\"07:32:00\"}"},
        {"a = [ 1, # x\n [2,], \n]", "{\"a\":[1,[2]]}"},
        {"a = { b = 1, c.d = [ {} ] }", "{\"a\":{\"b\":1,\"c\":{\"d\":[{}]}}}"},
        {"a = \"\"\"\nx\n  y\\\n   z\"\"\"\"", "{\"a\":\"x\\n  yz\\\"\"}"},
        {"a = '''\\x'y'''''", "{\"a\":\"\\\\x'y''\"}"},
        {"a = 'C:\\n'", "{\"a\":\"C:\\\\n\"}"},
    };
    CHECK_PAIRS(slv_toml_parse, pairs);
}

TEST(toml_tables)
{
    static const pair pairs[] = {
        {"[a]\nx=1\n[a.b]\ny=2\n[c]", "{\"a\":{\"x\":1,\"b\":{\"y\":2}},\"c\":{}}"},
        {"[a.b]\n[a]\nx=1", "{\"a\":{\"b\":{},\"x\":1}}"},
        {"[[a]]\nx=1\n[[a]]\nx=2\n[a.b]\ny=3\n[[a.c]]\n[[a.c]]",
         "{\"a\":[{\"x\":1},{\"x\":2,\"b\":{\"y\":3},\"c\":[{},{}]}]}"},
        {"a.b.c = 1\na.b.d = 2\na . \"e\" = 3", "{\"a\":{\"b\":{\"c\":1,\"d\":2},\"e\":3}}"},
        {"[fruit]\napple.color = 1\n[fruit.apple.taste]\nsweet = true",
         "{\"fruit\":{\"apple\":{\"color\":1,\"taste\":{\"sweet\":true}}}}"},
        {"3.14 = 1\n[ a . 'b' ] # c", "{\"3\":{\"14\":1},\"a\":{\"b\":{}}}"},
    };
    CHECK_PAIRS(slv_toml_parse, pairs);
}

TEST(toml_errors_name_line_and_column)
{
    static const pair pairs[] = {
        {"a = 1\na = 2", "2:1: 'a' is defined twice"},
        {"[a]\n[a]", "2:2: 'a' is defined twice"},
        {"a = 1\n[a.b]", "2:2: 'a' is no table"},
        {"a = {}\n[a.b]", "2:2: 'a' is an inline table, which cannot be extended"},
        {"a = {b.c = 1}\na.d = 2", "2:1: 'a' is already defined elsewhere"},
        {"a = {b = {c = 1}, b.d = 2}", "1:19: 'b' is already defined elsewhere"},
        {"[a.b.c]\n[a]\nb.d = 1", "3:1: 'b' is already defined elsewhere"},
        {"a.b = 1\n[a]", "2:2: 'a' is defined twice"},
        {"a = [1]\n[[a]]", "2:3: 'a' is defined twice, once not as an array of tables"},
        {"a = 1 b = 2", "1:7: expected the end of the line"},
        {"a = ", "1:5: expected a value"},
        {"a = yes", "1:5: expected a value; strings need quotes"},
        {"= 1", "1:1: expected a key"},
        {"a b = 1", "1:3: expected '=' after the key"},
        {"[a", "1:3: expected ']'"},
        {"[[a]", "1:4: expected ']]'"},
        {"a = 01", "1:5: this is no number"},
        {"a = 1__0", "1:5: this is no number"},
        {"a = 1_", "1:5: this is no number"},
        {"a = 1.", "1:5: this is no number"},
        {"a = 0x", "1:5: this is no number"},
        {"a = +0x1", "1:5: this is no number"},
        {"a = 9223372036854775808", "1:5: this is no number"},
        {"a = 2023-02-29", "1:5: this is no date or time"},
        {"a = 25:00:00", "1:5: this is no date or time"},
        {"a = \"x", "1:5: this string does not end on its line"},
        {"a = \"\\q\"", "1:6: unknown escape in a string"},
        {"a = \"\\uD800\"", "1:6: this escape is no Unicode character"},
        {"\na = '''x\ny", "2:1: the string that starts here does not end"},
        {"a = \"\x01\"", "1:6: control characters in strings must be escaped"},
        {"# \x01", "1:3: control characters are not allowed in comments"},
        {"a = [1 2]", "1:8: expected ',' or ']'"},
        {"a = {b = 1,}", "1:12: expected a key"},
        {"a = {b = 1\n}", "1:11: expected ',' or '}'; an inline table stands on one line"},
        {"\"\"\"a\"\"\" = 1", "1:1: a multi-line string is not allowed as a key"},
    };
    CHECK_PAIRS(slv_toml_parse, pairs);
}

TEST(toml_depth_is_limited)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(8 * MB);
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(MB);
    slv_node *root;

    for (int depth = SLV_TOML_DEPTH_MAX; depth <= SLV_TOML_DEPTH_MAX + 1; depth++) {
        CHECK(slv_buf_set(&b, SLV_STR("a=")) == SLV_OK);
        for (int i = 0; i < depth; i++)
            CHECK(slv_buf_append_byte(&b, '[') == SLV_OK);
        for (int i = 0; i < depth; i++)
            CHECK(slv_buf_append_byte(&b, ']') == SLV_OK);
        CHECK_INT(slv_toml_parse(slv_buf_view(&b), &arena, &root, NULL),
                  depth <= SLV_TOML_DEPTH_MAX ? SLV_OK : SLV_E_PARSE);
    }
}

/* ---- dotenv ---- */

static slv_str no_outside(SLV_UNUSED slv_str name, SLV_UNUSED void *arg)
{
    return slv_str_is(name, "HOME") ? SLV_STR("/h") : SLV_STR_NULL;
}

static slv_code dotenv_plain(slv_str text, slv_arena *arena, slv_node **ret, slv_err *err)
{
    *ret = slv_node_new(arena, SLV_NODE_OBJECT, 1, 1);
    return slv_dotenv_parse(text, arena, *ret, err);
}

static slv_code dotenv_expanded(slv_str text, slv_arena *arena, slv_node **ret, slv_err *err)
{
    SLV_TRY(dotenv_plain(text, arena, ret, err));
    return slv_dotenv_expand(*ret, arena, no_outside, NULL, err);
}

TEST(dotenv_reads_what_dotenv_reads)
{
    static const pair pairs[] = {
        {"A=1\nexport B = two words # c\nC: x\n\n# D=1\nE=",
         "{\"A\":\"1\",\"B\":\"two words\",\"C\":\"x\",\"E\":\"\"}"},
        {"A=\"x\\ny\"\nB='x\\ny'\nC=`it's \"q\"`",
         "{\"A\":\"x\\ny\",\"B\":\"x\\\\ny\",\"C\":\"it's \\\"q\\\"\"}"},
        {"A=\"l1\nl2\"\nB='#x' # y\nC=\"a\" b",
         "{\"A\":\"l1\\nl2\",\"B\":\"#x\",\"C\":\"\\\"a\\\" b\"}"},
        {"A=\"open\nB=2", "{\"A\":\"\\\"open\",\"B\":\"2\"}"},
        {"A=1\r\nA=2\r\nx.y-z=3", "{\"A\":\"2\",\"x.y-z\":\"3\"}"},
        {"not an assignment\nA=1", "{\"A\":\"1\"}"},
        {"A='say \\'hi\\''", "{\"A\":\"say \\\\'hi\\\\'\"}"},
        {"exportA=1", "{\"exportA\":\"1\"}"},
        {"A=$B", "{\"A\":\"$B\"}"},
    };
    CHECK_PAIRS(dotenv_plain, pairs);
}

TEST(dotenv_expands_what_stands_before)
{
    static const pair pairs[] = {
        {"A=1\nB=$A-${A}", "{\"A\":\"1\",\"B\":\"1-1\"}"},
        {"B=$A\nA=1", "{\"B\":\"\",\"A\":\"1\"}"},
        {"A=${X:-d}${HOME:-d}${HOME:+y}${X:+y}", "{\"A\":\"d/hy\"}"},
        {"A=\\$B $", "{\"A\":\"$B $\"}"},
        {"HOME=mine", "{\"HOME\":\"/h\"}"},
        {"A=a$A", "{\"A\":\"a\"}"},
    };
    CHECK_PAIRS(dotenv_expanded, pairs);
}

TEST(dotenv_limits_hold)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(8 * MB);
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(MB);
    slv_node *root;

    for (int i = 0; i < SLV_DOTENV_NAMES_MAX; i++)
        CHECK(slv_buf_printf(&b, "K%d=1\n", i) == SLV_OK);
    CHECK_INT(dotenv_plain(slv_buf_view(&b), &arena, &root, NULL), SLV_OK);
    CHECK(slv_buf_append(&b, SLV_STR("LAST=1\n")) == SLV_OK);
    CHECK_INT(dotenv_plain(slv_buf_view(&b), &arena, &root, NULL), SLV_E_LIMIT);
}

/* ---- globs ---- */

TEST(globs_of_paths)
{
    static const struct {
        const char *pattern, *text;
        bool path, import;
    } rows[] = {
        {"**/*.wasm", "add.wasm", true, false},
        {"**/*.wasm", "./a/add.wasm", true, true},
        {"**/*.wasm", "a/add.wasm?module", false, false},
        {"**/*.wasm?module", "a/add.wasm?module", true, true},
        {"*.txt", "a/b.txt", false, true},
        {"*.txt", "b.txt", true, true},
        {"src/**", "src/a/b.js", true, true},
        {"src/**", "lib/a.js", false, false},
        {"src/**/x.js", "src/x.js", true, false},
        {"src/**/x.js", "src/a/b/x.js", true, true},
        {"src/**/x.js", "src/ax.js", false, false},
        {"a**b", "a/b", false, true},
        {"a.b", "axb", false, false},
        {"[ab]", "a", false, false},
        {"", "", true, true},
        {"**", "any/thing", true, true},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        slv_str p = slv_str_from(rows[i].pattern), t = slv_str_from(rows[i].text);

        if (slv_glob_match(p, t, SLV_GLOB_PATH) != rows[i].path ||
            slv_glob_match(p, t, SLV_GLOB_IMPORT) != rows[i].import) {
            tap_failed(__FILE__, __LINE__, "%s on %s", rows[i].pattern, rows[i].text);
            return;
        }
    }
}

TEST(globs_take_bounded_time)
{
    SLV_CLEANUP(slv_buf_done) slv_buf p = SLV_BUF(MB), t = SLV_BUF(MB);

    for (int i = 0; i < 300; i++)
        CHECK(slv_buf_append(&p, SLV_STR("*a")) == SLV_OK);
    for (int i = 0; i < 2000; i++)
        CHECK(slv_buf_append(&t, SLV_STR("a")) == SLV_OK);
    CHECK(slv_glob_match(slv_buf_view(&p), slv_buf_view(&t), SLV_GLOB_PATH));
    CHECK(slv_buf_append_byte(&t, 'b') == SLV_OK);
    CHECK(!slv_glob_match(slv_buf_view(&p), slv_buf_view(&t), SLV_GLOB_PATH));
}

TEST(globs_become_regular_expressions)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(MB);

    CHECK(slv_glob_regexp(SLV_STR("**/*.wasm?module"), &b) == SLV_OK);
    CHECK_STR(slv_buf_view(&b), SLV_STR("^.*\\/.*\\.wasm\\?module$"));
}

/* ---- source maps ---- */

TEST(sourcemap_finds_places)
{
    /* line 1: col 1 -> a.ts 1:1 (name foo), col 9 -> a.ts 1:5; line 2: empty; line 3: col 5 -> b.ts
     * 11:3 */
    static const char json[] =
        "{\"version\":3,\"sources\":[\"a.ts\",\"b.ts\"],\"sourceRoot\":\"/r\",\"names\":[\"foo\"],"
        "\"sourcesContent\":[\"text\",null],\"mappings\":\"AAAAA,QAAI;;ICUF\"}";
    SLV_CLEANUP(slv_sourcemap_free) slv_sourcemap *m = NULL;
    slv_source_place p;

    CHECK(slv_sourcemap_new(slv_str_from(json), &m, NULL) == SLV_OK);
    CHECK(slv_sourcemap_find(m, 1, 3, &p));
    CHECK_STR(p.source, SLV_STR("/r/a.ts"));
    CHECK_INT(p.line, 1);
    CHECK_INT(p.col, 1);
    CHECK_STR(p.name, SLV_STR("foo"));
    CHECK(slv_sourcemap_find(m, 1, 9, &p) && p.col == 5 && p.name.len == 0);
    CHECK(slv_sourcemap_find(m, 1, 1000, &p) && p.col == 5);
    CHECK(!slv_sourcemap_find(m, 2, 1, &p));
    CHECK(!slv_sourcemap_find(m, 3, 4, &p));
    CHECK(slv_sourcemap_find(m, 3, 5, &p) && p.line == 11 && p.col == 3);
    CHECK_STR(p.source, SLV_STR("/r/b.ts"));
    CHECK(!slv_sourcemap_find(m, 4, 1, &p) && !slv_sourcemap_find(m, 0, 1, &p));
    CHECK_STR(slv_sourcemap_content(m, 0), SLV_STR("text"));
    CHECK(!slv_sourcemap_content(m, 1).ptr);
}

TEST(sourcemap_marks_agree_with_reading_from_the_start)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(MB);
    SLV_CLEANUP(slv_sourcemap_free) slv_sourcemap *m = NULL;
    slv_source_place p;

    CHECK(slv_buf_append(
              &b, SLV_STR("{\"version\":3,\"sources\":[\"a\"],\"names\":[],\"mappings\":\"AAAA")) ==
          SLV_OK);
    for (int i = 1; i < 200; i++)
        CHECK(slv_buf_append(&b, SLV_STR(";AACA")) == SLV_OK);
    CHECK(slv_buf_append(&b, SLV_STR("\"}")) == SLV_OK);
    CHECK(slv_sourcemap_new(slv_buf_view(&b), &m, NULL) == SLV_OK);
    for (uint32_t line = 1; line <= 200; line++)
        CHECK(slv_sourcemap_find(m, line, 1, &p) && p.line == line);
}

TEST(sourcemap_refuses_malformed_mappings)
{
    static const char *const bad[] = {"!",    "A",     "AAAAAAA",       "AEAA",
                                      "ADAA", "AAAAB", "gggggggggggggA"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(bad); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(MB);
        SLV_CLEANUP(slv_sourcemap_free) slv_sourcemap *m = NULL;

        CHECK(slv_buf_printf(&b,
                             "{\"version\":3,\"sources\":[\"a\"],\"names\":[],\"mappings\":\"%s\"}",
                             bad[i]) == SLV_OK);
        CHECK_INT(slv_sourcemap_new(slv_buf_view(&b), &m, NULL), i == 1 ? SLV_OK : SLV_E_PARSE);
    }
}

/* ---- suggestions ---- */

TEST(suggestions_are_near)
{
    static const char *const words[] = {"port", "persist-to", "compatibility-date", NULL, "ip"};

    CHECK(strcmp(slv_suggest(SLV_STR("prot"), words, 5), "port") == 0);
    CHECK(strcmp(slv_suggest(SLV_STR("compatibility_dat"), words, 5), "compatibility-date") == 0);
    CHECK(!slv_suggest(SLV_STR("zzzzzz"), words, 5));
    CHECK_INT(slv_edit_distance(SLV_STR("abcd"), SLV_STR("acbd")), 1);
    CHECK_INT(slv_edit_distance(SLV_STR(""), SLV_STR("abc")), 3);
}

/* Strings are looked at eight bytes at a time: what must be escaped is found at every place. */
TEST(json_string_escapes_at_every_place)
{
    static const struct {
        const char *raw, *escaped;
    } specials[] = {
        {"\"", "\\\""},
        {"\\", "\\\\"},
        {"\n", "\\n"},
        {"\x1f", "\\u001f"},
        {"\xE2\x80\xA8", "\\u2028"},
        {"\xff", "\xEF\xBF\xBD"},
    };
    char plain[32], want[64];

    for (size_t i = 0; i < SLV_ARRAY_LEN(specials); i++) {
        for (size_t at = 0; at <= 20; at++) {
            SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(200);

            memset(plain, '~', sizeof plain);
            (void)snprintf(plain + at, sizeof plain - at, "%s ! z", specials[i].raw);
            (void)snprintf(want, sizeof want, "\"%.*s%s ! z\"", (int)at, "~~~~~~~~~~~~~~~~~~~~",
                           specials[i].escaped);
            CHECK(slv_json_put_string(&out, slv_str_from(plain)) == SLV_OK);
            CHECK_STR(slv_buf_view(&out), slv_str_from(want));
        }
    }
}

TAP_MAIN()
