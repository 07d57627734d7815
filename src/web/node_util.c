#include "web/node_util.h"

/*
 * N.proxyTarget(value)   the target of a Proxy, revoked or not; undefined for all else, the global
 * object included
 */

/* Exported by the engine, declared in a header that is not installed. */
extern JSObjectRef JSObjectGetProxyTarget(JSObjectRef object);

SLV_NATIVE(native_proxy_target)
{
    JSValueRef value = SLV_ARG(0);
    JSObjectRef target;

    /* What scripts hold as globalThis stands before the real global object, which the engine counts
     * as a proxy, too. */
    if (!JSValueIsObject(ctx, value) || value == (JSValueRef)JSContextGetGlobalObject(ctx))
        return slv_js_undefined(ctx);
    target = JSObjectGetProxyTarget((JSObjectRef)(size_t)value);
    return target ? target : slv_js_undefined(ctx);
}

static const slv_native util_natives[] = {{"proxyTarget", native_proxy_target}};

void slv_web_node_util_register(slv_js *js)
{
    slv_js_add_natives(js, util_natives, SLV_ARRAY_LEN(util_natives));
}
