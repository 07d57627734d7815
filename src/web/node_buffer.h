/*
 * node_buffer.h - natives of Node's Buffer (jslib/node/internal/buffer*.js): strings in Node's
 * encodings, comparison, search, byte order. The engine's thread.
 *
 * Encodings are numbers, in the order of slv_node_encoding. Decoding text never fails, as in Node:
 * what does not belong to the encoding is left out or ends it.
 */
#ifndef SLV_WEB_NODE_BUFFER_H
#define SLV_WEB_NODE_BUFFER_H

#include "base/buf.h"
#include "js/native.h"

typedef enum slv_node_encoding {
    SLV_NODE_UTF8,
    SLV_NODE_UTF16LE,
    SLV_NODE_LATIN1,
    SLV_NODE_ASCII,
    SLV_NODE_BASE64,
    SLV_NODE_BASE64URL,
    SLV_NODE_HEX,
} slv_node_encoding;

/* Most bytes that n units can become; exact for all but UTF-8 and the two base64. */
size_t slv_node_bytes_max(slv_node_encoding encoding, size_t units);
/* Writes what fits of the text into out[room]: whole characters only (base64 and hex: whole bytes).
 * Returns the bytes written. */
size_t slv_node_write(slv_node_encoding encoding, const uint16_t *units, size_t n, uint8_t *out,
                      size_t room);
/* First (or with `last` the last) index >= from (<= from) where needle stands in a haystack of
 * elements of `step` bytes (1 or 2); SIZE_MAX when there is none. Linear time on average. */
size_t slv_node_index_of(slv_str haystack, slv_str needle, size_t from, bool last, size_t step);

void slv_web_node_buffer_register(slv_js *js);

#endif
