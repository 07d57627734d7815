/*
 * ws_deflate.h - permessage-deflate without context takeover: streams live for one message. Loop
 * thread only. Private to net.
 *
 * Finished streams are kept for the next message of any socket on the loop (one of each), so that
 * an idle socket has none.
 */
#ifndef SLV_NET_WS_DEFLATE_H
#define SLV_NET_WS_DEFLATE_H

#include "base/buf.h"

typedef struct slv_deflater slv_deflater;
typedef struct slv_inflater slv_inflater;

/* For a message. */
slv_deflater *slv_deflater_get(int window_bits);
/* Compresses a piece and appends what there is to out (whose limit must be generous); fin ends the
 * message, the trailing 00 00 ff ff removed. */
SLV_NODISCARD slv_code slv_deflater_add(slv_deflater *d, slv_str piece, bool fin, slv_buf *out);
slv_deflater *slv_deflater_put(slv_deflater *d); /* done with; accepts NULL, returns NULL */

slv_inflater *slv_inflater_get(void);
/* Decompresses into out[cap]. *ret_used of in was read, *ret_len bytes came out; when *ret_len ==
   cap there may be more. fin: in is the last of the message (the 00 00 ff ff is added here).
   SLV_E_PARSE for what is no deflate stream. */
SLV_NODISCARD slv_code slv_inflater_run(slv_inflater *f, slv_str in, bool fin, char *out,
                                        size_t cap, size_t *ret_used, size_t *ret_len);
slv_inflater *slv_inflater_put(slv_inflater *f);
/* Frees the spare streams of this thread. */
void slv_ws_deflate_trim(void);

#endif
