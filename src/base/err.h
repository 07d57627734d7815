/*
 * err.h - result codes, optional error detail, and assertions. Any thread.
 *
 * Everything that can fail returns slv_code, which may not be ignored. slv_err lives on the
 * caller's stack and may be NULL everywhere. An empty message means that the code says it all. What
 * cannot happen is SLV_ASSERT, never a silent fallback. Libraries do not log; they describe.
 */
#ifndef SLV_BASE_ERR_H
#define SLV_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/* One row per code: name, value, short text. Expanded for the enum, the names and the texts. */
#define SLV_CODES(X)                                                                               \
    X(OK, 0, "ok")                                                                                 \
    X(E_INVAL, 1, "invalid argument")                                                              \
    X(E_NOTFOUND, 2, "not found")                                                                  \
    X(E_EXISTS, 3, "already exists")                                                               \
    X(E_LIMIT, 4, "limit exceeded")                                                                \
    X(E_AGAIN, 5, "try again")                                                                     \
    X(E_IO, 6, "input/output error")                                                               \
    X(E_PARSE, 7, "parse error")                                                                   \
    X(E_DENIED, 8, "not permitted")                                                                \
    X(E_CANCELED, 9, "canceled")                                                                   \
    X(E_TIMEOUT, 10, "timed out")                                                                  \
    X(E_CLOSED, 11, "closed")                                                                      \
    X(E_UNSUPPORTED, 12, "not supported")                                                          \
    X(E_PROTOCOL, 13, "protocol violation")                                                        \
    X(E_STATE, 14, "wrong state")                                                                  \
    X(E_NOMEM, 15, "out of memory")                                                                \
    X(E_JS, 16, "JavaScript exception")

typedef enum slv_code {
#define X(name, value, text) SLV_##name = value,
    SLV_CODES(X)
#undef X
} slv_code;

#define SLV_ERR_MESSAGE_MAX 512

typedef struct slv_err {
    slv_code code;
    int detail; /* errno, a library's code, or 0 */
    char message[SLV_ERR_MESSAGE_MAX];
} slv_err;

/* Fills err (when not NULL) and returns code. A text that is too long is cut at a UTF-8 boundary.
 */
slv_code slv_fail(slv_err *err, slv_code code, const char *fmt, ...) SLV_PRINTF(3, 4);
/* The same with ": strerror(errno)" appended and err->detail = errno. */
slv_code slv_fail_errno(slv_err *err, slv_code code, const char *fmt, ...) SLV_PRINTF(3, 4);

const char *slv_code_name(slv_code code); /* "E_LIMIT" */
const char *slv_code_text(slv_code code); /* "limit exceeded" */
/* The message, or the code's text when there is none. Valid as long as err. */
const char *slv_err_text(const slv_err *err);

#define SLV_TRY(expr)                                                                              \
    do {                                                                                           \
        slv_code try_code_ = (expr);                                                               \
        if (SLV_UNLIKELY(try_code_ != SLV_OK))                                                     \
            return try_code_;                                                                      \
    } while (0)

SLV_NORETURN void slv_assert_fail(const char *expr, const char *file, int line, const char *func);
#define SLV_ASSERT(x) (SLV_LIKELY(x) ? (void)0 : slv_assert_fail(#x, __FILE__, __LINE__, __func__))
#define SLV_UNREACHABLE() slv_assert_fail("unreachable", __FILE__, __LINE__, __func__)

#endif
