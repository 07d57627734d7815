/*
 * js.h - the engine: one JavaScriptCore VM with one context in this process, and the one way into
 * it.
 *
 * Threads: one, the one that made it; no other may call anything of src/js. Order: slv_js_new,
 * slv_js_add_natives…, then turns. Before a fork nothing but slv_js_new and evaluation may have
 * happened; slv_js_after_fork repairs what the engine shares with its parent (its run loop's
 * eventfd).
 *
 * A turn: slv_js_enter, exactly one slv_js_call for one event, slv_js_leave. Leaving runs all
 * promise jobs; that is the only checkpoint, and the only thing that tells whose turn a
 * continuation is. Never block or poll between the two.
 */
#ifndef SLV_JS_JS_H
#define SLV_JS_JS_H

#include "base/buf.h"
#include "js/native.h"

/* Longest message and stack that are kept of an exception. */
#define SLV_JS_ERROR_TEXT_MAX ((size_t)64 << 10)

/* What was thrown, as text. */
typedef struct slv_js_error {
    slv_buf name;    /* "TypeError"; empty when what was thrown is no error */
    slv_buf message; /* or the thrown value as a string */
    slv_buf stack; /* V8 style: "TypeError: x\n    at f (index.js:1:2)"; empty when there is none */
} slv_js_error;

void slv_js_error_done(slv_js_error *e);
SLV_DEFINE_CLEANUP_DONE(slv_js_error, slv_js_error_done);
#define SLV_JS_ERROR_INIT                                                                          \
    ((slv_js_error){SLV_BUF(SLV_JS_ERROR_TEXT_MAX), SLV_BUF(SLV_JS_ERROR_TEXT_MAX),                \
                    SLV_BUF(SLV_JS_ERROR_TEXT_MAX)})

/* The first call in a process also sets the engine's options. Aborts when there is an engine
 * already. */
slv_js *slv_js_new(void);
slv_js *slv_js_free(slv_js *js);
SLV_DEFINE_CLEANUP(slv_js *, slv_js_free);

/* What natives find their owner by; NULL until set. */
void slv_js_set_user(slv_js *js, void *user);
void *slv_js_user(slv_js *js);

JSGlobalContextRef slv_js_context(slv_js *js);
JSObjectRef slv_js_global(slv_js *js);

void slv_js_enter(slv_js *js); /* nests */
void slv_js_leave(slv_js *js); /* the outermost runs the promise jobs */

/* Source that is wrapped into a function starts behind a prefix of this many columns, so that
   positions of its first line can be told: slv_js_stack_frames takes them off. */
#define SLV_JS_WRAP_COLUMNS 64

/* A JSStringRef for source text (UTF-8), in the form that the parser is quickest with. The caller
 * releases it. */
JSStringRef slv_js_source(slv_str text);
/* Evaluates text as a script. `name` is its URL in stacks. Returns the value, or NULL and fills err
   (code E_JS, message "Name: message") and ret_error (may be NULL). Text is UTF-8. */
JSValueRef slv_js_eval(slv_js *js, slv_str text, const char *name, int first_line,
                       slv_js_error *ret_error, slv_err *err);
/* Calls fn with `this` undefined. As above. */
JSValueRef slv_js_call(slv_js *js, JSObjectRef fn, size_t argc, const JSValueRef argv[],
                       slv_js_error *ret_error, slv_err *err);
/* Describes an exception without running user code where that can be had (getters of hostile errors
 * are survived). */
void slv_js_describe(slv_js *js, JSValueRef thrown, slv_js_error *ret_error, slv_err *err);

/* V8's form of a stack of this engine (or what follows the headline of one that has it already):
 * appends "\n    at f (url:l:c)" for each frame of the program's own code. */
SLV_NODISCARD slv_code slv_js_stack_frames(slv_str jsc_stack, slv_buf *out);

/* Called at the end of a drain with each rejected promise that nobody handles; inside the engine.
 * NULL: none. */
void slv_js_on_unhandled(slv_js *js, JSObjectRef function);
/* eval, new Function and the like throw EvalError(message) from now on. */
void slv_js_disable_eval(slv_js *js, const char *message);

/* Runs what the engine waits for in its run loop (collector timers, finalisation registries). Never
   blocks; outside of a turn. */
void slv_js_pump(slv_js *js);
/* In a child, before anything else of the engine. */
void slv_js_after_fork(slv_js *js);
/* A full collection, now: milliseconds for each 10 MB that live. The engine is entered. */
void slv_js_collect(slv_js *js);
/* What the heap holds, with the memory that its objects keep outside of it (buffers, strings).
   Walks the heap. The engine is entered. */
uint64_t slv_js_heap_bytes(slv_js *js);

#endif
