/* The HTTP/1 parser: llhttp's public vectors, refusals, limits, and that any split of the bytes
 * parses the same. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "net/http1.h"
#include "net/http1_write.h"
#include "support/tap.h"

/* What a whole input was taken for: one line for each message, field and body.
 * ------------------------------------- */

typedef struct parsed {
    slv_buf text;
    slv_code code;
    unsigned messages;
    bool upgrade, closes; /* closes: one of the messages ends the connection */
    const char *error;
} parsed;

static void note(parsed *r, const char *what, slv_str s)
{
    if (slv_buf_printf(&r->text, "%s %.*s\n", what, SLV_STR_ARGS(s)) != SLV_OK)
        abort();
}

/* Feeds data in pieces that `next` gives the size of (NULL: at once). */
static void parse_all(parsed *r, bool response, slv_str data, slv_prng *prng)
{
    static slv_http1_field fields[SLV_HTTP1_HEADERS_MAX];
    SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF(16 << 20);
    slv_http1_head h;
    slv_http1_chunks chunks;
    size_t start = 0, have = prng ? 0 : data.len;
    uint64_t left = 0;
    enum { HEAD, LENGTH, CHUNKS, REST } mode = HEAD;

    slv_http1_head_init(&h, response, fields);
    for (;;) {
        slv_str in = slv_str_sub(data, start, have), span;
        size_t used = 0;

        r->code = SLV_E_AGAIN;
        if (mode == HEAD && in.len > 0) {
            r->code = slv_http1_head_parse(&h, in);
            if (r->code == SLV_OK) {
                note(r, response ? "reason" : "method",
                     slv_http1_text(response ? h.reason : h.method, in.ptr));
                note(r, "target", slv_http1_text(h.target, in.ptr));
                for (uint32_t i = 0; i < h.field_count; i++) {
                    note(r, "field", slv_http1_text(fields[i].name, in.ptr));
                    note(r, "value", slv_http1_text(fields[i].value, in.ptr));
                }
                if (slv_buf_printf(&r->text, "version %d status %d flags %x framing %d\n",
                                   h.version, h.status, h.flags, (int)h.framing) != SLV_OK)
                    abort();
                used = h.length;
                r->messages++;
                r->closes |= !slv_http1_keeps_alive(&h);
                r->upgrade =
                    (h.flags & SLV_HTTP1_UPGRADE && h.flags & SLV_HTTP1_CONNECTION_UPGRADE) ||
                    slv_str_is(slv_http1_text(h.method, in.ptr), "CONNECT");
                left = h.content_length;
                slv_http1_chunks_init(&chunks);
                mode = h.framing == SLV_HTTP1_LENGTH     ? LENGTH
                       : h.framing == SLV_HTTP1_CHUNKED  ? CHUNKS
                       : h.framing == SLV_HTTP1_TO_CLOSE ? REST
                                                         : HEAD;
                if (mode == HEAD || (mode == LENGTH && left == 0)) {
                    mode = HEAD;
                    slv_http1_head_init(&h, response, fields);
                }
            } else if (r->code != SLV_E_AGAIN) {
                r->error = h.error;
                return;
            }
        } else if (mode == LENGTH && in.len > 0) {
            used = (size_t)SLV_MIN((uint64_t)in.len, left);
            left -= used;
            if (slv_buf_append(&body, slv_str_sub(in, 0, used)) != SLV_OK)
                abort();
        } else if (mode == CHUNKS && in.len > 0) {
            r->code = slv_http1_chunks_next(
                &chunks, in, prng ? 1 + slv_prng_below(prng, 9) : SIZE_MAX, &used, &span);
            if (r->code != SLV_OK) {
                note(r, "body", slv_buf_view(&body));
                r->error = chunks.error;
                return;
            }
            if (slv_buf_append(&body, span) != SLV_OK)
                abort();
        } else if (mode == REST) {
            used = in.len;
            if (slv_buf_append(&body, in) != SLV_OK)
                abort();
        }
        start += used;
        if ((mode == LENGTH && left == 0) || (mode == CHUNKS && chunks.done)) {
            note(r, "body", slv_buf_view(&body));
            slv_buf_reset(&body);
            mode = HEAD;
            slv_http1_head_init(&h, response, fields);
        }
        if (used > 0 && start < have)
            continue;
        if (have == data.len) {
            note(r, mode == HEAD ? "end" : "partial", slv_buf_view(&body));
            return;
        }
        have = SLV_MIN(data.len, have + 1 + (prng ? slv_prng_below(prng, 7) : data.len));
    }
}

static slv_code parse_text(bool response, slv_str data, parsed *r)
{
    slv_buf_reset(&r->text);
    *r = (parsed){.text = r->text};
    parse_all(r, response, data, NULL);
    return r->code;
}

/* llhttp's Markdown vectors.
 * --------------------------------------------------------------------------------------- */

/* The bytes of an http block, as the vectors' README describes them. False for blocks with
 * JavaScript in them. */
static bool decode_block(slv_str block, slv_buf *out)
{
    SLV_CLEANUP(slv_buf_done) slv_buf joined = SLV_BUF(1 << 20);
    slv_code code = SLV_OK;

    if (slv_str_find(block, SLV_STR("${"), 0) != SIZE_MAX)
        return false;
    if (block.len > 0 && block.ptr[block.len - 1] == '\n')
        block.len--;
    for (size_t i = 0; i < block.len && code == SLV_OK; i++) {
        if (block.ptr[i] == '\\' && i + 1 < block.len && block.ptr[i + 1] == '\n')
            i++;
        else if (block.ptr[i] == '\n')
            code = slv_buf_append(&joined, SLV_STR("\r\n"));
        else
            code = slv_buf_append_byte(&joined, block.ptr[i]);
    }
    slv_buf_reset(out);
    for (size_t i = 0; i < joined.len && code == SLV_OK; i++) {
        slv_str rest = slv_str_skip(slv_buf_view(&joined), i);
        const char *known =
            rest.len > 1 && rest.ptr[0] == '\\' ? strchr("r\rn\nt\tf\f", rest.ptr[1]) : NULL;
        char utf8[4];
        uint64_t v;

        if (known && rest.ptr[1] && (known - "r\rn\nt\tf\f") % 2 == 0) {
            code = slv_buf_append_byte(out, known[1]);
            i++;
        } else if (rest.len >= 4 && rest.ptr[0] == '\\' && rest.ptr[1] == 'x' &&
                   slv_parse_hex_u64(slv_str_sub(rest, 2, 4), &v) == SLV_OK) {
            code = slv_buf_append(out, slv_str_make(utf8, slv_utf8_put((uint32_t)v, utf8)));
            i += 3;
        } else if (rest.len >= 3 && rest.ptr[0] == '\\' && rest.ptr[1] >= '0' &&
                   rest.ptr[1] <= '7') {
            size_t n = 1;

            for (v = 0; n < 4 && n < rest.len && rest.ptr[n] >= '0' && rest.ptr[n] <= '7'; n++)
                v = v * 8 + (uint64_t)(rest.ptr[n] - '0');
            code = slv_buf_append_byte(out, (char)v);
            i += n - 1;
        } else {
            code = slv_buf_append_byte(out, rest.ptr[0]);
        }
    }
    return code == SLV_OK;
}

static bool next_fence(slv_str file, size_t *pos, const char *lang, slv_str *ret)
{
    char open[32];
    size_t at, end;

    snprintf(open, sizeof open, "```%s\n", lang);
    at = slv_str_find(file, slv_str_from(open), *pos);
    if (at == SIZE_MAX)
        return false;
    at += strlen(open);
    end = slv_str_find(file, SLV_STR("```"), at);
    *ret = slv_str_sub(file, at, end);
    *pos = end + 3;
    return true;
}

static int log_error(slv_str log)
{
    size_t at = slv_str_find(log, SLV_STR(" error code="), 0);

    return at == SIZE_MAX ? 0 : atoi(log.ptr + at + 12);
}

/* Joins span[what]="…" pieces of the log, message by message, the way note() wrote them. */
static bool log_has_spans(slv_str log, slv_str text, const char *span, const char *what,
                          slv_buf *missing)
{
    SLV_CLEANUP(slv_buf_done) slv_buf value = SLV_BUF(1 << 20);
    char open[64], complete[64];
    bool trailers = false;
    slv_str line;

    snprintf(open, sizeof open, "span[%s]=\"", span);
    snprintf(complete, sizeof complete, "%s complete", span);
    while (slv_str_split(&log, '\n', &line)) {
        size_t at = slv_str_find(line, slv_str_from(open), 0);

        if (slv_str_find(line, SLV_STR("chunk header len=0"), 0) != SIZE_MAX)
            trailers = true; /* which are dropped */
        else if (slv_str_find(line, SLV_STR("message begin"), 0) != SIZE_MAX)
            trailers = false;
        if (trailers)
            continue;
        if (at != SIZE_MAX) {
            if (slv_buf_append(&value, slv_str_sub(line, at + strlen(open), line.len - 1)) !=
                SLV_OK)
                return false;
        } else if (slv_str_find(line, slv_str_from(complete), 0) != SIZE_MAX) {
            SLV_CLEANUP(slv_buf_done) slv_buf want = SLV_BUF(1 << 20);

            if (slv_buf_printf(&want, "%s %.*s\n", what,
                               SLV_STR_ARGS(slv_str_trim(slv_buf_view(&value)))) != SLV_OK)
                return false;
            /* the log escapes a few characters: those values are not compared */
            if (!memchr(value.ptr ? value.ptr : "", '\\', value.len) &&
                slv_str_find(text, slv_buf_view(&want), 0) == SIZE_MAX) {
                return slv_buf_set(missing, slv_buf_view(&want)) != SLV_OK;
            }
            slv_buf_reset(&value);
        }
    }
    return true;
}

static bool known_methods(slv_str text)
{
    slv_str line;

    while (slv_str_split(&text, '\n', &line))
        if (slv_str_starts(line, SLV_STR("method ")) &&
            !slv_http1_known_method(slv_str_skip(line, 7)))
            return false;
    return true;
}

/* The part of a log that is about complete heads. */
static slv_str complete_heads(slv_str log)
{
    size_t at = SIZE_MAX, next = 0;

    while ((next = slv_str_find(log, SLV_STR("headers complete"), next)) != SIZE_MAX)
        at = next++;
    return at == SIZE_MAX ? SLV_STR_NULL : slv_str_sub(log, 0, at);
}

/* NULL when the input was treated as the log wants it; else what is wrong. */
static const char *judge(bool response, slv_str input, slv_str log, parsed *r, slv_buf *detail)
{
    int error = log_error(log);

    parse_text(response, input, r);
    if (error == 5) /* data after the last message of a connection: it must be known as the last */
        return r->closes ? NULL : "the connection would have been kept";
    if (error == 22 || error == 23) { /* upgrade: the rest is not HTTP/1 */
        return r->upgrade || r->code != SLV_OK || error == 23 ? NULL : "no upgrade seen";
    }
    if (error && !known_methods(slv_buf_view(&r->text)))
        return NULL; /* answered 501 by the server */
    if (error)
        return r->code == SLV_E_PARSE || r->code == SLV_E_LIMIT ? NULL : "was not refused";
    if (slv_str_find(log, SLV_STR("v=0/9"), 0) != SIZE_MAX &&
        slv_str_find(input, SLV_STR("HTTP"), 0) == SIZE_MAX)
        return r->code == SLV_E_PARSE ? NULL : "HTTP/0.9 was accepted";
    log = complete_heads(log);
    if (r->code != SLV_E_AGAIN && r->code != SLV_OK)
        return r->error ? r->error : "refused";
    if (!log_has_spans(log, slv_buf_view(&r->text), "url", "target", detail) ||
        !log_has_spans(log, slv_buf_view(&r->text), "method", "method", detail) ||
        !log_has_spans(log, slv_buf_view(&r->text), "header_field", "field", detail) ||
        !log_has_spans(log, slv_buf_view(&r->text), "header_value", "value", detail))
        return "differs";
    return NULL;
}

/* Inputs of other protocols, which HTTP servers do not speak: refusing them is right. */
static bool other_protocol(slv_str input)
{
    return slv_str_find(input, SLV_STR("RTSP/"), 0) != SIZE_MAX ||
           slv_str_find(input, SLV_STR("ICE/"), 0) != SIZE_MAX;
}

static void run_file(const char *path, bool response, unsigned *ran, unsigned *failed)
{
    SLV_CLEANUP(slv_buf_done)
    slv_buf file = SLV_BUF(1 << 20), input = SLV_BUF(1 << 20), detail = SLV_BUF(1 << 20);
    parsed r = {.text = SLV_BUF(16 << 20)};
    slv_str http, log, view;
    size_t pos = 0;

    if (!tap_read_file(path, &file)) {
        (*failed)++;
        return;
    }
    view = slv_buf_view(&file);
    for (;;) {
        size_t meta = slv_str_find(view, SLV_STR("<!-- meta="), pos), end;
        const char *why;
        slv_str head;

        if (meta == SIZE_MAX)
            break;
        end = slv_str_find(view, SLV_STR("-->"), meta);
        head = slv_str_sub(view, meta, end);
        pos = end;
        if (!next_fence(view, &pos, "http", &http) || !next_fence(view, &pos, "log", &log))
            break;
        if (slv_str_find(head, response ? SLV_STR("\"response\"") : SLV_STR("\"request\""), 0) ==
                SIZE_MAX ||
            slv_str_find(head, SLV_STR("pause"), 0) != SIZE_MAX ||
            slv_str_find(head, SLV_STR("skipBody"), 0) != SIZE_MAX || !decode_block(http, &input) ||
            other_protocol(slv_buf_view(&input)))
            continue;
        (*ran)++;
        why = judge(response, slv_buf_view(&input), log, &r, &detail);
        if (why) {
            (*failed)++;
            tap_note("%s at byte %zu: %s %.*s", strrchr(path, '/'), meta, why,
                     SLV_STR_ARGS(slv_buf_view(&detail)));
        }
    }
    slv_buf_done(&r.text);
}

static void run_directory(const char *name, bool response)
{
    const char *dir = tap_data(name);
    unsigned ran = 0, failed = 0;
    char path[600];
    struct dirent *e;
    DIR *d;

    if (!dir)
        return;
    d = opendir(dir);
    CHECK(d != NULL);
    while ((e = readdir(d)))
        if (slv_str_ends(slv_str_from(e->d_name), SLV_STR(".md"))) {
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
            run_file(path, response, &ran, &failed);
        }
    closedir(d);
    tap_note("%u inputs", ran);
    CHECK_INT(failed, 0);
    CHECK(ran > 50);
}

TEST(status_codes_have_phrases)
{
    CHECK(strcmp(slv_http_reason(200), "OK") == 0);
    CHECK(strcmp(slv_http_reason(299), "") == 0);
}

TEST(llhttp_requests_parse_or_are_refused_as_told)
{
    run_directory("llhttp/request", false);
}

TEST(llhttp_responses_parse_or_are_refused_as_told)
{
    run_directory("llhttp/response", true);
}

/* Shapes that two parsers could take apart differently.
 * ------------------------------------------------------------- */

#define HEAD_ "POST / HTTP/1.1\r\nHost: a\r\n"

TEST(smuggling_shapes_are_refused)
{
    static const char *const shapes[] = {
        HEAD_ "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD_ "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        HEAD_ "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        HEAD_ "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        HEAD_ "Content-Length: 5, 5\r\n\r\nhello",
        HEAD_ "Content-Length: +5\r\n\r\nhello",
        HEAD_ "Content-Length: -5\r\n\r\nhello",
        HEAD_ "Content-Length: 0x5\r\n\r\nhello",
        HEAD_ "Content-Length: 5 5\r\n\r\nhello",
        HEAD_ "Content-Length:\r\n\r\n",
        HEAD_ "Content-Length: 9223372036854775808\r\n\r\n",
        HEAD_ "Content-Length: 18446744073709551621\r\n\r\n",
        HEAD_ "Content-Length : 5\r\n\r\nhello",
        HEAD_ " Content-Length: 5\r\n\r\nhello",
        HEAD_ "X: y\r\n Content-Length: 5\r\n\r\nhello",
        HEAD_ "X: y\r\n\tz\r\n\r\n",
        HEAD_ "Transfer-Encoding: xchunked\r\n\r\n",
        HEAD_ "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        HEAD_ "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        HEAD_ "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD_ "Transfer-Encoding: \x0b"
              "chunked\r\n\r\n0\r\n\r\n",
        HEAD_ "Transfer-Encoding:\r\n\r\n",
        HEAD_ "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        HEAD_ "Transfer-Encoding\r\n : chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD_ "X: a\rb\r\n\r\n",
        HEAD_ "X: a\nY: b\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        HEAD_ ": nameless\r\n\r\n",
        HEAD_ "Na me: x\r\n\r\n",
        HEAD_ "N\xc3\xa9: x\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\tx HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        "GET / http/1.1\r\nHost: a\r\n\r\n",
        " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        HEAD_ "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
        HEAD_ "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        HEAD_ "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
        HEAD_ "Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n",
        HEAD_ "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
        HEAD_ "Transfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n",
        HEAD_ "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
        HEAD_ "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n",
        HEAD_ "Transfer-Encoding: chunked\r\n\r\n\r\n",
        HEAD_ "Transfer-Encoding: chunked\r\n\r\n8000000000000000\r\n",
        HEAD_ "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n",
        HEAD_ "Transfer-Encoding: chunked\r\n\r\n0\r\nA : b\r\n\r\n",
        HEAD_ "Transfer-Encoding: chunked\r\n\r\n0\r\n x\r\n\r\n",
        HEAD_ "Transfer-Encoding: chunked\r\n\r\n0\r\n\n",
    };
    parsed r = {.text = SLV_BUF(1 << 20)};

    for (size_t i = 0; i < SLV_ARRAY_LEN(shapes); i++) {
        slv_code code = parse_text(false, slv_str_from(shapes[i]), &r);

        if (code != SLV_E_PARSE) {
            tap_note("accepted: %s", shapes[i]);
            slv_buf_done(&r.text);
            CHECK_INT(code, SLV_E_PARSE);
        }
    }
    slv_buf_done(&r.text);
}

TEST(unfinished_tls_greetings_are_refused_before_a_line_end)
{
    slv_http1_field fields[SLV_HTTP1_HEADERS_MAX];
    slv_http1_head h;

    slv_http1_head_init(&h, false, fields);
    CHECK_INT(slv_http1_head_parse(&h, SLV_STR("\x16\x03\x01")), SLV_E_PARSE);
    slv_http1_head_init(&h, true, fields);
    CHECK_INT(slv_http1_head_parse(&h, SLV_STR("SSH")), SLV_E_PARSE);
}

/* Limits: at each, and one past it.
 * --------------------------------------------------------------------------------- */

static slv_code parse_head(slv_buf *b, slv_http1_head *h, slv_http1_field *fields)
{
    slv_http1_head_init(h, false, fields);
    return slv_http1_head_parse(h, slv_buf_view(b));
}

static bool fill(slv_buf *b, char c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slv_buf_append_byte(b, c) != SLV_OK)
            return false;
    return true;
}

TEST(request_target_limit)
{
    slv_http1_field fields[SLV_HTTP1_HEADERS_MAX];
    slv_http1_head h;

    for (size_t over = 0; over < 2; over++) {
        SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(1 << 20);

        CHECK(slv_buf_append(&b, SLV_STR("GET /")) == SLV_OK &&
              fill(&b, 'a', SLV_HTTP1_TARGET_MAX - 1 + over) &&
              slv_buf_append(&b, SLV_STR(" HTTP/1.1\r\n\r\n")) == SLV_OK);
        CHECK_INT(parse_head(&b, &h, fields), over ? SLV_E_LIMIT : SLV_OK);
        if (over)
            CHECK_INT(h.error_status, 414);
    }
}

TEST(field_count_limit)
{
    slv_http1_field fields[SLV_HTTP1_HEADERS_MAX];
    slv_http1_head h;

    for (size_t over = 0; over < 2; over++) {
        SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(1 << 20);

        CHECK(slv_buf_append(&b, SLV_STR("GET / HTTP/1.1\r\n")) == SLV_OK);
        for (size_t i = 0; i < SLV_HTTP1_HEADERS_MAX + over; i++)
            CHECK(slv_buf_append(&b, SLV_STR("a:b\r\n")) == SLV_OK);
        CHECK(slv_buf_append(&b, SLV_STR("\r\n")) == SLV_OK);
        CHECK_INT(parse_head(&b, &h, fields), over ? SLV_E_LIMIT : SLV_OK);
        if (over)
            CHECK_INT(h.error_status, 431);
    }
}

TEST(head_size_limit)
{
    slv_http1_field fields[SLV_HTTP1_HEADERS_MAX];
    slv_http1_head h;

    for (size_t over = 0; over < 2; over++) {
        SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(1 << 20);

        CHECK(slv_buf_append(&b, SLV_STR("GET / HTTP/1.1\r\na: ")) == SLV_OK);
        CHECK(fill(&b, 'x', SLV_HTTP1_HEAD_MAX - b.len - 4 + over));
        CHECK(slv_buf_append(&b, SLV_STR("\r\n\r\n")) == SLV_OK);
        CHECK_INT(parse_head(&b, &h, fields), over ? SLV_E_LIMIT : SLV_OK);
        if (over)
            CHECK_INT(h.error_status, 431);
    }
}

static slv_code feed_chunks(slv_str in)
{
    slv_http1_chunks c;
    slv_str data;
    size_t used;

    slv_http1_chunks_init(&c);
    while (in.len > 0 && !c.done) {
        SLV_TRY(slv_http1_chunks_next(&c, in, SIZE_MAX, &used, &data));
        in = slv_str_skip(in, used);
    }
    return c.done ? SLV_OK : SLV_E_AGAIN;
}

TEST(chunk_extension_and_trailer_limit)
{
    for (size_t over = 0; over < 2; over++) {
        SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(1 << 20), t = SLV_BUF(1 << 20);

        /* counted: the extension and the CR that ends it; then "0" and CR of the last chunk count
         * one */
        CHECK(slv_buf_append(&b, SLV_STR("1;")) == SLV_OK &&
              fill(&b, 'e', SLV_HTTP1_CHUNK_EXTRA_MAX - 3 + over) &&
              slv_buf_append(&b, SLV_STR("\r\nx\r\n0\r\n\r\n")) == SLV_OK);
        CHECK_INT(feed_chunks(slv_buf_view(&b)), over ? SLV_E_LIMIT : SLV_OK);
        CHECK(slv_buf_append(&t, SLV_STR("0\r\nt:")) == SLV_OK &&
              fill(&t, 'e', SLV_HTTP1_CHUNK_EXTRA_MAX - 6 + over) &&
              slv_buf_append(&t, SLV_STR("\r\n\r\n")) == SLV_OK);
        CHECK_INT(feed_chunks(slv_buf_view(&t)), over ? SLV_E_LIMIT : SLV_OK);
    }
    CHECK_INT(feed_chunks(SLV_STR("0000000000000000000000000000000001\r\nx\r\n0\r\n\r\n")), SLV_OK);
}

/* Splits.
 * ------------------------------------------------------------------------------------------------------------
 */

static const char *const pieces[] = {
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /x?y HTTP/1.1\r\nHost: b\r\nContent-Length: 11\r\n\r\nhello world",
    "PUT http://h/p HTTP/1.1\r\nHost:h\r\nTransfer-Encoding: gzip, "
    "chunked\r\n\r\n5;a=\"b;\\\"c\"\r\nhello\r\n0\r\nT: x\r\n\r\n",
    "\r\n\r\nHEAD /q HTTP/1.0\r\nConnection: keep-alive, foo\r\nExpect: 100-continue\r\nUpgrade:  "
    "h2c \t\r\n\r\n",
    "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "GET / HTTP/3.0\r\n\r\n",
    "DELETE /a b HTTP/1.1\r\n\r\n",
    "GET /bad HTTP/1.1\r\nA: \x01\r\n\r\n",
};
static const char *const response_pieces[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 204\r\n\r\n",
    "HTTP/1.1 404 Not  Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.0 200 OK\r\n\r\nto the end",
};

TEST(any_split_of_the_bytes_parses_the_same)
{
    slv_prng prng;
    parsed whole = {.text = SLV_BUF(1 << 20)}, split = {.text = SLV_BUF(1 << 20)};
    bool same = true;

    slv_prng_seed(&prng, tap_seed());
    for (int round = 0; round < 4000 && same; round++) {
        SLV_CLEANUP(slv_buf_done) slv_buf input = SLV_BUF(1 << 20);
        bool response = slv_prng_below(&prng, 3) == 0;
        size_t count = 1 + slv_prng_below(&prng, 4);

        for (size_t i = 0; i < count; i++) {
            const char *p =
                response ? response_pieces[slv_prng_below(&prng, SLV_ARRAY_LEN(response_pieces))]
                         : pieces[slv_prng_below(&prng, SLV_ARRAY_LEN(pieces))];

            CHECK(slv_buf_append(&input, slv_str_from(p)) == SLV_OK);
        }
        if (slv_prng_below(&prng, 3) == 0) /* and damaged ones */
            input.ptr[slv_prng_below(&prng, input.len)] = (char)slv_prng_next(&prng);
        parse_text(response, slv_buf_view(&input), &whole);
        slv_buf_reset(&split.text);
        split = (parsed){.text = split.text};
        parse_all(&split, response, slv_buf_view(&input), &prng);
        same = slv_str_eq(slv_buf_view(&whole.text), slv_buf_view(&split.text)) &&
               whole.error == split.error;
        if (!same)
            tap_note("input: %.*s\nwhole: %.*s\nsplit: %.*s", SLV_STR_ARGS(slv_buf_view(&input)),
                     SLV_STR_ARGS(slv_buf_view(&whole.text)),
                     SLV_STR_ARGS(slv_buf_view(&split.text)));
    }
    slv_buf_done(&whole.text);
    slv_buf_done(&split.text);
    CHECK(same);
}

TEST(keep_alive_follows_version_and_connection)
{
    static const struct {
        const char *head;
        bool keeps;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nConnection: foo, CLOSE\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
    };
    slv_http1_field fields[SLV_HTTP1_HEADERS_MAX];
    slv_http1_head h;

    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        slv_http1_head_init(&h, false, fields);
        CHECK_INT(slv_http1_head_parse(&h, slv_str_from(cases[i].head)), SLV_OK);
        CHECK_INT(slv_http1_keeps_alive(&h), cases[i].keeps);
    }
}

TAP_MAIN()
