#include "rt/object_int.h"

/* Frames of hibernating sockets. Main has the sockets; what is sent here names them by their ids.
 */

/* socketSay(object, frame type, format, fields): SOCKET_ACCEPT, SOCKET_CLOSE, SOCKET_ATTACH,
 * SOCKET_OPTIONS; the format's letters are those of op() */
SLV_NATIVE(socket_say)
{
    slv_rt *rt = slv_rt_current();
    rt_object *o = slv_rt_object_arg(rt, ctx, SLV_ARG(0), exc);
    SLV_TEXT(format);
    uint32_t type;
    slv_buf *out;
    size_t at;

    if (!o || !slv_js_u32_arg(ctx, SLV_ARG(1), &type, exc) ||
        !slv_js_text_arg(ctx, SLV_ARG(2), &format, exc))
        return NULL;
    SLV_ASSERT(type >= SLV_FRAME_SOCKET_ACCEPT && type <= SLV_FRAME_SOCKET_OPTIONS &&
               format.str.len < sizeof format.small);
    format.small[format.str.len] = '\0';
    out = slv_rt_frame_begin(rt, (slv_frame_type)type, 0, o->number, &at);
    if (!slv_rt_wire_put_array(ctx, format.small, SLV_ARG(3), out, exc)) {
        slv_frame_undo(out, at);
        return NULL;
    }
    if (slv_rt_frame_try_end(rt, at) != SLV_OK)
        return slv_js_throw_range(ctx, exc, "Out of memory");
    return slv_js_undefined(ctx);
}

/* socketTell(object, socket, string or bytes): a message */
SLV_NATIVE(socket_tell)
{
    slv_rt *rt = slv_rt_current();
    rt_object *o = slv_rt_object_arg(rt, ctx, SLV_ARG(0), exc);
    bool text = JSValueIsString(ctx, SLV_ARG(2));
    uint32_t socket;
    slv_buf *out;
    size_t at;
    bool ok;

    if (!o || !slv_js_u32_arg(ctx, SLV_ARG(1), &socket, exc))
        return NULL;
    out = slv_rt_frame_begin(rt, SLV_FRAME_SOCKET_SEND, text ? SLV_FRAME_TEXT : 0, o->number, &at);
    ok = slv_buf_append_u32(out, socket) == SLV_OK;
    if (ok && text) {
        ok = slv_js_append_arg(ctx, SLV_ARG(2), out, exc);
    } else if (ok) {
        slv_js_bytes b = {NULL, 0};

        ok = slv_js_bytes_arg(ctx, SLV_ARG(2), &b, exc) &&
             slv_buf_append(out, slv_js_bytes_str(b)) == SLV_OK;
    }
    if (!ok) {
        slv_frame_undo(out, at);
        return *exc ? NULL : slv_js_throw_range(ctx, exc, "Out of memory");
    }
    if (slv_rt_frame_try_end(rt, at) != SLV_OK)
        return slv_js_throw_range(ctx, exc, "The message is too large.");
    return slv_js_undefined(ctx);
}

static const slv_native socket_natives[] = {
    {"socketSay", socket_say},
    {"socketTell", socket_tell},
};

void slv_rt_add_object_socket_natives(slv_rt *rt)
{
    slv_js_add_natives(rt->js, socket_natives, SLV_ARRAY_LEN(socket_natives));
}
