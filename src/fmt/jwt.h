/*
 * jwt.h - JSON Web Tokens that we issue ourselves: HS256 alone. Any thread.
 *
 * Limits: a token has at most SLV_JWT_MAX bytes.
 */
#ifndef SLV_FMT_JWT_H
#define SLV_FMT_JWT_H

#include "fmt/doc.h"

#define SLV_JWT_MAX ((size_t)16 << 10)

/* Appends the token of a JSON object of claims. */
SLV_NODISCARD slv_code slv_jwt_put(slv_str key, slv_str claims_json, slv_buf *out);
/* The claims, in the arena. SLV_E_PARSE: no token of this kind; SLV_E_DENIED: another key has
 * signed it, or (SLV_E_TIMEOUT) its claim `exp` is not after now_s. One without `exp` is denied. */
SLV_NODISCARD slv_code slv_jwt_check(slv_str key, slv_str token, int64_t now_s, slv_arena *arena,
                                     slv_node **ret_claims);

#endif
