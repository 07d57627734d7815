/*
 * ws_codec.h - WebSocket frames (RFC 6455) and the words of its handshake as pure functions over
 * bytes. No I/O; no allocation but in permessage-deflate's streams. Any thread.
 *
 * The decoder is incremental: any split of the bytes gives the same messages (in other pieces). It
 * refuses what the RFC tells to: reserved bits and opcodes, a wrong mask bit, lengths not in their
 * shortest form, fragmented or long control frames, continuation out of place, invalid close codes
 * and texts. UTF-8 of text messages and the size of messages are checked by slv_ws_check after
 * decompression.
 */
#ifndef SLV_NET_WS_CODEC_H
#define SLV_NET_WS_CODEC_H

#include "base/buf.h"

typedef enum slv_ws_kind {
    SLV_WS_NOTHING,
    SLV_WS_DATA,
    SLV_WS_PING,
    SLV_WS_PONG,
    SLV_WS_CLOSE
} slv_ws_kind;

typedef struct slv_ws_event {
    slv_ws_kind kind;
    slv_str bytes;   /* DATA: a piece; PING, PONG: the payload; CLOSE: the reason. Into the input or
                        the decoder; until the next call */
    bool text;       /* DATA */
    bool compressed; /* DATA: of a compressed message */
    bool fin;        /* DATA: the last piece of its message */
    uint16_t code;   /* CLOSE: 1005 when there was none */
} slv_ws_event;

typedef struct slv_ws_decoder {
    const char *error;   /* after SLV_E_PARSE */
    uint16_t error_code; /* what to close with */
    bool client;         /* we are: frames come unmasked */
    bool unmasked;       /* a client's may */
    bool deflate;        /* permessage-deflate was agreed on */
    bool in_message, text, compressed, fin, masked;
    uint8_t opcode, state, have, need;
    uint8_t mask_at;
    uint8_t header[14];
    uint8_t control_len;
    uint8_t mask[4];
    uint64_t left;
    char control[125];
} slv_ws_decoder;

void slv_ws_decoder_init(slv_ws_decoder *d, bool client, bool deflate);
/* One step: uses *ret_used bytes of data (unmasking them in place) and reports at most one event.
   Data of at most max_data bytes; with max_data 0 it stops before payload of messages (nothing
   used, SLV_WS_NOTHING). SLV_E_PARSE: d->error; final. */
SLV_NODISCARD slv_code slv_ws_decode(slv_ws_decoder *d, char *data, size_t len, size_t max_data,
                                     size_t *ret_used, slv_ws_event *ret_event);

/* True between messages; *ret_begun (into d) is what was used of the next frame's header. */
bool slv_ws_decoder_at_rest(const slv_ws_decoder *d, slv_str *ret_begun);

enum {
    SLV_WS_OP_CONT = 0,
    SLV_WS_OP_TEXT = 1,
    SLV_WS_OP_BINARY = 2,
    SLV_WS_OP_CLOSE = 8,
    SLV_WS_OP_PING = 9,
    SLV_WS_OP_PONG = 10
};
#define SLV_WS_HEADER_MAX 14
/* Writes a frame's header; mask NULL: none. Bytes written. */
size_t slv_ws_encode_header(char out[SLV_WS_HEADER_MAX], unsigned opcode, bool fin, bool compressed,
                            uint64_t len, const uint8_t *mask);
void slv_ws_mask(char *bytes, size_t len, const uint8_t mask[4], size_t offset);

/* May be sent, and received, in a close frame. */
bool slv_ws_valid_code(unsigned code);

/* Of a message under way: zero it before the first piece. */
typedef struct slv_ws_check {
    uint64_t bytes;
    uint32_t utf8; /* state */
} slv_ws_check;
/* 0, or the code to close with: 1007 not UTF-8, 1009 longer than max. */
uint16_t slv_ws_check_piece(slv_ws_check *c, slv_str piece, bool text, bool fin, uint64_t max);

/* Handshake. key of 24 characters → Sec-WebSocket-Accept. */
void slv_ws_accept_key(slv_str key, char out[29]);
/* permessage-deflate. window_bits: for what the server compresses, 9 to 15. */
typedef struct slv_ws_deflate_offer {
    bool agreed;
    int window_bits;
} slv_ws_deflate_offer;
/* Server: picks the first acceptable offer of Sec-WebSocket-Extensions; the answer is written to
   ret_answer (at most 128 characters). Contexts are never kept between messages, in either
   direction. */
slv_ws_deflate_offer slv_ws_deflate_choose(slv_str offers, char ret_answer[128]);
#define SLV_WS_DEFLATE_OFFER                                                                       \
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
/* Client: SLV_E_PROTOCOL when the server's answer is not one to SLV_WS_DEFLATE_OFFER. Empty: not
 * agreed. */
SLV_NODISCARD slv_code slv_ws_deflate_confirm(slv_str answer, bool offered,
                                              slv_ws_deflate_offer *ret, slv_err *err);

#endif
