/* Text that goes into the bundle and comes out of it. */
#include "bundle/bundle.h"
#include "fmt/json.h"

/* ---- built-in modules ---- */

/* The exports of the platform's modules: a name that is not among them is an error when bundling,
   as it is when the platform links. */
static const struct {
    const char *name;
    const char *exports[20];
} platform_modules[] = {
    {"cloudflare:workers",
     {"DurableObject", "RpcPromise", "RpcProperty", "RpcStub", "RpcTarget", "ServiceStub",
      "WorkerEntrypoint", "WorkflowEntrypoint", "cache", "env", "exports", "tracing", "waitUntil",
      "withEnv", "withEnvAndExports", "withExports"}},
    {"cloudflare:sockets", {"connect", "internalNewHttpClient"}},
    {"cloudflare:email", {"EmailMessage"}},
    {"cloudflare:node", {"handleAsNodeRequest", "httpServerHandler"}},
    {"cloudflare:workflows", {"NonRetryableError"}},
    {"cloudflare:pipelines", {"PipelineTransformationEntrypoint"}},
};

/* A call of the host's `function` with a module's name. What is not there fails when the importing
 * module is evaluated, and not before. */
static slv_code put_host_call(slv_buf *out, const char *before, const char *function, slv_str name,
                              bool polyfills, const char *after)
{
    SLV_TRY(slv_buf_printf(out, "%s__selvage.%s(", before, function));
    SLV_TRY(slv_json_put_string(out, name));
    return slv_buf_printf(out, "%s)%s;\n", polyfills ? ", true" : "", after);
}

/*
 * A module of Node is three texts, because its names are known only when the worker runs: the one
 * that `import` leads to takes its names from a CommonJS module (esbuild looks up at run time what
 * that exports), and its default from the host; `require` leads to the default itself.
 */
static slv_code node_shim(slv_str name, bool polyfills, slv_buf *out)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("export * from \"" SLV_BUNDLE_NAMES)));
    SLV_TRY(slv_buf_printf(out, "%.*s\";\n", SLV_STR_ARGS(name)));
    return put_host_call(out, "export default ", "module", name, polyfills, ".default");
}

slv_code slv_bundle_shim(slv_str name, bool polyfills, slv_buf *out)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(platform_modules); i++) {
        if (!slv_str_is(name, platform_modules[i].name))
            continue;
        /* what is not imported falls away: the annotations say that nothing happens here */
        SLV_TRY(slv_buf_printf(out, "var m = /* @__PURE__ */ __selvage.module(\"%s\");\n",
                               platform_modules[i].name));
        for (const char *const *e = platform_modules[i].exports; *e; e++)
            SLV_TRY(slv_buf_printf(
                out, "var v_%s = /* @__PURE__ */ (() => m.%s)();\nexport { v_%s as %s };\n", *e, *e,
                *e, *e));
        return SLV_OK;
    }
    if (slv_str_starts(name, SLV_STR(SLV_BUNDLE_NAMES)))
        return put_host_call(out, "module.exports = ", "module",
                             slv_str_skip(name, strlen(SLV_BUNDLE_NAMES)), polyfills, "");
    if (slv_str_starts(name, SLV_STR(SLV_BUNDLE_REQUIRE)))
        return put_host_call(out, "module.exports = ", "builtin",
                             slv_str_skip(name, strlen(SLV_BUNDLE_REQUIRE)), polyfills, "");
    if (slv_str_starts(name, SLV_STR("node:")))
        return node_shim(name, polyfills, out);
    return put_host_call(out, "module.exports = ", "module", name, false, "");
}

bool slv_node_module_name(slv_str name)
{
    static const char *const names[] = {
        "_http_agent",
        "_http_client",
        "_http_common",
        "_http_incoming",
        "_http_outgoing",
        "_http_server",
        "_stream_duplex",
        "_stream_passthrough",
        "_stream_readable",
        "_stream_transform",
        "_stream_wrap",
        "_stream_writable",
        "_tls_common",
        "_tls_wrap",
        "assert",
        "assert/strict",
        "async_hooks",
        "buffer",
        "child_process",
        "cluster",
        "console",
        "constants",
        "crypto",
        "dgram",
        "diagnostics_channel",
        "dns",
        "dns/promises",
        "domain",
        "events",
        "fs",
        "fs/promises",
        "http",
        "http2",
        "https",
        "inspector",
        "inspector/promises",
        "module",
        "net",
        "os",
        "path",
        "path/posix",
        "path/win32",
        "perf_hooks",
        "process",
        "punycode",
        "querystring",
        "readline",
        "readline/promises",
        "repl",
        "stream",
        "stream/consumers",
        "stream/promises",
        "stream/web",
        "string_decoder",
        "sys",
        "timers",
        "timers/promises",
        "tls",
        "trace_events",
        "tty",
        "url",
        "util",
        "util/types",
        "v8",
        "vm",
        "wasi",
        "worker_threads",
        "zlib",
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(names); i++)
        if (slv_str_is(name, names[i]))
            return true;
    return false;
}

/* ---- the export list ---- */

typedef struct scan {
    slv_str s;
    size_t at;
} scan;

static int peek(const scan *c)
{
    return c->at < c->s.len ? (unsigned char)c->s.ptr[c->at] : -1;
}

static void space(scan *c)
{
    while (peek(c) == ' ' || peek(c) == '\n' || peek(c) == '\t' || peek(c) == '\r')
        c->at++;
}

static bool is_word(int c)
{
    return c >= 0x80 || c == '$' || c == '_' || c == '\\' ||
           (c > 0 && (slv_is_alpha((char)c) || slv_is_digit((char)c)));
}

static bool word(scan *c, slv_str *ret)
{
    size_t start = c->at;

    while (is_word(peek(c)))
        c->at++;
    *ret = slv_str_sub(c->s, start, c->at);
    return ret->len > 0;
}

/* A name or a string literal. */
static bool alias(scan *c, slv_str *ret)
{
    size_t start = c->at;
    int quote = peek(c);

    if (quote != '"' && quote != '\'')
        return word(c, ret);
    for (c->at++; peek(c) != quote; c->at++) {
        if (peek(c) == -1)
            return false;
        if (peek(c) == '\\')
            c->at++;
    }
    c->at++;
    *ret = slv_str_sub(c->s, start, c->at);
    return true;
}

static slv_code put_getter(slv_buf *out, slv_str name, slv_str local)
{
    return slv_buf_printf(out, "get %.*s() { return %.*s; }, ", SLV_STR_ARGS(name),
                          SLV_STR_ARGS(local));
}

/* "{ a, b as c }": appended to out as getters. */
static bool export_list(scan *c, slv_buf *out)
{
    c->at++;
    for (;;) {
        slv_str local, name;

        space(c);
        if (peek(c) == '}')
            break;
        if (!word(c, &local))
            return false;
        name = local;
        space(c);
        if (slv_str_starts(slv_str_skip(c->s, c->at), SLV_STR("as")) &&
            !is_word(c->at + 2 < c->s.len ? (unsigned char)c->s.ptr[c->at + 2] : -1)) {
            c->at += 2;
            space(c);
            if (!alias(c, &name))
                return false;
            space(c);
        }
        if (put_getter(out, name, local) != SLV_OK)
            return false;
        if (peek(c) == ',')
            c->at++;
        else if (peek(c) != '}')
            return false;
    }
    c->at++;
    return true;
}

/* "default require_x()": what a CommonJS entry becomes. It is evaluated once, at the end of the
 * module. */
static bool export_default(scan *c, slv_buf *out)
{
    slv_str name;

    if (!word(c, &name) || !slv_str_is(name, "default"))
        return false;
    space(c);
    if (!word(c, &name) || peek(c) != '(' || c->at + 1 >= c->s.len || c->s.ptr[c->at + 1] != ')')
        return false;
    c->at += 2;
    return slv_buf_printf(out, "default: %.*s(), ", SLV_STR_ARGS(name)) == SLV_OK;
}

/* The export clause at `at`, when nothing follows it. */
static bool clause_at(slv_str text, size_t at, slv_buf *out)
{
    scan c = {text, at + 6};
    bool ok;

    if (at > 0 && (is_word((unsigned char)text.ptr[at - 1]) || text.ptr[at - 1] == '.'))
        return false;
    slv_buf_reset(out);
    if (is_word(peek(&c)))
        return false;
    space(&c);
    ok = peek(&c) == '{' ? export_list(&c, out) : export_default(&c, out);
    if (!ok)
        return false;
    space(&c);
    if (peek(&c) == ';')
        c.at++;
    space(&c);
    return c.at == text.len;
}

slv_code slv_bundle_return(slv_str text, bool has_exports, slv_buf *out, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf getters = SLV_BUF(SLV_BUNDLE_MAX);

    for (size_t at = text.len < 6 ? 0 : text.len - 5; has_exports && at-- > 0;) {
        if (memcmp(text.ptr + at, "export", 6) != 0 || !clause_at(text, at, &getters))
            continue;
        SLV_TRY(slv_buf_append(out, slv_str_sub(text, 0, at)));
        return slv_buf_printf(out, "return { %.*s};\n", SLV_STR_ARGS(slv_buf_view(&getters)));
    }
    if (has_exports)
        return slv_fail(err, SLV_E_PARSE, "the bundle has no export list at its end");
    return slv_buf_append(out, text);
}

void slv_bundle_hide_require(slv_buf *script)
{
    const slv_str made = SLV_STR("typeof __require"), absent = SLV_STR("typeof $_require");
    slv_str text = slv_buf_view(script);

    for (size_t at = 0; (at = slv_str_find(text, made, at)) != SIZE_MAX; at++)
        memcpy(script->ptr + at, absent.ptr, absent.len);
}
