/* Pieces of the HTTP layer that need no socket: response heads, header blocks, output queues,
 * content codings. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "net/decode.h"
#include "net/http1.h"
#include "net/http1_write.h"
#include "support/tap.h"

/* The text of a queue, which is emptied. */
static bool take(slv_outq *q, slv_buf *out)
{
    slv_buf_reset(out);
    while (q->bytes > 0) {
        slv_outblock *b = q->first;
        size_t n = b->end - b->start;

        if (slv_buf_append(out, slv_str_make(b->data + b->start, n)) != SLV_OK)
            return false;
        slv_outq_consume(q, n);
    }
    return true;
}

#define WITH_QUEUE(q)                                                                              \
    slv_outpool *pool = slv_outpool_new();                                                         \
    slv_outq q = {.pool = pool}

TEST(response_heads_are_framed_by_us)
{
    static const struct {
        slv_response_head head;
        slv_http1_write how;
        const char *want, *headers;
    } cases[] = {
        {{.status = 200, .length = 5},
         {.version = 11, .keep_alive = true},
         "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 5\r\n\r\n",
         NULL},
        {{.status = 200, .length = -1},
         {.version = 11, .keep_alive = true, .chunked = true},
         "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n",
         NULL},
        {{.status = 299, .reason = {"So So", 5}, .length = 0},
         {.version = 10, .keep_alive = true},
         "HTTP/1.1 299 So So\r\nDate: D\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
         NULL},
        {{.status = 599, .length = 0},
         {.version = 11},
         "HTTP/1.1 599 \r\nDate: D\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
         NULL},
        {{.status = 204, .length = 0},
         {.version = 11, .keep_alive = true, .bare = true},
         "HTTP/1.1 204 No Content\r\nDate: D\r\n\r\n",
         NULL},
        {{.status = 200, .length = 1},
         {.version = 11, .keep_alive = true},
         "HTTP/1.1 200 OK\r\nA: b\r\ndate: mine\r\nE: \r\nContent-Length: 1\r\n\r\n",
         "A: b "
         "\nContent-Length:7\nConnection:x\nKEEP-ALIVE:1\nTransfer-Encoding:y\nTE:z\nTrailer:t\n"
         "Upgrade:u\nProxy-Connection:p\ndate:mine\nE:\n"},
        {{.status = 200, .length = 1},
         {.version = 11, .keep_alive = true, .keeps_length = true},
         "HTTP/1.1 200 OK\r\ncontent-length: 7\r\nDate: D\r\n\r\n",
         "content-length:7\n"},
    };
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1 << 20);
    WITH_QUEUE(q);

    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        slv_http1_write how = cases[i].how;
        slv_response_head head = cases[i].head;

        how.date = SLV_STR("D");
        head.headers = slv_str_from(cases[i].headers);
        CHECK_INT(slv_http1_write_head(&q, &head, &how, NULL), SLV_OK);
        CHECK(take(&q, &text));
        CHECK_STR(slv_buf_view(&text), slv_str_from(cases[i].want));
    }
    slv_outpool_unref(pool);
}

TEST(what_would_split_a_response_is_refused_and_nothing_queued)
{
    static const slv_str blocks[] = {
        {"a:b\r\n", 5}, {"a:b\0c\n", 6}, {"a b:c\n", 6},  {":c\n", 3},
        {"a\n", 2},     {"a:b", 3},      {"ok:1\n\n", 6}, {"a:\x7f\n", 4},
    };
    slv_http1_write how = {.version = 11, .date = SLV_STR("D")};
    WITH_QUEUE(q);
    slv_err err;

    for (size_t i = 0; i < SLV_ARRAY_LEN(blocks); i++) {
        slv_response_head head = {.status = 200, .headers = blocks[i]};

        CHECK_INT(slv_http1_write_head(&q, &head, &how, &err), SLV_E_INVAL);
        CHECK_INT(q.bytes, 0);
    }
    CHECK_INT(slv_http1_write_head(
                  &q, &(slv_response_head){.status = 200, .reason = SLV_STR("O\rK")}, &how, &err),
              SLV_E_INVAL);
    CHECK_INT(slv_http1_write_head(&q, &(slv_response_head){.status = 99}, &how, &err),
              SLV_E_INVAL);
    slv_outq_clear(&q);
    slv_outpool_unref(pool);
}

TEST(response_head_limit)
{
    slv_http1_write how = {.version = 11, .date = SLV_STR("D")};
    WITH_QUEUE(q);

    for (size_t over = 0; over < 2; over++) {
        SLV_CLEANUP(slv_buf_done) slv_buf block = SLV_BUF(1 << 20);
        slv_response_head head = {.status = 200, .reason = SLV_STR("x")};

        while (block.len + 3 <= SLV_EXCHANGE_HEAD_MAX - 1 + over)
            CHECK(slv_buf_append(&block, SLV_STR("a:\n")) == SLV_OK);
        while (block.len < SLV_EXCHANGE_HEAD_MAX - 1 + over) {
            block.ptr[block.len - 1] = 'x';
            CHECK(slv_buf_append(&block, SLV_STR("\n")) == SLV_OK);
        }
        head.headers = slv_buf_view(&block);
        CHECK_INT(slv_http1_write_head(&q, &head, &how, NULL), over ? SLV_E_LIMIT : SLV_OK);
        slv_outq_clear(&q);
    }
    slv_outpool_unref(pool);
}

TEST(dates_are_written_as_http_wants_them)
{
    char date[30];

    slv_http_date(784111777000, date);
    CHECK_STR(slv_str_from(date), SLV_STR("Sun, 06 Nov 1994 08:49:37 GMT"));
}

/* A queue against a plain buffer, under random appends, reservations and consumption. */
TEST(output_queue_keeps_order)
{
    slv_prng prng;
    WITH_QUEUE(q);
    SLV_CLEANUP(slv_buf_done) slv_buf model = SLV_BUF(64 << 20), text = SLV_BUF(64 << 20);
    static char bytes[40000];

    slv_prng_seed(&prng, tap_seed());
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)slv_prng_next(&prng);
    for (int round = 0; round < 3000; round++) {
        size_t n = slv_prng_below(&prng, round % 7 ? 900 : sizeof bytes);

        if (slv_prng_below(&prng, 3) == 0) {
            n = SLV_MIN(n * 2, q.bytes);
            for (size_t left = n; left > 0;) { /* what would have been written */
                size_t here = SLV_MIN(left, (size_t)(q.first->end - q.first->start));

                CHECK(memcmp(q.first->data + q.first->start, model.ptr + (n - left), here) == 0);
                slv_outq_consume(&q, here);
                left -= here;
            }
            slv_buf_consume(&model, n);
        } else if (slv_prng_below(&prng, 2)) {
            memcpy(slv_outq_reserve(&q, n + 1), bytes, n);
            slv_outq_commit(&q, n);
            CHECK(slv_buf_append(&model, slv_str_make(bytes, n)) == SLV_OK);
        } else {
            slv_outq_append(&q, slv_str_make(bytes, n));
            CHECK(slv_buf_append(&model, slv_str_make(bytes, n)) == SLV_OK);
        }
        CHECK_INT(q.bytes, model.len);
    }
    CHECK(take(&q, &text));
    CHECK(slv_str_eq(slv_buf_view(&text), slv_buf_view(&model)));
    slv_outpool_unref(pool);
}

/* Content codings.
 * ----------------------------------------------------------------------------------------------------
 */

static bool compress_with(slv_str text, int window_bits, slv_buf *out)
{
    z_stream z = {0};

    if (deflateInit2(&z, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        slv_buf_reserve(out, text.len + 200) != SLV_OK)
        return false;
    z.next_in = (Bytef *)(size_t)text.ptr;
    z.avail_in = (uInt)text.len;
    z.next_out = (Bytef *)out->ptr + out->len;
    z.avail_out = (uInt)text.len + 200;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        return false;
    out->len += z.total_out;
    deflateEnd(&z);
    return true;
}

static slv_code decode(const char *encoding, slv_str in, slv_prng *prng, slv_buf *out)
{
    slv_decoder *d = slv_decoder_new(slv_str_from(encoding));
    size_t at = 0;
    slv_code code = SLV_OK;

    SLV_ASSERT(d != NULL);
    while (code == SLV_OK) {
        char piece[500];
        size_t n = SLV_MIN(in.len - at, slv_prng_below(prng, 300)),
               cap = 1 + slv_prng_below(prng, sizeof piece), used, len;
        bool last = at + n == in.len;

        code =
            slv_decoder_run(d, slv_str_make(in.ptr + at, n), last, piece, cap, &used, &len, NULL);
        if (code != SLV_OK)
            break;
        at += used;
        code = slv_buf_append(out, slv_str_make(piece, len));
        if (last && at == in.len && len < cap)
            break;
    }
    slv_decoder_free(d);
    return code;
}

TEST(codings_are_undone_in_any_pieces)
{
    slv_prng prng;

    slv_prng_seed(&prng, tap_seed());
    for (int round = 0; round < 200; round++) {
        SLV_CLEANUP(slv_buf_done)
        slv_buf text = SLV_BUF(1 << 20), gzip = SLV_BUF(1 << 20), twice = SLV_BUF(1 << 20),
                zlib = SLV_BUF(1 << 20), plain = SLV_BUF(1 << 20), out = SLV_BUF(1 << 20);
        size_t n = 1 + slv_prng_below(&prng, 20000);

        for (size_t i = 0; i < n; i++)
            CHECK(slv_buf_append_byte(
                      &text, (char)('a' + slv_prng_below(&prng, 1 + (uint64_t)round % 20))) ==
                  SLV_OK);
        CHECK(compress_with(slv_buf_view(&text), 15 + 16, &gzip) &&
              compress_with(slv_buf_view(&text), 15, &zlib) &&
              compress_with(slv_buf_view(&text), -15, &plain) &&
              compress_with(slv_buf_view(&gzip), 15, &twice));
        const struct {
            const char *encoding;
            slv_str bytes;
        } cases[] = {{"gzip", slv_buf_view(&gzip)},
                     {" X-GZIP , identity", slv_buf_view(&gzip)},
                     {"deflate", slv_buf_view(&zlib)},
                     {"deflate", slv_buf_view(&plain)},
                     {"gzip, deflate", slv_buf_view(&twice)}};
        for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
            slv_buf_reset(&out);
            CHECK_INT(decode(cases[i].encoding, cases[i].bytes, &prng, &out), SLV_OK);
            CHECK(slv_str_eq(slv_buf_view(&out), slv_buf_view(&text)));
            slv_buf_reset(&out);
            CHECK_INT(decode(cases[i].encoding,
                             slv_str_sub(cases[i].bytes, 0, cases[i].bytes.len - 1), &prng, &out),
                      SLV_E_PROTOCOL);
        }
        /* members of a gzip file follow each other; anything else behind the end is ignored */
        CHECK(compress_with(slv_buf_view(&text), 15 + 16, &gzip));
        slv_buf_reset(&out);
        CHECK_INT(decode("gzip", slv_buf_view(&gzip), &prng, &out), SLV_OK);
        CHECK_INT(out.len, 2 * text.len);
    }
}

TEST(codings_that_are_not_undone)
{
    CHECK(slv_decoder_new(SLV_STR("")) == NULL);
    CHECK(slv_decoder_new(SLV_STR("identity")) == NULL);
    CHECK(slv_decoder_new(SLV_STR("zstd")) == NULL);
    CHECK(slv_decoder_new(SLV_STR("gzip, unknown")) == NULL);
    CHECK(slv_decoder_new(SLV_STR("gzip,gzip,gzip,gzip,gzip")) == NULL);
}

TEST(an_empty_body_needs_no_decoding)
{
    slv_decoder *d = slv_decoder_new(SLV_STR("gzip"));
    size_t used, len;
    char out[10];

    CHECK_INT(slv_decoder_run(d, SLV_STR_NULL, true, out, sizeof out, &used, &len, NULL), SLV_OK);
    slv_decoder_free(d);
}

TAP_MAIN()
