/*
 * http1_write.h - response heads as HTTP/1 text, into an output queue. Loop thread only. Private to
 * net.
 */
#ifndef SLV_NET_HTTP1_WRITE_H
#define SLV_NET_HTTP1_WRITE_H

#include "net/exchange.h"
#include "net/outq.h"

typedef struct slv_http1_write {
    int version;       /* of the request, 10 or 11 */
    bool keep_alive;   /* Connection says what differs from the version's default */
    bool bare;         /* 204, 304: no framing of ours */
    bool keeps_length; /* HEAD, 304: a Content-Length given is sent instead of ours */
    bool chunked;
    bool upgrade; /* 101: "Connection: Upgrade", "Upgrade: websocket" */
    slv_str date; /* 29 characters */
    slv_str hsts; /* a line that is added where the response has none of its own; may be empty */
} slv_http1_write;

/* SLV_E_INVAL, SLV_E_LIMIT: nothing was queued. */
SLV_NODISCARD slv_code slv_http1_write_head(slv_outq *q, const slv_response_head *head,
                                            const slv_http1_write *how, slv_err *err);
/* Standard phrase; "" for an unknown status. */
const char *slv_http_reason(int status);
/* "Sun, 06 Nov 1994 08:49:37 GMT" and a NUL. */
void slv_http_date(int64_t wall_ms, char out[30]);
/* True for fields that belong to one connection: connection, keep-alive, transfer-encoding,
   upgrade, te, trailer, proxy-connection. name in any case. */
bool slv_http_hop_by_hop(slv_str name);

/* Walks a header block (name ":" value "\n"). False at its end, or with *ret_bad set at a malformed
   row: a name that is no token, a value with a control character, no LF. Values are trimmed of
   blanks. */
bool slv_http_block_next(slv_str *block, slv_str *ret_name, slv_str *ret_value, bool *ret_bad);

#endif
