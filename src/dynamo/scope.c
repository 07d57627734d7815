#include "dynamo/scope.h"

#include <stdio.h>

typedef struct error_row {
    const char *type, *name;
    int status;
} error_row;

static const error_row rows[] = {[SLV_DYN_ERROR_NONE] = {"", "", 200},
#define X(id, prefix, error_name, http)                                                            \
    [SLV_DYN_ERROR_##id] = {SLV_DYN_PREFIX_##prefix error_name, error_name, http},
                                 SLV_DYN_ERRORS(X)
#undef X
};

const char *slv_dyn_error_name(slv_dyn_error e)
{
    return rows[e].name;
}

const char *slv_dyn_error_type(slv_dyn_error e)
{
    return rows[e].type;
}

int slv_dyn_error_status(slv_dyn_error e)
{
    return rows[e].status;
}

const char *slv_dyn_error_member(slv_dyn_error e)
{
    return e == SLV_DYN_ERROR_SERIALIZATION || e == SLV_DYN_ERROR_ACCESS_DENIED ? "Message"
                                                                                : "message";
}

slv_code slv_dyn_fail(slv_dyn_scope *sc, slv_dyn_error e, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return SLV_E_NOMEM;
    text = slv_arena_try_alloc(sc->arena, (size_t)n + 1);
    if (!text)
        return SLV_E_LIMIT;
    va_start(ap, fmt);
    n = vsnprintf(text, (size_t)n + 1, fmt, ap);
    va_end(ap);
    if (n < 0)
        return SLV_E_NOMEM;
    sc->error = e;
    sc->message = slv_str_make(text, (size_t)n);
    return SLV_E_INVAL;
}
