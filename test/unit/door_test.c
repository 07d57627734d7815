/* Who is believed, and which header of a balancer begins a connection. */
#include <stdio.h>

#include "base/mem.h"
#include "net/forwarded.h"
#include "net/proxy.h"
#include "support/tap.h"

/* ---- networks ---- */

static slv_nets *nets_of(const char *text)
{
    slv_str rest = slv_str_from(text), items[16];
    slv_nets *nets = NULL;
    size_t count = 0;

    while (count < 16 && slv_str_split(&rest, ' ', &items[count]))
        count++;
    return slv_nets_new(items, count, &nets, NULL) == SLV_OK ? nets : NULL;
}

TEST(networks_hold_what_they_name)
{
    static const struct {
        const char *nets, *address;
        bool in;
    } cases[] = {
        {"10.0.0.0/8", "10.255.1.2", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"10.0.0.0/8", "::ffff:10.1.1.1", true},
        {"192.168.1.1", "192.168.1.1", true},
        {"192.168.1.1", "192.168.1.2", false},
        {"172.16.0.0/12", "172.31.255.255", true},
        {"172.16.0.0/12", "172.32.0.0", false},
        {"fd00::/8", "fdab::1", true},
        {"fd00::/8", "fe80::1", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "10.0.0.1", false},
        {"0.0.0.0/0", "10.0.0.1", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"10.0.0.0/8 ::1", "::1", true},
        {"10.0.0.0/8", "10.0.0.1:80", false},
        {"10.0.0.0/8", "[::1]", false},
        {"10.0.0.0/8", "010.0.0.1", false},
        {"10.0.0.0/8", "", false},
        {"unix", "", true},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        SLV_CLEANUP(slv_nets_free) slv_nets *nets = nets_of(cases[i].nets);

        CHECK(nets);
        CHECK_INT(slv_nets_has(nets, slv_str_from(cases[i].address)), cases[i].in);
    }
    CHECK(!slv_nets_has(NULL, SLV_STR("10.0.0.1")));
}

TEST(networks_that_are_none_are_named)
{
    static const char *const bad[] = {"10.0.0.0/33", "10.0.0.1/8",  "::/129", "10.0.0/8",
                                      "10.0.0.0/",   "10.0.0.0/-1", "host",   "",
                                      "::1/64",      "10.0.0.0/8x"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(bad); i++) {
        slv_str entry = slv_str_from(bad[i]);
        slv_nets *nets = NULL;
        slv_err err = {0};

        CHECK_INT(slv_nets_new(&entry, 1, &nets, &err), SLV_E_INVAL);
        CHECK(strstr(err.message, bad[i]));
    }
}

/* ---- the PROXY protocol ---- */

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\1\2\3\4\5\6\7\10\x30\x39\1\xbb" /* 1.2.3.4:12345 to 5.6.7.8:443 */

typedef struct header_case {
    const char *bytes;
    size_t len;
    slv_code code;
    const char *peer; /* NULL: not told */
    uint16_t port;
    size_t length; /* 0: all of it */
    bool tls;
} header_case;

#define BYTES(text) text, sizeof(text) - 1

static const header_case headers[] = {
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 12345 443\r\n"), SLV_OK, "1.2.3.4", 12345, 0, false},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 0 65535\r\nGET"), SLV_OK, "1.2.3.4", 0, 36, false},
    {BYTES("PROXY TCP6 2001:DB8::1 ::1 1 2\r\n"), SLV_OK, "2001:db8::1", 1, 0, false},
    {BYTES("PROXY UNKNOWN\r\n"), SLV_OK, NULL, 0, 0, false},
    {BYTES("PROXY UNKNOWN a b c d\r\n"), SLV_OK, NULL, 0, 0, false},
    {BYTES("PROXY UNKNOWNS\r\n"), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 12345 443\n"), SLV_E_AGAIN, NULL, 0, 0, false},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 12345 443"), SLV_E_AGAIN, NULL, 0, 0, false},
    {BYTES("PROXY TCP4  1.2.3.4 5.6.7.8 12345 443\r\n"), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 12345 443 \r\n"), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 12345\r\n"), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 012 443\r\n"), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 65536 443\r\n"), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES("PROXY TCP4 1.2.3.256 5.6.7.8 1 443\r\n"), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES("PROXY TCP4 ::1 ::1 1 443\r\n"), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES("PROXY TCP6 1.2.3.4 5.6.7.8 1 443\r\n"), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES("PROXY UDP4 1.2.3.4 5.6.7.8 1 443\r\n"), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES("proxy TCP4 1.2.3.4 5.6.7.8 1 443\r\n"), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES("GET / HTTP/1.1\r\n"), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES("\x16\x03\x01"), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES(""), SLV_E_AGAIN, NULL, 0, 0, false},
    {BYTES("P"), SLV_E_AGAIN, NULL, 0, 0, false},
    {BYTES(V2 "\x21\x11\0\14" V4), SLV_OK, "1.2.3.4", 12345, 0, false},
    {BYTES(V2 "\x21\x11\0\14" V4 "GET"), SLV_OK, "1.2.3.4", 12345, 28, false},
    {BYTES(V2 "\x21\x11\0\14\1\2\3\4"), SLV_E_AGAIN, NULL, 0, 0, false},
    {BYTES(V2 "\x21\x21\0\44\x20\1\r\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
              "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\1\0\2"),
     SLV_OK, "2001:db8::1", 1, 0, false},
    {BYTES(V2 "\x20\0\0\0"), SLV_OK, NULL, 0, 0, false},
    {BYTES(V2 "\x20\x99\0\2ab"), SLV_OK, NULL, 0, 0, false},
    {BYTES(V2 "\x21\0\0\0"), SLV_OK, NULL, 0, 0, false},
    {BYTES(V2 "\x21\x12\0\14" V4), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES(V2 "\x22\x11\0\14" V4), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES(V2 "\x11\x11\0\14" V4), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES(V2 "\x21\x11\0\13"), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES(V2 "\x21\x11\x0f\xf0"), SLV_E_AGAIN, NULL, 0, 0, false},
    {BYTES(V2 "\x21\x11\x0f\xf1"), SLV_E_LIMIT, NULL, 0, 0, false},
    {BYTES(V2 "\x21\x11\0\17" V4 "\4\0\0"), SLV_OK, "1.2.3.4", 12345, 0, false},
    {BYTES(V2 "\x21\x11\0\17" V4 "\4\0\1"), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES(V2 "\x21\x11\0\16" V4 "\4\0"), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES(V2 "\x21\x11\0\24" V4 "\x20\0\5\1\0\0\0\0"), SLV_OK, "1.2.3.4", 12345, 0, true},
    {BYTES(V2 "\x21\x11\0\24" V4 "\x20\0\5\2\0\0\0\0"), SLV_OK, "1.2.3.4", 12345, 0, false},
    {BYTES(V2 "\x21\x11\0\23" V4 "\x20\0\4\1\0\0\0"), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES(V2 "\x21\x11\0\23" V4 "\3\0\4\0\0\0\0"), SLV_E_PARSE, NULL, 0, 0, false},
    {BYTES(V2 "\x21\x11\0\23" V4 "\3\0\4\x14\xb1\x7b\x82"), SLV_OK, "1.2.3.4", 12345, 0, false},
};

TEST(proxy_headers_are_read_strictly)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(headers); i++) {
        const header_case *c = &headers[i];
        slv_proxy_header h;
        const char *why;
        slv_code code = slv_proxy_parse(slv_str_make(c->bytes, c->len), &h, &why);

        if (code != c->code)
            tap_note("case %zu: %s: %s", i, slv_code_name(code), why);
        CHECK_INT(code, c->code);
        if (code != SLV_OK)
            continue;
        CHECK_INT(h.length, c->length ? c->length : c->len);
        CHECK_INT(h.known, c->peer != NULL);
        CHECK_INT(h.tls, c->tls);
        CHECK_STR(slv_str_from(h.peer), slv_str_from(c->peer ? c->peer : ""));
        CHECK_INT(h.peer_port, c->port);
    }
}

TEST(proxy_headers_in_pieces_say_the_same)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(headers); i++) {
        const header_case *c = &headers[i];
        size_t end = c->length ? c->length : c->len;
        slv_proxy_header h;
        const char *why;

        for (size_t n = 0; c->code == SLV_OK && n < end; n++)
            CHECK_INT(slv_proxy_parse(slv_str_make(c->bytes, n), &h, &why), SLV_E_AGAIN);
    }
}

TEST(a_proxy_line_ends_within_107_bytes)
{
    char line[120];
    slv_proxy_header h;
    const char *why;

    memset(line, 'a', sizeof line);
    memcpy(line, "PROXY UNKNOWN ", 14);
    memcpy(line + 105, "\r\n", 2);
    CHECK_INT(slv_proxy_parse(slv_str_make(line, 107), &h, &why), SLV_OK);
    memcpy(line + 105, "a\r\n", 3);
    CHECK_INT(slv_proxy_parse(slv_str_make(line, 108), &h, &why), SLV_E_PARSE);
    CHECK_INT(slv_proxy_parse(slv_str_make(line, 106), &h, &why), SLV_E_AGAIN);
}

/* ---- forwarding headers ---- */

typedef struct told {
    const char *peer;    /* of the connection */
    const char *fields;  /* "name:value\n" each */
    const char *becomes; /* "peer scheme host" */
} told;

static const told told_cases[] = {
    /* nobody else is believed */
    {"192.0.2.1", "x-forwarded-for:1.1.1.1\nx-forwarded-proto:https\nx-forwarded-host:b\n",
     "192.0.2.1 http a"},
    {"192.0.2.1", "forwarded:for=1.1.1.1;proto=https;host=b\n", "192.0.2.1 http a"},
    /* one proxy */
    {"10.0.0.1", "", "10.0.0.1 http a"},
    {"10.0.0.1", "x-forwarded-for:1.1.1.1\n", "1.1.1.1 http a"},
    {"10.0.0.1", "x-forwarded-for:1.1.1.1\nx-forwarded-proto:HTTPS\nx-forwarded-host:b:8\n",
     "1.1.1.1 https b:8"},
    {"10.0.0.1", "x-forwarded-proto:https\n", "10.0.0.1 https a"},
    {"10.0.0.1", "x-forwarded-proto:ftp\n", "10.0.0.1 http a"},
    {"10.0.0.1", "x-forwarded-host:u@b\n", "10.0.0.1 http a"},
    {"10.0.0.1", "x-forwarded-host:b/c\n", "10.0.0.1 http a"},
    {"10.0.0.1", "x-forwarded-host:\n", "10.0.0.1 http a"},
    /* what the client said before is not believed */
    {"10.0.0.1", "x-forwarded-for:6.6.6.6, 1.1.1.1\n", "1.1.1.1 http a"},
    {"10.0.0.1", "x-forwarded-for:6.6.6.6\nx-forwarded-for:1.1.1.1\n", "1.1.1.1 http a"},
    {"10.0.0.1", "x-forwarded-for:10.9.9.9, 1.1.1.1\n", "1.1.1.1 http a"},
    /* proxies behind each other */
    {"10.0.0.1", "x-forwarded-for:6.6.6.6, 1.1.1.1, 10.0.0.2\n", "1.1.1.1 http a"},
    {"10.0.0.1", "x-forwarded-for:10.0.0.3, 10.0.0.2\n", "10.0.0.3 http a"},
    {"10.0.0.1", "x-forwarded-for:1.1.1.1, 10.0.0.2\nx-forwarded-proto:https, http\n",
     "1.1.1.1 https a"},
    {"10.0.0.1", "x-forwarded-for:6.6.6.6, 1.1.1.1\nx-forwarded-proto:https, http\n",
     "1.1.1.1 http a"},
    {"10.0.0.1", "x-forwarded-for:1.1.1.1, 10.0.0.2\nx-forwarded-host:b, c\n", "1.1.1.1 http b"},
    {"10.0.0.1", "x-forwarded-for:1.1.1.1, 10.0.0.2\nx-forwarded-host:c\n", "1.1.1.1 http c"},
    /* what cannot be read ends the walk */
    {"10.0.0.1", "x-forwarded-for:1.1.1.1, unknown, 10.0.0.2\n", "10.0.0.2 http a"},
    {"10.0.0.1", "x-forwarded-for:unknown\n", "10.0.0.1 http a"},
    {"10.0.0.1", "x-forwarded-for:1.1.1.1,\n", "10.0.0.1 http a"},
    {"10.0.0.1", "x-forwarded-for:01.1.1.1\n", "10.0.0.1 http a"},
    /* forms of addresses */
    {"10.0.0.1", "x-forwarded-for:1.1.1.1:4444\n", "1.1.1.1 http a"},
    {"10.0.0.1", "x-forwarded-for:2001:db8::5\n", "2001:db8::5 http a"},
    {"10.0.0.1", "x-forwarded-for:[2001:db8::5]:4444\n", "2001:db8::5 http a"},
    {"10.0.0.1", "x-forwarded-for:[2001:db8::5\n", "10.0.0.1 http a"},
    {"::ffff:10.0.0.1", "x-forwarded-for:1.1.1.1\n", "1.1.1.1 http a"},
    /* Forwarded */
    {"10.0.0.1", "forwarded:for=1.1.1.1;proto=https;host=b\n", "1.1.1.1 https b"},
    {"10.0.0.1", "forwarded:For=\"[2001:db8::5]:4444\";Proto=http\n", "2001:db8::5 http a"},
    {"10.0.0.1", "forwarded:for=6.6.6.6, for=1.1.1.1;host=\"b:8\", for=10.0.0.2;host=c\n",
     "1.1.1.1 http b:8"},
    {"10.0.0.1", "forwarded:for=_hidden;proto=https\n", "10.0.0.1 https a"},
    {"10.0.0.1", "forwarded:for=1.1.1.1;host=\"b,c\"\n", "1.1.1.1 http b,c"},
    {"10.0.0.1", "forwarded:proto=https\n", "10.0.0.1 https a"},
    {"10.0.0.1", "x-forwarded-for:2.2.2.2\nforwarded:for=1.1.1.1;proto=https\n", "2.2.2.2 http a"},
};

TEST(forwarding_headers_count_from_trusted_proxies_alone)
{
    SLV_CLEANUP(slv_nets_free) slv_nets *nets = nets_of("10.0.0.0/8");

    for (size_t i = 0; i < SLV_ARRAY_LEN(told_cases); i++) {
        SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
        slv_http_header fields[8] = {{SLV_STR("host"), SLV_STR("a")}};
        slv_str rest = slv_str_from(told_cases[i].fields), line;
        slv_exchange ex = {.arena = &arena};
        char text[200];
        size_t n = 1;

        while (slv_str_split(&rest, '\n', &line) && line.len > 0) {
            size_t colon = slv_str_chr(line, ':', 0);

            fields[n++] =
                (slv_http_header){slv_str_sub(line, 0, colon), slv_str_skip(line, colon + 1)};
        }
        ex.head.headers = fields;
        ex.head.header_count = n;
        ex.head.peer = slv_str_from(told_cases[i].peer);
        ex.head.scheme = SLV_STR("http");
        ex.head.authority = SLV_STR("a");
        slv_forwarded_apply(nets, &ex);
        (void)snprintf(text, sizeof text, "%.*s %.*s %.*s", SLV_STR_ARGS(ex.head.peer),
                       SLV_STR_ARGS(ex.head.scheme), SLV_STR_ARGS(ex.head.authority));
        CHECK_STR(slv_str_from(text), slv_str_from(told_cases[i].becomes));
        CHECK(slv_str_eq(slv_exchange_header(&ex, SLV_STR("host"))->value, ex.head.authority));
        CHECK_INT(ex.head.header_count, n);
    }
}

TAP_MAIN()
