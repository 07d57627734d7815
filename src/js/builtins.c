#include "js/builtins.h"

#include <stdio.h>

#include "js/engine_int.h"

/* load() keeps what was evaluated in an object without prototype: a property read, which no user
   code can patch. `primordials` is the first and gets no P. */
static const char loader_text[] =
    "(function (N, compile) {\n"
    "  'use strict';\n"
    "  const modules = { __proto__: null };\n"
    "  let P;\n"
    "  function load(name) {\n"
    "    const known = modules[name];\n"
    "    if (known !== undefined && known !== null) return known;\n"
    "    if (known === null) throw new Error('built-in module cycle at \"' + name + '\"');\n"
    "    const make = compile(name);\n"
    "    modules[name] = null;\n"
    "    try {\n"
    "      return modules[name] = make(N, load, P);\n"
    "    } finally {\n"
    "      if (modules[name] === null) modules[name] = undefined;\n"
    "    }\n"
    "  }\n"
    "  P = modules.primordials = load('primordials').P;\n"
    "  return load;\n"
    "})";

const slv_builtin *slv_builtin_find(slv_str name)
{
    size_t low = 0;
    size_t high = slv_builtin_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = slv_str_cmp(slv_str_from(slv_builtins[mid].name), name);

        if (order == 0)
            return &slv_builtins[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* The function that a built-in's text is. The text is ASCII, so the engine keeps it with one byte a
 * character. */
SLV_NATIVE(compile)
{
    SLV_TEXT(name);
    const slv_builtin *b;
    char url[128];
    JSStringRef text;
    JSStringRef source;
    JSValueRef made;

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &name, exc))
        return NULL;
    b = slv_builtin_find(name.str);
    if (!b)
        return slv_js_throw_error(ctx, exc, "no built-in module \"%.*s\"", SLV_STR_ARGS(name.str));

    (void)snprintf(url, sizeof url, "selvage:%s", b->name);
    text = JSStringCreateWithUTF8CString(b->text);
    source = JSStringCreateWithUTF8CString(url);
    made = JSEvaluateScript(ctx, text, NULL, source, 1, exc);
    JSStringRelease(source);
    JSStringRelease(text);
    return made;
}

bool slv_js_start_loader(slv_js *js, JSValueRef *exc)
{
    JSContextRef ctx = js->ctx;
    JSStringRef text = JSStringCreateWithUTF8CString(loader_text);
    JSStringRef source = JSStringCreateWithUTF8CString("selvage:load");
    JSValueRef make = JSEvaluateScript(ctx, text, NULL, source, 1, exc);
    JSValueRef load;

    JSStringRelease(source);
    JSStringRelease(text);
    if (!make)
        return false;
    load = JSObjectCallAsFunction(
        ctx, (JSObjectRef)(size_t)make, NULL, 2,
        (JSValueRef[]){js->natives, JSObjectMakeFunctionWithCallback(ctx, NULL, compile)}, exc);
    if (!load)
        return false;
    js->load = (JSObjectRef)(size_t)load;
    JSValueProtect(ctx, load);
    return true;
}

JSObjectRef slv_js_load(slv_js *js, const char *name, JSValueRef *exc)
{
    JSContextRef ctx = js->ctx;
    JSValueRef exports;

    if (!js->load && !slv_js_start_loader(js, exc))
        return NULL;
    exports = JSObjectCallAsFunction(ctx, js->load, NULL, 1,
                                     (JSValueRef[]){slv_js_string(ctx, slv_str_from(name))}, exc);
    return exports ? (JSObjectRef)(size_t)exports : NULL;
}
