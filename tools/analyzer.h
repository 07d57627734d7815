/*
 * analyzer.h - what clang's analyzer cannot see in a header: that a function which fails gives back
 * the code that it was given, and that code is never SLV_OK. tools/lint.sh puts it before every
 * source that it has analyzed; nothing is compiled with it.
 */
#include "base/err.h"

#define slv_fail(err, code, ...) (((slv_fail)((err), (code), __VA_ARGS__)), slv_failed_(code))
#define slv_fail_errno(err, code, ...)                                                             \
    (((slv_fail_errno)((err), (code), __VA_ARGS__)), slv_failed_(code))

static inline slv_code slv_failed_(slv_code code)
{
    if (code == SLV_OK)
        __builtin_unreachable();
    return code;
}
