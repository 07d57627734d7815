#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "js/builtins.h"
#include "js/js.h"
#include "support/tap.h"

/* One engine for all tests: a process has one. */

static slv_js *engine(void);

static const slv_handle_kind box_kind = {"Box", free};

SLV_NATIVE(echo_text)
{
    SLV_TEXT(t);

    return slv_js_text_arg(ctx, SLV_ARG(0), &t, exc) ? slv_js_string(ctx, t.str) : NULL;
}

SLV_NATIVE(text_length)
{
    SLV_TEXT(t);

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &t, exc))
        return NULL;
    return SLV_TUPLE(ctx, slv_js_num(ctx, (double)t.str.len), slv_js_bool(ctx, t.replaced));
}

SLV_NATIVE(echo_bytes)
{
    slv_js_bytes b;

    return slv_js_bytes_arg(ctx, SLV_ARG(0), &b, exc)
               ? slv_js_bytes_copy(ctx, slv_js_bytes_str(b), exc)
               : NULL;
}

SLV_NATIVE(latin1)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(100);

    if (!slv_js_latin1_arg(ctx, SLV_ARG(0), &out, exc))
        return *exc ? NULL : slv_js_null(ctx);
    return slv_js_string_latin1(ctx, slv_buf_view(&out));
}

SLV_NATIVE(size)
{
    uint64_t n;

    return slv_js_size_arg(ctx, SLV_ARG(0), "n", &n, exc) ? slv_js_num(ctx, (double)n) : NULL;
}

/* numbers(v) -> "as u32 as i32 as f64" */
SLV_NATIVE(numbers)
{
    char text[100];
    uint32_t u;
    int32_t i;
    double d;

    if (!slv_js_u32_arg(ctx, SLV_ARG(0), &u, exc) || !slv_js_i32_arg(ctx, SLV_ARG(0), &i, exc) ||
        !slv_js_f64_arg(ctx, SLV_ARG(0), &d, exc))
        return NULL;
    snprintf(text, sizeof text, "%u %d %.17g", u, i, d);
    return slv_js_string(ctx, slv_str_from(text));
}

SLV_NATIVE_BRIEF(add)
{
    int32_t a;
    int32_t b;

    if (!slv_js_i32_arg(ctx, SLV_ARG(0), &a, exc) || !slv_js_i32_arg(ctx, SLV_ARG(1), &b, exc))
        return NULL;
    return slv_js_num(ctx, (double)a + b);
}

/* twice(f) -> f() called two times from inside a native */
SLV_NATIVE(twice)
{
    JSObjectRef f = (JSObjectRef)(size_t)SLV_ARG(0);

    if (!JSObjectCallAsFunction(ctx, f, NULL, 0, NULL, exc))
        return NULL;
    return JSObjectCallAsFunction(ctx, f, NULL, 0, NULL, exc);
}

SLV_NATIVE(box)
{
    return slv_js_handle(ctx, &box_kind, calloc(1, 16), 16);
}

SLV_NATIVE(unbox)
{
    return slv_js_handle_arg(ctx, SLV_ARG(0), &box_kind, exc) ? slv_js_bool(ctx, true) : NULL;
}

SLV_NATIVE(close_box)
{
    slv_js_handle_close(ctx, SLV_ARG(0), &box_kind);
    return slv_js_undefined(ctx);
}

SLV_NATIVE(throw_kind)
{
    SLV_TEXT(kind);

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &kind, exc))
        return NULL;
    if (slv_str_is(kind.str, "type"))
        return slv_js_throw_type(ctx, exc, "t%d", 1);
    if (slv_str_is(kind.str, "range"))
        return slv_js_throw_range(ctx, exc, "r%d", 2);
    return slv_js_throw_error(ctx, exc, "e%d", 3);
}

static const slv_native natives[] = {
    {"echoText", echo_text},
    {"textLength", text_length},
    {"echoBytes", echo_bytes},
    {"latin1", latin1},
    {"size", size},
    {"numbers", numbers},
    {"add", add},
    {"twice", twice},
    {"box", box},
    {"unbox", unbox},
    {"closeBox", close_box},
    {"throwKind", throw_kind},
};

static slv_js *engine(void)
{
    static slv_js *js;

    if (js)
        return js;
    js = slv_js_new();
    for (size_t i = 0; i < SLV_ARRAY_LEN(natives); i++) {
        JSContextRef ctx = slv_js_context(js);
        JSStringRef name = JSStringCreateWithUTF8CString(natives[i].name);

        JSObjectSetProperty(ctx, slv_js_global(js), name,
                            JSObjectMakeFunctionWithCallback(ctx, name, natives[i].call), 0, NULL);
        JSStringRelease(name);
    }
    return js;
}

/* The value of an expression as text; "Name: message" when it throws. */
static void eval_into(const char *text, slv_buf *out)
{
    slv_js *js = engine();
    slv_err err = {0};
    JSValueRef thrown = NULL;
    JSValueRef v;

    slv_js_enter(js);
    v = slv_js_eval(js, slv_str_from(text), "test.js", 1, NULL, &err);
    if (!v || !slv_js_append_arg(slv_js_context(js), v, out, &thrown)) {
        slv_buf_reset(out);
        SLV_ASSERT(slv_buf_append(out, slv_str_from(err.message)) == SLV_OK);
    }
    slv_js_leave(js);
}

#define CHECK_EVAL(text, want)                                                                     \
    do {                                                                                           \
        SLV_CLEANUP(slv_buf_done) slv_buf got_value = SLV_BUF(1 << 20);                            \
        eval_into(text, &got_value);                                                               \
        CHECK_STR(slv_buf_view(&got_value), SLV_STR(want));                                        \
    } while (0)

TEST(strings_cross_whole_in_both_directions)
{
    CHECK_EVAL("echoText('plain')", "plain");
    CHECK_EVAL("echoText('a\\0b').length", "3");
    CHECK_EVAL("echoText('\\u00e9\\u20ac\\u{1f600}') === '\\u00e9\\u20ac\\u{1f600}'", "true");
    CHECK_EVAL("echoText('x'.repeat(70000)) === 'x'.repeat(70000)", "true");
    CHECK_EVAL("echoText('\\u20ac'.repeat(70000)) === '\\u20ac'.repeat(70000)", "true");
    CHECK_EVAL("echoText('')", "");
    CHECK_EVAL("echoText(12.5)", "12.5");
    CHECK_EVAL("echoText({ toString() { throw new RangeError('no'); } })", "RangeError: no");
    CHECK_EVAL("echoText(Symbol())", "TypeError: Cannot convert a symbol to a string");
}

TEST(lone_surrogates_become_replacement_characters_and_are_told)
{
    CHECK_EVAL("echoText('a\\ud800b') === 'a\\ufffdb'", "true");
    CHECK_EVAL("textLength('a\\ud800b').join()", "5,true");
    CHECK_EVAL("textLength('\\udc00').join()", "3,true");
    CHECK_EVAL("textLength('\\u{1f600}').join()", "4,false");
    CHECK_EVAL("textLength('\\u00ff').join()", "2,false");
}

TEST(numbers_cross_as_the_language_converts_them)
{
    CHECK_EVAL("numbers(0)", "0 0 0");
    CHECK_EVAL("numbers(-1)", "4294967295 -1 -1");
    CHECK_EVAL("numbers(2147483647)", "2147483647 2147483647 2147483647");
    CHECK_EVAL("numbers(-2147483648)", "2147483648 -2147483648 -2147483648");
    CHECK_EVAL("numbers(4294967295)", "4294967295 -1 4294967295");
    CHECK_EVAL("numbers(4294967297)", "1 1 4294967297");
    CHECK_EVAL("numbers(0.5)", "0 0 0.5");
    CHECK_EVAL("numbers(-0)", "0 0 -0");
    CHECK_EVAL("numbers('17')", "17 17 17");
    CHECK_EVAL("numbers({ valueOf: () => 9 })", "9 9 9");
    CHECK_EVAL("numbers(undefined)", "0 0 nan");
    CHECK_EVAL("numbers(null)", "0 0 0");
    CHECK_EVAL("numbers(true)", "1 1 1");
    CHECK_EVAL("numbers(Symbol())", "TypeError: Cannot convert a symbol to a number");
    CHECK_EVAL("numbers({ valueOf() { throw new RangeError('no'); } })", "RangeError: no");
    CHECK_EVAL("add(40, 2)", "42");
    CHECK_EVAL("add('40', { valueOf: () => 2 })", "42");
}

TEST(promise_jobs_wait_until_the_turn_ends)
{
    CHECK_EVAL("var seen = ''; Promise.resolve().then(() => { seen += 'job '; });"
               "twice(() => { seen += echoText('native '); }); add(1, 2); seen",
               "native native ");
    CHECK_EVAL("seen", "native native job ");
}

TEST(random_units_survive_as_the_standard_decodes_them)
{
    slv_js *js = engine();
    JSContextRef ctx = slv_js_context(js);
    slv_prng prng;

    slv_prng_seed(&prng, tap_seed());
    for (int round = 0; round < 200; round++) {
        uint16_t units[300];
        size_t n = slv_prng_below(&prng, 300);
        SLV_CLEANUP(slv_buf_done) slv_buf want = SLV_BUF(4096);
        SLV_TEXT(got);
        JSValueRef thrown = NULL;

        for (size_t i = 0; i < n; i++)
            units[i] = (uint16_t)(slv_prng_below(&prng, 4) ? slv_prng_below(&prng, 128)
                                                           : slv_prng_below(&prng, 65536));
        CHECK(slv_utf16_to_utf8(units, n, &want) == SLV_OK);
        CHECK(slv_js_text_arg(ctx, slv_js_string_units(ctx, units, n), &got, &thrown));
        CHECK_STR(got.str, slv_buf_view(&want));
    }
}

TEST(binary_strings_take_units_up_to_255)
{
    CHECK_EVAL("latin1('\\u00ff\\0a') === '\\u00ff\\0a'", "true");
    CHECK_EVAL("latin1('\\u0100')", "null");
    CHECK_EVAL("latin1('x'.repeat(101))", "RangeError: String is too long");
}

TEST(bytes_come_from_buffers_and_every_kind_of_view)
{
    CHECK_EVAL("echoBytes(new Uint8Array([1, 2, 3]).subarray(1)).join()", "2,3");
    CHECK_EVAL("echoBytes(new Uint16Array([258]).buffer).join()", "2,1");
    CHECK_EVAL("echoBytes(new DataView(new Uint8Array([9, 8, 7]).buffer, 1, 1)).join()", "8");
    CHECK_EVAL("echoBytes(new Float64Array(0)).length", "0");
    CHECK_EVAL("{ const b = new ArrayBuffer(4); b.transfer(); echoBytes(b).length }", "0");
    CHECK_EVAL("{ const b = new ArrayBuffer(4), v = new Uint8Array(b, 1); b.transfer(); "
               "echoBytes(v).length }",
               "0");
    CHECK_EVAL("echoBytes('abc')", "TypeError: value is not an ArrayBuffer or a view of one");
    CHECK_EVAL("echoBytes({ byteLength: 5 })",
               "TypeError: value is not an ArrayBuffer or a view of one");
    CHECK_EVAL("echoBytes()", "TypeError: value is not an ArrayBuffer or a view of one");
}

TEST(sizes_are_whole_numbers_up_to_two_to_the_53rd_less_one)
{
    CHECK_EVAL("size(9007199254740991)", "9007199254740991");
    CHECK_EVAL("size(9007199254740992)", "RangeError: n must be an integer from 0 to 2^53-1");
    CHECK_EVAL("size(-1)", "RangeError: n must be an integer from 0 to 2^53-1");
    CHECK_EVAL("size(0.5)", "RangeError: n must be an integer from 0 to 2^53-1");
    CHECK_EVAL("size(NaN)", "RangeError: n must be an integer from 0 to 2^53-1");
}

TEST(handles_know_their_kind_and_can_be_closed)
{
    CHECK_EVAL("unbox(box())", "true");
    CHECK_EVAL("unbox({})", "TypeError: value is not a Box");
    CHECK_EVAL("{ const b = box(); closeBox(b); closeBox(b); unbox(b) }",
               "TypeError: this Box is closed");
}

TEST(natives_throw_errors_of_the_class_they_name)
{
    CHECK_EVAL("throwKind('type')", "TypeError: t1");
    CHECK_EVAL("throwKind('range')", "RangeError: r2");
    CHECK_EVAL("throwKind('')", "Error: e3");
    CHECK_EVAL("try { throwKind('type') } catch (e) { e instanceof TypeError }", "true");
}

TEST(promise_jobs_run_when_the_outermost_turn_ends)
{
    slv_js *js = engine();

    slv_js_enter(js);
    CHECK(slv_js_eval(js, SLV_STR("globalThis.ran = 0; Promise.resolve().then(() => ran++)"), "t",
                      1, NULL, NULL));
    slv_js_enter(js);
    slv_js_leave(js);
    CHECK_EVAL("ran", "0");
    slv_js_leave(js);
    CHECK_EVAL("ran", "1");
}

TEST(a_hostile_error_is_described_all_the_same)
{
    slv_js *js = engine();
    SLV_CLEANUP(slv_js_error_done) slv_js_error e = SLV_JS_ERROR_INIT;
    slv_err err = {0};

    slv_js_enter(js);
    CHECK(!slv_js_eval(js,
                       SLV_STR("throw Object.defineProperties(new Error('x'), { stack: { get() { "
                               "throw 1; } }, message: { get() { throw "
                               "2; } } })"),
                       "t", 1, &e, &err));
    CHECK_INT(err.code, SLV_E_JS);
    CHECK_STR(slv_buf_view(&e.name), SLV_STR("Error"));
    CHECK_INT(e.stack.len, 0);
    CHECK(!slv_js_eval(js, SLV_STR("throw null"), "t", 1, &e, &err));
    CHECK_STR(slv_buf_view(&e.message), SLV_STR("null"));
    CHECK(!slv_js_eval(js, SLV_STR("throw Object.create(null)"), "t", 1, &e, &err));
    slv_js_leave(js);
}

TEST(stacks_have_the_form_that_people_know)
{
    static const struct {
        const char *jsc, *want;
    } rows[] = {
        {"f@a.js:2:3\n@a.js:4:5", "\n    at f (a.js:2:3)\n    at a.js:4:5"},
        {"f@a.js:2:3\nmap@[native code]\ng@selvage:io:1:1\nglobal code@a.js:9:1",
         "\n    at f (a.js:2:3)\n    at a.js:9:1"},
        {"f@a.js:1:70", "\n    at f (a.js:1:6)"}, /* behind the wrapper on the first line */
        {"f@a.js:1:7", "\n    at f (a.js:1:7)"},
        {"f@a.js:5:9\nf@a.js:2:1\nh@a.js:8:1",
         "\n    at f (a.js:5:9)\n    at h (a.js:8:1)"}, /* async: body and head */
        {"f@a.js:5:9\nf@a.js:3:1\nf@a.js:3:1",
         "\n    at f (a.js:5:9)\n    at f (a.js:3:1)\n    at f (a.js:3:1)"}, /* recursion */
        {"async f@a.js:5:9", "\n    at async f (a.js:5:9)"},
        {"async @a.js:5:9", "\n    at a.js:5:9"},
        {"f@file:///a:b/c.js:5:9", "\n    at f (file:///a:b/c.js:5:9)"},
        {"f@https://x/@y.js:5:9", "\n    at f@https://x/ (y.js:5:9)"},
        {"", ""},
        {"\n\n@", ""},
        {"f@:::", ""},
        {"TypeError: no frames", ""},
        {"TypeError: x\n    at f (a.js:1:70)\n    at b.js:1:2",
         "\n    at f (a.js:1:70)\n    at b.js:1:2"},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1000);

        CHECK(slv_js_stack_frames(slv_str_from(rows[i].jsc), &out) == SLV_OK);
        CHECK_STR(slv_buf_view(&out), slv_str_from(rows[i].want));
    }
}

TEST(built_ins_are_found_by_their_whole_name)
{
    CHECK(slv_builtin_find(SLV_STR("io")));
    CHECK(!slv_builtin_find(SLV_STR("i")));
    CHECK(!slv_builtin_find(SLV_STR("ioo")));
    CHECK(!slv_builtin_find(SLV_STR("")));
    for (size_t i = 0; i < slv_builtin_count; i++)
        CHECK(slv_builtin_find(slv_str_from(slv_builtins[i].name)) == &slv_builtins[i]);
}

TAP_MAIN()
