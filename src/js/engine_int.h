/*
 * engine_int.h - what the files of src/js share: the engine's state, and functions of the library
 * that no header lists.
 */
#ifndef SLV_JS_ENGINE_INT_H
#define SLV_JS_ENGINE_INT_H

#include <glib.h>

#include "base/map.h"
#include "js/js.h"

/* Exported by the library, in no header: the API lock, whose outermost release runs the promise
 * jobs. */
void JSLock(JSContextRef ctx);
void JSUnlock(JSContextRef ctx);
void JSGlobalContextSetUnhandledRejectionCallback(JSGlobalContextRef ctx, JSObjectRef function,
                                                  JSValueRef *exc);
void JSGlobalContextSetEvalEnabled(JSGlobalContextRef ctx, bool enabled, JSStringRef message);
void JSReportExtraMemoryCost(JSContextRef ctx, size_t size);
void JSSynchronousGarbageCollectForDebugging(JSContextRef ctx);
JSObjectRef JSGetMemoryUsageStatistics(JSContextRef ctx);

struct slv_js {
    GMainContext *loop; /* thread default of the engine's thread, made before the VM */
    JSGlobalContextRef ctx;
    JSObjectRef natives; /* N */
    JSObjectRef load;    /* the built-ins' load(name); NULL until the first slv_js_load */
    JSObjectRef
        view_of; /* DataView, Float16Array -> Uint8Array over the same bytes, else undefined */
    JSClassRef handle_class;
    void *user;
    int depth; /* of slv_js_enter */
};

/* Makes js->load: everything that follows may be asked of the built-ins. */
SLV_NODISCARD bool slv_js_start_loader(slv_js *js, JSValueRef *exc);
void slv_js_init_handles(slv_js *js);
/* Learns how this engine writes small integers, before any argument is read. */
void slv_js_init_numbers(JSContextRef ctx);
/* A JavaScript string without checks: each byte is one unit. */
JSStringRef slv_js_widen(const char *ptr, size_t len);

#endif
