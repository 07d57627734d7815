/*
 * The role __rewrite: one script on standard input, the same with its asynchronous context carried
 * on standard output (bundle/rewrite.h has the form of both). The work is jslib/rewrite.js's; what
 * it reads is a stranger's program, so the process has locked itself down before it reads.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "rt/roles_int.h"
#include "rt/rt_int.h"

#define INPUT_MAX ((size_t)512 << 20)
#define CHUNK ((size_t)256 << 10)

static slv_code read_all(slv_buf *in, slv_err *err)
{
    for (;;) {
        ssize_t n;

        SLV_TRY(slv_buf_reserve(in, CHUNK));
        n = read(STDIN_FILENO, in->ptr + in->len, CHUNK);
        if (n == 0)
            return SLV_OK;
        if (n > 0)
            in->len += (size_t)n;
        else if (errno != EINTR)
            return slv_fail_errno(err, SLV_E_IO, "standard input");
    }
}

static slv_code write_all(const slv_buf *out, slv_err *err)
{
    for (size_t at = 0; at < out->len;) {
        ssize_t n = write(STDOUT_FILENO, out->ptr + at, out->len - at);

        if (n > 0)
            at += (size_t)n;
        else if (errno != EINTR)
            return slv_fail_errno(err, SLV_E_IO, "standard output");
    }
    return SLV_OK;
}

/* A str: its length, then its bytes. */
static slv_code put_member(JSContextRef ctx, JSObjectRef object, const char *name, slv_buf *out,
                           slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(INPUT_MAX);
    JSValueRef thrown = NULL;
    JSValueRef value = slv_js_get(ctx, object, name, &thrown);

    if (thrown || !slv_js_append_arg(ctx, value, &text, &thrown))
        return slv_fail(err, SLV_E_LIMIT, "the rewritten script is too large");
    SLV_TRY(slv_buf_append_u32(out, (uint32_t)text.len));
    return slv_buf_append(out, slv_buf_view(&text));
}

static slv_code rewrite(slv_rt *rt, JSObjectRef fn, slv_str input, slv_buf *out, slv_err *err)
{
    JSContextRef ctx = slv_js_context(rt->js);
    slv_reader r = slv_reader_make(input);
    slv_str code = slv_read_str(&r);
    slv_str map = slv_read_str(&r);
    JSValueRef args[2], result;
    JSObjectRef object;

    if (r.bad)
        return slv_fail(err, SLV_E_PARSE, "the script did not arrive whole");
    args[0] = slv_js_string(ctx, code);
    args[1] = slv_js_string(ctx, map);
    result = slv_js_call(rt->js, fn, 2, args, NULL, err);
    if (!result)
        return SLV_E_JS;
    object = (JSObjectRef)(size_t)result;
    SLV_TRY(slv_buf_append_u8(out, 1));
    SLV_TRY(put_member(ctx, object, "code", out, err));
    return put_member(ctx, object, "map", out, err);
}

int slv_role_rewrite(int argc, char **argv)
{
    SLV_CLEANUP(slv_buf_done) slv_buf in = SLV_BUF(INPUT_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(2 * INPUT_MAX);
    static slv_rt rt;
    slv_sandbox_options options = {.role = SLV_SANDBOX_ISOLATE, .mode = slv_sandbox_mode_env()};
    slv_sandbox_report report = {0};
    slv_err err = {.code = SLV_OK};
    JSObjectRef fn;
    slv_code code;

    if (!slv_role_parent(argc, argv, &options.parent)) {
        (void)slv_fail(&err, SLV_E_INVAL, "__rewrite is started by selvage, not by people");
        return slv_role_fail(&err);
    }
    slv_rt_init(&rt);
    slv_js_enter(rt.js);
    fn = slv_rt_export(&rt, "rewrite", "rewrite");
    if (slv_sandbox_enter(&options, &report, &err) != SLV_OK || read_all(&in, &err) != SLV_OK)
        _exit(slv_role_fail(&err));
    code = rewrite(&rt, fn, slv_buf_view(&in), &out, &err);
    if (code != SLV_OK) { /* what is wrong with the script is an answer, too */
        slv_buf_reset(&out);
        if (slv_buf_append_u8(&out, 0) != SLV_OK ||
            slv_buf_append(&out, slv_str_from(slv_err_text(&err))) != SLV_OK)
            _exit(1);
    }
    if (write_all(&out, &err) != SLV_OK)
        _exit(slv_role_fail(&err));
    /* no destructors: the engine's threads may be at work, and nothing is left to save */
    _exit(0);
}
