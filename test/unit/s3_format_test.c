/* What S3 speaks: signatures, chunked uploads, XML. */
#include <stdio.h>

#include "base/mem.h"
#include "fmt/awschunk.h"
#include "fmt/json.h"
#include "fmt/sigv4.h"
#include "fmt/sum.h"
#include "fmt/xml.h"
#include "support/tap.h"

/* ---- the published suite ---- */

typedef struct request {
    slv_buf text; /* holds everything below */
    slv_sigv4_request r;
    slv_buf headers;
    slv_str body;
} request;

static void lower_line(slv_str line, slv_buf *out)
{
    size_t colon = slv_str_chr(line, ':', 0);

    for (size_t i = 0; i < line.len; i++)
        CHECK(slv_buf_append_byte(out, i < colon ? slv_ascii_lower(line.ptr[i]) : line.ptr[i]) ==
              SLV_OK);
    CHECK(slv_buf_append_byte(out, '\n') == SLV_OK);
}

/* "GET /?a=b HTTP/1.1", headers (a line that begins with a space continues one), body. */
static bool parse_request(slv_str text, request *ret)
{
    slv_str rest = text, line;

    *ret = (request){.headers = SLV_BUF(65536)};
    if (!slv_str_split(&rest, '\n', &line))
        return false;
    size_t sp = slv_str_chr(line, ' ', 0), end = slv_str_rchr(line, ' ');
    if (sp == SIZE_MAX || end <= sp)
        return false;
    ret->r.method = slv_str_sub(line, 0, sp);
    slv_str target = slv_str_sub(line, sp + 1, end);
    size_t q = slv_str_chr(target, '?', 0);
    ret->r.path = slv_str_sub(target, 0, q);
    ret->r.query = q == SIZE_MAX ? SLV_STR_NULL : slv_str_skip(target, q + 1);
    while (rest.ptr && slv_str_split(&rest, '\n', &line)) {
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (line.len == 0)
            break;
        if (line.ptr[0] == ' ' && ret->headers.len > 0) {
            ret->headers.ptr[ret->headers.len - 1] = ' ';
            line = slv_str_trim(line);
            if (slv_buf_append(&ret->headers, line) != SLV_OK ||
                slv_buf_append_byte(&ret->headers, '\n') != SLV_OK)
                return false;
        } else {
            lower_line(line, &ret->headers);
        }
    }
    ret->body = rest.ptr ? rest : SLV_STR_NULL;
    ret->r.headers = slv_buf_view(&ret->headers);
    return true;
}

static bool omit_token; /* of the case under test */

static slv_code verify(const request *q, bool normal, const char *secret, slv_buf *canonical,
                       slv_buf *to_sign, slv_str presigned_hash)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(65536);
    slv_sigv4_auth auth;
    uint8_t hash[SLV_SUM_MAX];
    char hex[64];
    slv_err err = {0};
    slv_code code = slv_sigv4_parse(&q->r, &arena, &auth, &err);

    if (code != SLV_OK)
        return code;
    auth.token_unsigned = omit_token;
    slv_sum_of(SLV_SUM_SHA256, q->body, hash);
    slv_hex_put(slv_str_make(hash, 32), hex);
    return slv_sigv4_verify(&q->r, &auth, normal ? SLV_SIGV4_PATH_NORMAL : SLV_SIGV4_PATH_TWICE,
                            auth.presigned && presigned_hash.len ? presigned_hash
                                                                 : slv_str_make(hex, 64),
                            slv_str_from(secret), canonical, to_sign, &err);
}

static slv_str member(const slv_node *node, const char *name)
{
    return slv_node_str(slv_node_get(node, name));
}

/* Every byte of the signature, the path, the query and the signed headers counts. */
static int changed_accepted(const request *q, bool normal, const char *secret, slv_prng *prng)
{
    int accepted = 0;

    for (int i = 0; i < 20; i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf canonical = SLV_BUF(1 << 20), sign = SLV_BUF(1 << 20);
        request other = *q;
        slv_str *field = i % 3 == 0 ? &other.r.path : i % 3 == 1 ? &other.r.method : &other.r.query;

        if (field->len == 0)
            continue;
        SLV_CLEANUP(slv_charp_free) char *copy = slv_strndup(field->ptr, field->len);
        size_t at = slv_prng_below(prng, field->len);
        if (copy[at] == 'Z')
            continue;
        copy[at] = copy[at] == 'q' ? 'r' : 'q';
        slv_str before = *field;
        *field = slv_str_make(copy, before.len);
        /* another text for the same path is no change */
        if ((i % 3 == 0 && normal) || (i % 3 == 2 && omit_token))
            continue;
        accepted += verify(&other, normal, secret, &canonical, &sign, SLV_STR_NULL) == SLV_OK;
    }
    return accepted;
}

TEST(the_suite_is_accepted_and_what_was_changed_is_not)
{
    const char *path = tap_data("sigv4/sigv4.json");
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)8 << 20);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 20);
    slv_node *root;
    slv_prng prng;
    int count = 0;

    if (!path)
        return;
    slv_prng_seed(&prng, tap_seed());
    CHECK(tap_read_file(path, &text));
    CHECK(slv_json_parse(slv_buf_view(&text), SLV_JSON_STRICT, &arena, &root, NULL) == SLV_OK);
    for (const slv_node *c = root->first; c; c = c->next) {
        slv_node *context;
        int64_t ms;

        CHECK(slv_json_parse(member(c, "context.json"), SLV_JSON_STRICT, &arena, &context, NULL) ==
              SLV_OK);
        const slv_node *credentials = slv_node_get(context, "credentials");
        slv_str secret = member(credentials, "secret_access_key");
        const slv_node *normalize = slv_node_get(context, "normalize");
        bool normal = normalize && normalize->boolean;
        const slv_node *omit = slv_node_get(context, "omit_session_token");
        omit_token = omit && omit->boolean;
        SLV_CLEANUP(slv_charp_free) char *key = slv_strndup(secret.ptr, secret.len);
        static const char *const kinds[] = {"header", "query"};
        for (int k = 0; k < 2; k++) {
            SLV_CLEANUP(slv_buf_done) slv_buf canonical = SLV_BUF(1 << 20), sign = SLV_BUF(1 << 20);
            char name[64];
            request q;

            (void)snprintf(name, sizeof name, "%s-signed-request.txt", kinds[k]);
            CHECK(parse_request(member(c, name), &q));
            slv_code code = verify(&q, normal, key, &canonical, &sign, SLV_STR_NULL);
            if (code != SLV_OK) {
                (void)snprintf(name, sizeof name, "%s-canonical-request.txt", kinds[k]);
                tap_note("%.*s: %s\n%.*s\n---\n%.*s", SLV_STR_ARGS(c->key), kinds[k],
                         SLV_STR_ARGS(slv_buf_view(&canonical)), SLV_STR_ARGS(member(c, name)));
            }
            CHECK_INT(code, SLV_OK);
            CHECK_INT(changed_accepted(&q, normal, key, &prng), 0);
            slv_buf_done(&q.headers);
            count++;
        }
        CHECK(slv_sigv4_time(SLV_STR("20150830T123600Z"), &ms) == SLV_OK);
        CHECK_INT(ms, INT64_C(1440938160000));
    }
    tap_note("%d requests", count);
    CHECK(count >= 76);
}

TEST(times_are_checked)
{
    int64_t ms;

    CHECK(slv_sigv4_time(SLV_STR("20130524T000000Z"), &ms) == SLV_OK);
    CHECK_INT(ms, INT64_C(1369353600000));
    CHECK(slv_sigv4_time(SLV_STR("20131324T000000Z"), &ms) != SLV_OK);
    CHECK(slv_sigv4_time(SLV_STR("20130524T0000000"), &ms) != SLV_OK);
    CHECK(slv_sigv4_time(SLV_STR("2013-05-24T00:00"), &ms) != SLV_OK);
}

/* ---- chunks: the example of AWS's documentation ---- */

#define SEED "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"

static slv_code feed_all(slv_awschunk *c, slv_str body, size_t step, slv_buf *out)
{
    for (size_t at = 0; at < body.len; at += step) {
        slv_str piece = slv_str_sub(body, at, at + step), data;

        while (piece.len > 0) {
            SLV_TRY(slv_awschunk_feed(c, &piece, &data));
            SLV_TRY(slv_buf_append(out, data));
        }
    }
    return SLV_OK;
}

static void start_signed(slv_awschunk *c, uint8_t key[32])
{
    slv_sigv4_key(SLV_STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), SLV_STR("20130524"),
                  SLV_STR("us-east-1"), SLV_STR("s3"), key);
    const slv_awschunk_options options = {.key = key,
                                          .amz_date = SLV_STR("20130524T000000Z"),
                                          .scope = SLV_STR("20130524/us-east-1/s3/aws4_request"),
                                          .signature = SLV_STR(SEED)};
    SLV_ASSERT(slv_awschunk_init(c, &options) == SLV_OK);
}

TEST(signed_chunks_of_any_split)
{
    SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF(1 << 20), out = SLV_BUF(1 << 20);
    static const size_t steps[] = {1, 7, 100, 65536, 100000};
    uint8_t key[32];

    CHECK(slv_buf_printf(&body, "10000;chunk-signature="
                                "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"
                                "\r\n") == SLV_OK);
    for (int i = 0; i < 65536; i++)
        CHECK(slv_buf_append_byte(&body, 'a') == SLV_OK);
    CHECK(slv_buf_printf(&body, "\r\n400;chunk-signature="
                                "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
                                "\r\n") == SLV_OK);
    for (int i = 0; i < 1024; i++)
        CHECK(slv_buf_append_byte(&body, 'a') == SLV_OK);
    CHECK(slv_buf_printf(&body, "\r\n0;chunk-signature="
                                "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
                                "\r\n\r\n") == SLV_OK);
    for (size_t i = 0; i < SLV_ARRAY_LEN(steps); i++) {
        SLV_CLEANUP(slv_awschunk_done) slv_awschunk c;

        start_signed(&c, key);
        slv_buf_reset(&out);
        CHECK_INT(feed_all(&c, slv_buf_view(&body), steps[i], &out), SLV_OK);
        CHECK(slv_awschunk_ended(&c));
        CHECK_INT(out.len, 66560);
    }
    /* one byte of content, of a signature, of a length */
    static const size_t places[] = {200, 30, 65640, 3};
    for (size_t i = 0; i < SLV_ARRAY_LEN(places); i++) {
        SLV_CLEANUP(slv_awschunk_done) slv_awschunk c;
        char was = body.ptr[places[i]];

        start_signed(&c, key);
        slv_buf_reset(&out);
        body.ptr[places[i]] = was == '0' ? '1' : '0';
        slv_code code = feed_all(&c, slv_buf_view(&body), 1000, &out);
        CHECK(code != SLV_OK || !slv_awschunk_ended(&c));
        body.ptr[places[i]] = was;
    }
}

TEST(unsigned_chunks_with_a_trailer)
{
    const slv_str body = SLV_STR("5\r\nhello\r\n0\r\nX-Amz-Checksum-Crc32:NhCmhg==\r\n\r\n");
    static const slv_str good = {"NhCmhg==", 8};

    for (size_t step = 1; step < body.len; step++) {
        SLV_CLEANUP(slv_awschunk_done) slv_awschunk c;
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(100);
        const slv_awschunk_options options = {.trailers = true};

        CHECK(slv_awschunk_init(&c, &options) == SLV_OK);
        CHECK_INT(feed_all(&c, body, step, &out), SLV_OK);
        CHECK(slv_awschunk_ended(&c));
        CHECK_STR(slv_buf_view(&out), SLV_STR("hello"));
        CHECK_STR(slv_awschunk_trailer(&c, SLV_STR("x-amz-checksum-crc32")), good);
        CHECK(!slv_awschunk_trailer(&c, SLV_STR("x-amz-checksum")).ptr);
    }
}

TEST(malformed_chunks_are_refused)
{
    static const char *const bodies[] = {
        "x\r\n",         "5\r\nhelloXX",         "-1\r\n",
        "0\r\n\r\nmore", "0\r\nnocolon\r\n\r\n", "ffffffffffffffff\r\n",
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(bodies); i++) {
        SLV_CLEANUP(slv_awschunk_done) slv_awschunk c;
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1000);
        const slv_awschunk_options options = {0};

        CHECK(slv_awschunk_init(&c, &options) == SLV_OK);
        tap_note("%s", bodies[i]);
        CHECK(feed_all(&c, slv_str_from(bodies[i]), 3, &out) != SLV_OK || !slv_awschunk_ended(&c));
    }
}

/* ---- XML ---- */

TEST(xml_is_read)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(65536);
    slv_xml *root;
    slv_err err = {0};

    CHECK_INT(
        slv_xml_parse(SLV_STR("<?xml version=\"1.0\"?><!-- c -->\n<a:Delete xmlns:a='x' q=\"1>2\">"
                              "<Object><Key>a&amp;b&#x20AC;</Key></Object>"
                              "<Object><Key><![CDATA[<x>]]></Key><VersionId/></Object>"
                              "<Quiet> true </Quiet></a:Delete>"),
                      &arena, &root, &err),
        SLV_OK);
    CHECK_STR(root->name, SLV_STR("Delete"));
    const slv_xml *object = slv_xml_child(root, "Object");
    CHECK_STR(slv_xml_text(object, "Key"), SLV_STR("a&b\xe2\x82\xac"));
    object = slv_xml_again(object);
    CHECK_STR(slv_xml_text(object, "Key"), SLV_STR("<x>"));
    CHECK(!slv_xml_again(object));
    CHECK_STR(slv_xml_text(root, "Quiet"), SLV_STR("true"));
}

TEST(bad_xml_is_refused)
{
    static const char *const texts[] = {
        "",
        "x",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a>&nope;</a>",
        "<a>&#0;</a>",
        "<a>&#xD800;</a>",
        "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        "<a b=c/>",
        "<a b/>",
        "<a>\xff</a>",
        "<a",
        "<a b='",
        "<!-- ",
        "<a><![CDATA[</a>",
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(texts); i++) {
        SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(65536);
        slv_xml *root;

        tap_note("%zu", i);
        CHECK(slv_xml_parse(slv_str_from(texts[i]), &arena, &root, NULL) != SLV_OK);
    }
}

TEST(xml_depth_at_the_limit_and_one_past)
{
    for (int past = 0; past < 2; past++) {
        SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(65536);
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(65536);
        slv_xml *root;

        for (int i = 0; i < SLV_XML_DEPTH_MAX + past; i++)
            CHECK(slv_xml_open(&text, "a") == SLV_OK);
        for (int i = 0; i < SLV_XML_DEPTH_MAX + past; i++)
            CHECK(slv_xml_close(&text, "a") == SLV_OK);
        CHECK_INT(slv_xml_parse(slv_buf_view(&text), &arena, &root, NULL) == SLV_OK, past == 0);
    }
}

TEST(xml_is_written_so_that_it_reads_back)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(65536);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(65536);
    slv_str text = SLV_STR("a<b>&\"c\"\x01\n\xc3\xa9");
    slv_xml *root;

    CHECK(slv_xml_put(&out, "Key", text) == SLV_OK);
    CHECK(slv_xml_parse(slv_buf_view(&out), &arena, &root, NULL) == SLV_OK);
    CHECK_STR(root->text, text);
}

TAP_MAIN()
