#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "fmt/json.h"
#include "support/tap.h"
#include "web/html_rewriter.h"

#define LIMIT ((size_t)3 << 20)

/* ---- the public tokenizer vectors ---- */

/* \uXXXX once more, as "doubleEscaped" asks. */
static void unescape(slv_str s, slv_buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        uint64_t code;

        if (s.ptr[i] == '\\' && i + 5 < s.len && s.ptr[i + 1] == 'u' &&
            slv_parse_hex_u64(slv_str_sub(s, i + 2, i + 6), &code) == SLV_OK) {
            char bytes[4];
            size_t n =
                slv_utf8_put(code >= 0xd800 && code <= 0xdfff ? 0xfffd : (uint32_t)code, bytes);
            SLV_ASSERT(slv_buf_append(out, slv_str_make(bytes, n)) == SLV_OK);
            i += 5;
        } else {
            SLV_ASSERT(slv_buf_append_byte(out, s.ptr[i]) == SLV_OK);
        }
    }
}

static void put(slv_buf *out, slv_str s)
{
    SLV_ASSERT(slv_buf_append(out, s) == SLV_OK);
}

/* A rewriter keeps NUL where the standard writes U+FFFD. */
static void put_text(slv_buf *out, slv_str s, bool lower)
{
    for (size_t i = 0; i < s.len; i++) {
        if (slv_str_starts(slv_str_skip(s, i), SLV_STR("\xef\xbf\xbd"))) {
            put(out, SLV_STR("?"));
            i += 2;
        } else {
            char c = s.ptr[i] ? s.ptr[i] : '?';
            SLV_ASSERT(slv_buf_append_byte(out, lower ? slv_ascii_lower(c) : c) == SLV_OK);
        }
    }
}

static int by_text(const void *a, const void *b)
{
    const slv_buf *x = a, *y = b;

    return slv_str_cmp(slv_buf_view(x), slv_buf_view(y));
}

/* A list of attributes in one order, without duplicates. */
typedef struct attr_list {
    slv_buf items[64];
    size_t count;
} attr_list;

static void add_attr(attr_list *list, slv_str name, slv_str value, bool values)
{
    slv_buf item = SLV_BUF(1 << 20);

    put(&item, SLV_STR(" "));
    put_text(&item, name, true);
    put(&item, SLV_STR("="));
    for (size_t i = 0; i < list->count; i++) {
        if (slv_str_starts(slv_buf_view(&list->items[i]), slv_buf_view(&item))) {
            slv_buf_done(&item);
            return;
        }
    }
    if (values)
        put_text(&item, value, false);
    SLV_ASSERT(list->count < 64);
    list->items[list->count++] = item;
}

static void put_attrs(attr_list *list, slv_buf *out)
{
    qsort(list->items, list->count, sizeof list->items[0], by_text);
    for (size_t i = 0; i < list->count; i++) {
        put(out, slv_buf_view(&list->items[i]));
        slv_buf_done(&list->items[i]);
    }
    list->count = 0;
}

static void put_id(slv_buf *out, slv_str id, bool null)
{
    put(out, null ? SLV_STR(" null") : SLV_STR(" '"));
    if (!null)
        put_text(out, id, false);
}

/* The expected tokens in the form of tokens_of(). values: whether text and attribute values count.
 */
static void expected_of(const slv_node *output, bool doubled, bool values, slv_buf *out)
{
    for (const slv_node *t = output->first; t; t = t->next) {
        SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF(1 << 20);
        slv_str kind = slv_node_str(t->first);
        const slv_node *arg = t->first->next;

        if (doubled)
            unescape(slv_node_str(arg), &name);
        else
            put(&name, slv_node_str(arg));
        if (slv_str_is(kind, "Character")) {
            if (values)
                put_text(out, slv_buf_view(&name), false);
            continue;
        }
        put(out, SLV_STR("\n"));
        put(out, kind);
        put(out, SLV_STR(" "));
        put_text(out, slv_buf_view(&name), !slv_str_is(kind, "Comment"));
        if (slv_str_is(kind, "StartTag")) {
            attr_list list = {.count = 0};
            for (const slv_node *a = arg->next->first; a; a = a->next) {
                SLV_CLEANUP(slv_buf_done) slv_buf n = SLV_BUF(1 << 20), v = SLV_BUF(1 << 20);
                if (doubled) {
                    unescape(a->key, &n);
                    unescape(a->text, &v);
                    add_attr(&list, slv_buf_view(&n), slv_buf_view(&v), values);
                } else {
                    add_attr(&list, a->key, a->text, values);
                }
            }
            put_attrs(&list, out);
            put(out, arg->next->next ? SLV_STR(" /") : SLV_STR(""));
        } else if (slv_str_is(kind, "DOCTYPE")) {
            const slv_node *pub = arg->next, *sys = pub->next;
            put_id(out, pub->text, pub->type == SLV_NODE_NULL);
            put_id(out, sys->text, sys->type == SLV_NODE_NULL);
            put(out, sys->next->boolean ? SLV_STR("") : SLV_STR(" quirks"));
        }
        put(out, SLV_STR("\n"));
    }
}

static void put_token(const slv_html_token *t, bool values, slv_buf *out)
{
    attr_list list = {.count = 0};

    switch (t->kind) {
    case SLV_HTML_TEXT:
        if (values)
            put_text(out, t->raw, false);
        break;
    case SLV_HTML_START_TAG:
        put(out, SLV_STR("\nStartTag "));
        put_text(out, t->name, true);
        for (size_t i = 0; i < t->attr_count; i++)
            add_attr(&list, slv_html_part(t, t->attrs[i].name), slv_html_part(t, t->attrs[i].value),
                     values);
        put_attrs(&list, out);
        put(out, t->self_closing ? SLV_STR(" /\n") : SLV_STR("\n"));
        break;
    case SLV_HTML_END_TAG:
        put(out, SLV_STR("\nEndTag "));
        put_text(out, t->name, true);
        put(out, SLV_STR("\n"));
        break;
    case SLV_HTML_COMMENT:
        put(out, SLV_STR("\nComment "));
        put_text(out, t->data, false);
        put(out, SLV_STR("\n"));
        break;
    case SLV_HTML_DOCTYPE:
        put(out, SLV_STR("\nDOCTYPE "));
        put_text(out, t->name, true);
        put_id(out, t->public_id, !t->public_id.ptr);
        put_id(out, t->system_id, !t->system_id.ptr);
        put(out, t->force_quirks ? SLV_STR(" quirks\n") : SLV_STR("\n"));
        break;
    case SLV_HTML_MARKUP:
    case SLV_HTML_END:
        break;
    }
}

/* Tokenizes input in pieces of `piece` bytes; *ret_whole: the tokens cover it byte for byte. */
static bool tokens_of(slv_str input, slv_html_text text, slv_str last_start, size_t piece,
                      bool values, slv_buf *out)
{
    SLV_CLEANUP(slv_html_tokenizer_free) slv_html_tokenizer *t = slv_html_tokenizer_new(LIMIT);
    SLV_CLEANUP(slv_buf_done) slv_buf seen = SLV_BUF(1 << 22);
    slv_html_token token;
    size_t at = 0;

    slv_html_tokenizer_set_text(t, text);
    slv_html_tokenizer_keep_utf8_whole(t, true);
    SLV_ASSERT(slv_html_tokenizer_set_last_start_tag(t, last_start) == SLV_OK);
    for (;;) {
        slv_code code = slv_html_tokenizer_next(t, &token);

        if (code == SLV_E_AGAIN && at < input.len) {
            SLV_ASSERT(slv_html_tokenizer_feed(t, slv_str_sub(input, at, at + piece)) == SLV_OK);
            at += piece;
            continue;
        }
        if (code == SLV_E_AGAIN) {
            slv_html_tokenizer_end(t);
            continue;
        }
        if (code != SLV_OK)
            return false;
        if (token.kind == SLV_HTML_END)
            return slv_str_eq(slv_buf_view(&seen), input);
        put(&seen, token.raw);
        put_token(&token, values, out);
    }
}

static slv_html_text state_named(slv_str name)
{
    static const struct {
        const char *name;
        slv_html_text text;
    } states[] = {{"RCDATA state", SLV_HTML_RCDATA},
                  {"RAWTEXT state", SLV_HTML_RAWTEXT},
                  {"PLAINTEXT state", SLV_HTML_PLAINTEXT},
                  {"Script data state", SLV_HTML_SCRIPT},
                  {"CDATA section state", SLV_HTML_CDATA}};

    for (size_t i = 0; i < SLV_ARRAY_LEN(states); i++) {
        if (slv_str_is(name, states[i].name))
            return states[i].text;
    }
    return SLV_HTML_DATA;
}

/* Line ends as the standard's preprocessing leaves them. */
static void normalise(slv_buf *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->len; i++) {
        if (b->ptr[i] == '\r' && i + 1 < b->len && b->ptr[i + 1] == '\n')
            continue;
        b->ptr[n++] = b->ptr[i] == '\r' ? '\n' : b->ptr[i];
    }
    b->len = n;
}

static int run_case(const slv_node *test, const char *file)
{
    SLV_CLEANUP(slv_buf_done) slv_buf input = SLV_BUF(1 << 20), want = SLV_BUF(1 << 20);
    const slv_node *states = slv_node_get(test, "initialStates"),
                   *d = slv_node_get(test, "doubleEscaped");
    bool doubled = d && d->boolean;
    int failed = 0;

    if (doubled)
        unescape(slv_node_str(slv_node_get(test, "input")), &input);
    else
        put(&input, slv_node_str(slv_node_get(test, "input")));
    normalise(&input);
    /* Character references are not decoded. */
    bool values = slv_str_chr(slv_buf_view(&input), '&', 0) == SIZE_MAX;
    expected_of(slv_node_get(test, "output"), doubled, values, &want);
    for (const slv_node *s = states ? states->first : test; s; s = s->next) {
        for (size_t piece = 1; piece <= input.len + 1; piece += piece < 3 ? 1 : input.len) {
            SLV_CLEANUP(slv_buf_done) slv_buf got = SLV_BUF(1 << 20);
            bool ok =
                tokens_of(slv_buf_view(&input), state_named(states ? s->text : SLV_STR("")),
                          slv_node_str(slv_node_get(test, "lastStartTag")), piece, values, &got);
            if (!ok || !slv_str_eq(slv_buf_view(&got), slv_buf_view(&want))) {
                failed = 1;
                tap_note("%s: %.*s [%.*s] pieces of %zu: %s\n# input <%.*s>\n# got <%.*s>\n# want "
                         "<%.*s>",
                         file, SLV_STR_ARGS(slv_node_str(slv_node_get(test, "description"))),
                         SLV_STR_ARGS(states ? s->text : SLV_STR("")), piece,
                         ok ? "tokens" : "bytes lost", SLV_STR_ARGS(slv_buf_view(&input)),
                         SLV_STR_ARGS(slv_buf_view(&got)), SLV_STR_ARGS(slv_buf_view(&want)));
                break;
            }
        }
        if (!states)
            break;
    }
    return failed;
}

TEST(tokenizer_agrees_with_the_public_vectors_whatever_the_pieces)
{
    static const char *const files[] = {"contentModelFlags",
                                        "domjs",
                                        "entities",
                                        "escapeFlag",
                                        "numericEntities",
                                        "test1",
                                        "test2",
                                        "test3",
                                        "test4",
                                        "unicodeChars"};
    int count = 0, failed = 0;

    for (size_t i = 0; i < SLV_ARRAY_LEN(files); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)16 << 20);
        SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 20);
        char name[100];
        slv_node *root;

        (void)snprintf(name, sizeof name, "html-tokenizer/%s.test", files[i]);
        const char *path = tap_data(name);
        if (!path)
            return;
        CHECK(tap_read_file(path, &text));
        CHECK(slv_json_parse(slv_buf_view(&text), SLV_JSON_STRICT, &arena, &root, NULL) == SLV_OK);
        for (const slv_node *t = slv_node_get(root, "tests")->first; t; t = t->next) {
            count++;
            failed += run_case(t, files[i]);
        }
    }
    tap_note("%d cases, %d failed", count, failed);
    CHECK_INT(failed, 0);
    CHECK(count > 2000);
}

/* ---- the rewriter ---- */

typedef struct marks { /* what a handler does, as the selector vectors describe it */
    slv_str selector;
    bool in_text;
} marks;

static bool mark(slv_html_rewriter *rw, marks *m, slv_html_edit edit, const char *what,
                 bool closing)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(1 << 16);

    return slv_buf_printf(&b, "<!--[%s%s('%.*s')]-->", closing ? "/" : "", what,
                          SLV_STR_ARGS(m->selector)) == SLV_OK &&
           slv_html_rewriter_edit(rw, edit, slv_buf_view(&b), true) == SLV_OK;
}

static bool handle(slv_html_rewriter *rw, slv_html_stop stop, marks *m)
{
    switch (stop) {
    case SLV_HTML_STOP_ELEMENT:
        return mark(rw, m, SLV_HTML_BEFORE, "ELEMENT", false) &&
               mark(rw, m, SLV_HTML_AFTER, "ELEMENT", true);
    case SLV_HTML_STOP_COMMENT:
        return mark(rw, m, SLV_HTML_BEFORE, "COMMENT", false) &&
               mark(rw, m, SLV_HTML_AFTER, "COMMENT", true);
    case SLV_HTML_STOP_TEXT: {
        bool last = slv_html_rewriter_last_in_text_node(rw), first = !m->in_text;
        m->in_text = !last;
        if (first && !mark(rw, m, SLV_HTML_BEFORE, "TEXT", false))
            return false;
        return !last || mark(rw, m, SLV_HTML_AFTER, "TEXT", true);
    }
    case SLV_HTML_STOP_NONE:
    case SLV_HTML_STOP_END_TAG:
    case SLV_HTML_STOP_DOCTYPE:
    case SLV_HTML_STOP_DOCUMENT_END:
    case SLV_HTML_STOP_DONE:
        break;
    }
    return true;
}

/* Rewrites src in pieces; NULL-selector: no registration. False when something failed. */
static slv_code rewrite(slv_str src, slv_str selector, size_t piece, slv_buf *out, slv_err *err)
{
    SLV_CLEANUP(slv_html_rewriter_free) slv_html_rewriter *rw = slv_html_rewriter_new(LIMIT);
    marks m = {.selector = selector};
    slv_html_stop stop;
    uint32_t handler;
    size_t at = 0;

    if (selector.ptr)
        SLV_TRY(slv_html_rewriter_on(
            rw, selector, SLV_HTML_WANT_ELEMENT | SLV_HTML_WANT_TEXT | SLV_HTML_WANT_COMMENTS,
            &handler, err));
    for (;;) {
        SLV_TRY(slv_html_rewriter_next(rw, &stop, err));
        if (stop == SLV_HTML_STOP_DONE)
            break;
        if (stop != SLV_HTML_STOP_NONE) {
            SLV_ASSERT(handle(rw, stop, &m));
        } else if (at < src.len) {
            SLV_TRY(slv_html_rewriter_feed(rw, slv_str_sub(src, at, at + piece), err));
            at += piece;
        } else {
            slv_html_rewriter_end(rw);
        }
    }
    return slv_buf_append(out, slv_buf_view(slv_html_rewriter_output(rw)));
}

TEST(selectors_mark_what_the_public_vectors_mark)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)32 << 20);
    const char *path = tap_data("html-selectors/selector_matching.jsonl");
    int count = 0, failed = 0, refused = 0;
    slv_str rest, line;

    if (!path)
        return;
    CHECK(tap_read_file(path, &text));
    rest = slv_buf_view(&text);
    while (slv_str_split(&rest, '\n', &line)) {
        SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 20);
        slv_node *doc;

        if (!line.len)
            continue;
        CHECK(slv_json_parse(line, SLV_JSON_STRICT, &arena, &doc, NULL) == SLV_OK);
        slv_str src = slv_node_str(slv_node_get(doc, "src"));
        for (const slv_node *s = slv_node_get(doc, "selectors")->first; s; s = s->next) {
            static const size_t pieces[] = {1 << 20, 7};
            for (size_t i = 0; i < SLV_ARRAY_LEN(pieces); i++) {
                SLV_CLEANUP(slv_buf_done) slv_buf got = SLV_BUF((size_t)8 << 20);
                slv_err err = {0};
                slv_code code = rewrite(src, s->key, pieces[i], &got, &err);
                count++;
                if (code == SLV_OK && slv_str_eq(slv_buf_view(&got), s->text))
                    continue;
                if (code == SLV_E_PARSE &&
                    (strstr(err.message, "Unsupported") || strstr(err.message, "namespaces"))) {
                    refused++;
                    continue;
                }
                failed++;
                if (failed < 6)
                    tap_note("%.*s\n# selector %.*s pieces %zu: %s\n# src <%.*s>\n# got <%.*s>\n# "
                             "want <%.*s>",
                             SLV_STR_ARGS(slv_node_str(slv_node_get(doc, "description"))),
                             SLV_STR_ARGS(s->key), pieces[i], err.message, SLV_STR_ARGS(src),
                             SLV_STR_ARGS(slv_buf_view(&got)), SLV_STR_ARGS(s->text));
            }
        }
    }
    tap_note("%d runs, %d failed, %d with selectors that are not supported", count, failed,
             refused);
    CHECK_INT(failed, 0);
    CHECK(count - refused > 1000);
}

static const char sample[] =
    "<!DOCTYPE html><html><head><title>a<b>&amp;</title><style>p{}</style><script>if (a<b) "
    "'<!--<script>x</script>'-->"
    "</script></head><body class='x y'><p id=one>Hi <b>there</i></p><!-- c --><img "
    "src=\"x\"/><svg><![CDATA[<x>]]>"
    "<circle/></svg><select><option>1</select><textarea><p></textarea></>&copy; <a href='un";

TEST(untouched_documents_come_out_as_they_went_in)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    slv_str src = slv_str_from(sample);

    for (size_t piece = 1; piece <= src.len; piece++) {
        slv_buf_reset(&out);
        CHECK(rewrite(src, SLV_STR_NULL, piece, &out, NULL) == SLV_OK);
        CHECK_STR(slv_buf_view(&out), src);
        slv_buf_reset(&out);
        CHECK(rewrite(src, SLV_STR("nothing > like[this]"), piece, &out, NULL) == SLV_OK);
        CHECK_STR(slv_buf_view(&out), src);
    }
}

TEST(any_split_of_random_markup_gives_the_same_result)
{
    static const char *const parts[] = {"<p>",       "</p>",        "<b a=1 c='x' d>",
                                        "</b>",      "text",        "<",
                                        "</",        "<!--",        "-->",
                                        "--!>",      "<!doctype x", ">",
                                        "<script>",  "</script>",   "<title>",
                                        "</title>",  "<svg>",       "</svg>",
                                        "<![CDATA[", "]]>",         "\"",
                                        "'",         "=",           "/",
                                        "<br/>",     "<x:y z>",     "\xc3\xa9",
                                        "&lt;",      "<?",          "-"};
    slv_prng rand;
    SLV_CLEANUP(slv_buf_done)
    slv_buf src = SLV_BUF(1 << 16), whole = SLV_BUF(1 << 20), split = SLV_BUF(1 << 20);

    slv_prng_seed(&rand, tap_seed());
    for (int round = 0; round < 400; round++) {
        slv_buf_reset(&src);
        slv_buf_reset(&whole);
        for (int i = 0; i < 25; i++)
            put(&src, slv_str_from(parts[slv_prng_below(&rand, SLV_ARRAY_LEN(parts))]));
        CHECK(rewrite(slv_buf_view(&src), SLV_STR("p, b[c] > *, :not(svg)"), src.len, &whole,
                      NULL) == SLV_OK);
        for (size_t piece = 1; piece < 6; piece++) {
            slv_buf_reset(&split);
            CHECK(rewrite(slv_buf_view(&src), SLV_STR("p, b[c] > *, :not(svg)"), piece, &split,
                          NULL) == SLV_OK);
            CHECK_STR(slv_buf_view(&split), slv_buf_view(&whole));
        }
    }
}

TEST(selectors_are_refused_in_known_words)
{
    static const struct {
        const char *selector, *text;
    } cases[] = {
        {"", "The selector is empty."},
        {"p,", "The selector is empty."},
        {"> p", "The selector is empty."},
        {"1p", "The selector is empty."},
        {"p:not()", "The selector is empty."},
        {"p >", "Dangling combinator in selector."},
        {"p>>q", "Dangling combinator in selector."},
        {"p + q", "Unsupported combinator `+` in selector."},
        {"p ~ q", "Unsupported combinator `~` in selector."},
        {"p:hover", "Unsupported pseudo-class or pseudo-element in selector."},
        {"p::before", "Unsupported pseudo-class or pseudo-element in selector."},
        {"p:is(.a)", "Unsupported pseudo-class or pseudo-element in selector."},
        {"p:last-child", "Unsupported pseudo-class or pseudo-element in selector."},
        {"p[", "Unexpected end of selector."},
        {".", "Unexpected end of selector."},
        {"[a=]", "Unexpected end of selector."},
        {"[a b]", "Unexpected token in the attribute selector."},
        {"p..a", "Invalid or unescaped class name in selector."},
        {"svg|p", "Selectors with explicit namespaces are not supported."},
        {"p{}", "Unexpected token in selector."},
        {"p:nth-child(x)", "Unexpected token in selector."},
        {"p/**/q", "Unexpected token in selector."},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        SLV_CLEANUP(slv_html_selectors_free) slv_html_selectors *s = slv_html_selectors_new();
        slv_err err = {0};

        CHECK(slv_html_selectors_add(s, slv_str_from(cases[i].selector), 0, &err) == SLV_E_PARSE);
        CHECK_STR(slv_str_from(err.message), slv_str_from(cases[i].text));
        CHECK_INT(slv_html_selectors_states(s), 0);
    }
}

TEST(text_tags_inside_select_are_refused_not_misread)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 16);
    slv_err err = {0};

    CHECK(rewrite(SLV_STR("<select><xmp>x</xmp></select>"), SLV_STR_NULL, 100, &out, &err) ==
          SLV_E_PARSE);
    CHECK(slv_str_starts(slv_str_from(err.message),
                         SLV_STR("The parser has encountered a text content tag (`<xmp>`)")));
    CHECK(rewrite(SLV_STR("<select><script>x</script></select><xmp></xmp>"), SLV_STR_NULL, 100,
                  &out, &err) == SLV_OK);
}

/* Feeds `head` and then `fill` bytes of "x" in pieces of 1000. */
static slv_code feed_many(const char *head, size_t fill, unsigned want, slv_err *err)
{
    SLV_CLEANUP(slv_html_rewriter_free) slv_html_rewriter *rw = slv_html_rewriter_new(10000);
    char x[1000];
    slv_html_stop stop = SLV_HTML_STOP_NONE;
    uint32_t handler;

    memset(x, 'x', sizeof x);
    SLV_TRY(slv_html_rewriter_on_document(rw, want, &handler, err));
    SLV_TRY(slv_html_rewriter_feed(rw, slv_str_from(head), err));
    for (size_t fed = 0; fed < fill; fed += sizeof x) {
        SLV_TRY(slv_html_rewriter_next(rw, &stop, err));
        while (stop != SLV_HTML_STOP_NONE)
            SLV_TRY(slv_html_rewriter_next(rw, &stop, err));
        SLV_TRY(slv_html_rewriter_feed(rw, slv_str_make(x, sizeof x), err));
    }
    return slv_html_rewriter_next(rw, &stop, err);
}

TEST(an_unfinished_token_is_held_up_to_the_limit)
{
    slv_err err = {0};

    CHECK(feed_many("<a ", 9000, SLV_HTML_WANT_END, &err) == SLV_OK);
    CHECK(feed_many("<a ", 12000, SLV_HTML_WANT_END, &err) == SLV_E_LIMIT);
    CHECK_STR(slv_str_from(err.message), SLV_STR("The memory limit has been exceeded."));
    CHECK(feed_many("<!--", 12000, SLV_HTML_WANT_COMMENTS, &err) == SLV_E_LIMIT);
    /* Text, and comments that nobody wants, need not be held. */
    CHECK(feed_many("<!--", 50000, SLV_HTML_WANT_END, &err) == SLV_OK);
    CHECK(feed_many("<p>", 50000, SLV_HTML_WANT_TEXT, &err) == SLV_OK);
    CHECK(feed_many("<title>", 50000, SLV_HTML_WANT_TEXT, &err) == SLV_OK);
}

TEST(open_elements_count_against_the_limit)
{
    SLV_CLEANUP(slv_html_rewriter_free) slv_html_rewriter *rw = slv_html_rewriter_new(20000);
    slv_html_stop stop;
    slv_code code = SLV_OK;
    int n = 0;

    for (; n < 10000 && code == SLV_OK; n++) {
        CHECK(slv_html_rewriter_feed(rw, SLV_STR("<div>"), NULL) == SLV_OK);
        code = slv_html_rewriter_next(rw, &stop, NULL);
    }
    CHECK(code == SLV_E_LIMIT);
    CHECK(n > 100 && n < 1000);
}

TAP_MAIN()
