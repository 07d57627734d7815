/*
 * http1.h - HTTP/1 message syntax (RFC 9112) as pure functions over bytes: heads of requests and
 * responses, and chunked bodies. No allocation, no I/O. Any thread.
 *
 * Incremental: the caller keeps the bytes of a head in one piece, starting with the message's first
 * byte, and calls again with more of them; parsing goes on where it stopped, and any split of the
 * bytes gives the same result. Results are offsets into those bytes, so the piece may move.
 *
 * Strict where messages could be taken apart differently by two parsers (request smuggling): lines
 * end in CRLF alone; no white space before a colon; no continuation lines; Content-Length once, in
 * digits, and never beside Transfer-Encoding; "chunked" once and last; no Transfer-Encoding in
 * HTTP/1.0; no control characters in values. Empty lines before a message are skipped. What is left
 * to callers: Host, which versions and methods are served, connection-named header fields.
 *
 * Limits: request target 16 KiB, 256 fields, head 128 KiB; chunk extensions and trailers 16 KiB in
 * a message.
 */
#ifndef SLV_NET_HTTP1_H
#define SLV_NET_HTTP1_H

#include "base/str.h"

#define SLV_HTTP1_TARGET_MAX ((size_t)16 << 10)
#define SLV_HTTP1_HEAD_MAX ((size_t)128 << 10)
#define SLV_HTTP1_HEADERS_MAX 256
#define SLV_HTTP1_METHOD_MAX 32
#define SLV_HTTP1_CHUNK_EXTRA_MAX ((size_t)16 << 10)

typedef struct slv_http1_slice {
    uint32_t off, len;
} slv_http1_slice;

typedef struct slv_http1_field {
    slv_http1_slice name, value; /* value without surrounding white space */
} slv_http1_field;

typedef enum slv_http1_framing {
    SLV_HTTP1_NO_BODY,
    SLV_HTTP1_LENGTH, /* content_length bytes, which may be 0 */
    SLV_HTTP1_CHUNKED,
    SLV_HTTP1_TO_CLOSE, /* responses only */
} slv_http1_framing;

/* Bits of slv_http1_head.flags: what the fields said. */
enum {
    SLV_HTTP1_CONNECTION_CLOSE = 1 << 0,
    SLV_HTTP1_CONNECTION_KEEP = 1 << 1,
    SLV_HTTP1_CONNECTION_UPGRADE = 1 << 2,
    SLV_HTTP1_CONNECTION_OTHER = 1 << 3, /* Connection names other fields: they are hop-by-hop */
    SLV_HTTP1_EXPECT_CONTINUE = 1 << 4,
    SLV_HTTP1_EXPECT_OTHER = 1 << 5,
    SLV_HTTP1_UPGRADE = 1 << 6,
    SLV_HTTP1_HOST = 1 << 7,
    SLV_HTTP1_HOST_TWICE = 1 << 8,
    SLV_HTTP1_CODED = 1 << 9, /* a transfer coding besides chunked */
};

typedef struct slv_http1_head {
    /* Results, once parsed. */
    slv_http1_slice method, target; /* requests */
    slv_http1_slice reason;         /* responses */
    uint16_t status;                /* responses */
    uint8_t version;                /* 9, 10, 11, 20 */
    slv_http1_framing framing;
    uint64_t content_length;
    uint32_t flags;
    uint32_t length; /* bytes of the head, the empty line and skipped ones before it included */
    uint32_t field_count;
    slv_http1_field *fields; /* the caller's, SLV_HTTP1_HEADERS_MAX of them */
    /* After SLV_E_PARSE or SLV_E_LIMIT: what to answer, and why, for a log. */
    uint16_t error_status;
    const char *error;
    /* Progress. */
    uint32_t pos, mark;
    uint8_t state;
    bool response, has_length, has_coding, chunked;
} slv_http1_head;

/* fields must have room for SLV_HTTP1_HEADERS_MAX and stay in place. */
void slv_http1_head_init(slv_http1_head *h, bool response, slv_http1_field *fields);
/* data: every byte of the message so far (more than the head is fine). SLV_E_AGAIN: more is needed.
   SLV_E_PARSE, SLV_E_LIMIT: h->error_status and h->error say why; final. SLV_OK: done. */
SLV_NODISCARD slv_code slv_http1_head_parse(slv_http1_head *h, slv_str data);
/* Whether the sender leaves the connection open after this message. */
bool slv_http1_keeps_alive(const slv_http1_head *h);

static inline slv_str slv_http1_text(slv_http1_slice s, const char *data)
{
    return (slv_str){data + s.off, s.len};
}

typedef struct slv_http1_chunks {
    uint64_t left;  /* of the chunk under way */
    uint32_t extra; /* bytes of extensions and trailers so far */
    uint8_t state;
    bool done;
    const char *error;
} slv_http1_chunks;

void slv_http1_chunks_init(slv_http1_chunks *c);
/* One step over `in`: *ret_used bytes of it were read; *ret_data are body bytes among them, at most
   max_data. Call again with the rest until it is empty, c->done, or body bytes are due and max_data
   is 0 (nothing is used then); trailers are read and dropped. SLV_E_PARSE, SLV_E_LIMIT: c->error;
   final. */
SLV_NODISCARD slv_code slv_http1_chunks_next(slv_http1_chunks *c, slv_str in, size_t max_data,
                                             size_t *ret_used, slv_str *ret_data);

bool slv_http1_is_token(slv_str s);       /* not empty, token characters only */
bool slv_http1_is_field_value(slv_str s); /* no control characters but TAB */
bool slv_http1_is_token_char(char c);
/* Methods that the platform's own parser knows (CONNECT and TRACE are not among them). */
bool slv_http1_known_method(slv_str method);
/* True when the comma-separated list holds that token, ASCII case ignored. */
bool slv_http1_list_has(slv_str list, slv_str token);

#endif
