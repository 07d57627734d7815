/*
 * redact.h - what is hidden of requests before people or other workers look at them: values of
 * fields that carry credentials, and parts of URLs that look like keys. Pure; any thread.
 *
 * By rules of thumb (the platform's): hexadecimal digits, 32 or more in a run, and runs of 21 or
 * more characters of base64 with two digits, two capital and two small letters at the least.
 */
#ifndef SLV_FMT_REDACT_H
#define SLV_FMT_REDACT_H

#include "base/buf.h"

#define SLV_REDACTED "REDACTED"

/* True when the value of that field (name in any case) is hidden. */
bool slv_redact_header(slv_str name);
/* Appends the URL; *ret_changed (may be NULL): whether a part of it was hidden. */
SLV_NODISCARD slv_code slv_redact_url(slv_str url, slv_buf *out, bool *ret_changed);

#endif
