/* Which worker answers for a host and a path: the table of cases of the specification, and more. */
#include <stdio.h>

#include "edge/site.h"
#include "support/tap.h"

static const slv_site_target none = {{"acc", 3}, {"", 0}};

static bool add_route(slv_site *site, const char *pattern, const char *worker)
{
    const slv_site_target t = {SLV_STR("acc"), slv_str_from(worker)};
    slv_err err;

    return slv_site_add_route(site, slv_str_from(pattern), &t, &err) == SLV_OK;
}

static bool add_host(slv_site *site, const char *host, slv_site_source source, const char *worker)
{
    const slv_site_target t = {SLV_STR("acc"), slv_str_from(worker)};
    slv_err err;

    return slv_site_add_host(site, slv_str_from(host), source, &t, &err) == SLV_OK;
}

/* The worker's name, "" for none, "?" for one that is to be asked for. */
static slv_str find(const slv_site *site, const char *url)
{
    static slv_site_target t;
    slv_str text = slv_str_from(url);
    bool https = slv_str_starts(text, SLV_STR("https://"));
    char out[SLV_SITE_HOST_MAX + 1];
    slv_str host;

    text = slv_str_skip(text, https ? 8 : 7);
    size_t slash = slv_str_chr(text, '/', 0);
    switch (slv_site_find(site, slv_str_sub(text, 0, slash), https, slv_str_skip(text, slash), out,
                          &host, &t)) {
    case SLV_SITE_WORKER:
        return t.worker;
    case SLV_SITE_ASK:
        return SLV_STR("?");
    case SLV_SITE_NOTHING:
        break;
    }
    return SLV_STR("");
}

static bool leads(const slv_site *site, const char *url, const char *worker)
{
    slv_str found = find(site, url);

    if (slv_str_is(found, worker))
        return true;
    tap_note("%s leads to '%.*s', not to '%s'", url, SLV_STR_ARGS(found), worker);
    return false;
}

TEST(a_host_counts_without_case_port_and_last_dot)
{
    SLV_CLEANUP(slv_site_unref) slv_site *site = slv_site_new();

    CHECK(add_host(site, "Api.Example.com", SLV_SITE_NAME, "api"));
    CHECK(add_host(site, "[::1]", SLV_SITE_NAME, "six"));
    CHECK(leads(site, "http://[::1]:8080/", "six"));
    CHECK(leads(site, "http://api.example.com/", "api"));
    CHECK(leads(site, "http://API.EXAMPLE.COM:8787/x", "api"));
    CHECK(leads(site, "https://api.example.com.:443/", "api"));
    CHECK(leads(site, "http://example.com/", ""));
    CHECK(leads(site, "http://x.api.example.com/", ""));
    CHECK(leads(site, "http://apiexample.com/", ""));
    CHECK(leads(site, "http:///", ""));
}

TEST(a_host_of_the_longest_length_is_found_and_a_longer_one_is_none)
{
    SLV_CLEANUP(slv_site_unref) slv_site *site = slv_site_new();
    char host[400], url[500];
    const slv_site_target t = {SLV_STR("acc"), SLV_STR("w")};
    slv_err err;

    for (size_t i = 0; i < sizeof host; i++)
        host[i] = i % 50 == 49 ? '.' : 'a';
    CHECK(slv_site_add_host(site, slv_str_make(host, SLV_SITE_HOST_MAX), SLV_SITE_NAME, &t, &err) ==
          SLV_OK);
    CHECK(slv_site_add_host(site, slv_str_make(host, SLV_SITE_HOST_MAX + 1), SLV_SITE_NAME, &t,
                            &err) == SLV_E_INVAL);
    snprintf(url, sizeof url, "http://%.*s/", (int)SLV_SITE_HOST_MAX, host);
    CHECK(leads(site, url, "w"));
    snprintf(url, sizeof url, "http://%.*s/", (int)SLV_SITE_HOST_MAX + 1, host);
    CHECK(leads(site, url, ""));
}

TEST(sources_stand_in_their_order)
{
    SLV_CLEANUP(slv_site_unref) slv_site *site = slv_site_new();

    CHECK(add_host(site, "shop.example.com", SLV_SITE_NAME, "named"));
    CHECK(leads(site, "http://shop.example.com/a", "named"));
    CHECK(add_route(site, "shop.example.com/a*", "routed"));
    CHECK(leads(site, "http://shop.example.com/a", "routed"));
    CHECK(leads(site, "http://shop.example.com/b", "named"));
    CHECK(add_host(site, "shop.example.com", SLV_SITE_DOMAIN, "domain"));
    CHECK(leads(site, "http://shop.example.com/a", "domain"));
    CHECK(!add_host(site, "SHOP.example.com", SLV_SITE_DOMAIN, "other"));
}

TEST(patterns_match_as_they_say)
{
    static const struct {
        const char *pattern, *url;
        bool matches;
    } cases[] = {
        {"example.com/*", "http://example.com/", true},
        {"example.com/*", "https://example.com/any/path?x=1", true},
        {"example.com/*", "http://www.example.com/", false},
        {"example.com/foo*", "http://example.com/foobar", true},
        {"example.com/foo*", "http://example.com/foo", true},
        {"example.com/foo*", "http://example.com/fo", false},
        {"example.com/foo/*", "http://example.com/foo", false},
        {"example.com/foo", "http://example.com/foo", true},
        {"example.com/foo", "http://example.com/foo/", false},
        {"example.com/foo", "http://example.com/foo?x=1", false},
        {"example.com/Foo", "http://example.com/foo", false},
        {"example.com", "http://example.com/", true},
        {"example.com", "http://example.com/x", false},
        {"EXAMPLE.com/*", "http://example.COM/", true},
        {"*.example.com/*", "http://a.example.com/", true},
        {"*.example.com/*", "http://a.b.example.com/x", true},
        {"*.example.com/*", "http://example.com/", false},
        {"*.example.com/*", "http://badexample.com/", false},
        {"*example.com/*", "http://example.com/", true},
        {"*example.com/*", "http://a.example.com/", true},
        {"*example.com/*", "http://notexample.com/", false},
        {"http://example.com/*", "http://example.com/", true},
        {"http://example.com/*", "https://example.com/", false},
        {"https://example.com/*", "https://example.com/", true},
        {"https://example.com/*", "http://example.com/", false},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        SLV_CLEANUP(slv_site_unref) slv_site *site = slv_site_new();

        CHECK(add_route(site, cases[i].pattern, "w"));
        if (!leads(site, cases[i].url, cases[i].matches ? "w" : "")) {
            tap_failed(__FILE__, __LINE__, "%s on %s", cases[i].pattern, cases[i].url);
            return;
        }
    }
}

TEST(the_most_specific_pattern_wins_in_whatever_order_they_came)
{
    static const char *const patterns[][2] = {
        {"*example.com/*", "all"},         {"*.example.com/*", "below"},
        {"*.example.com/api/*", "belowA"}, {"example.com/*", "apex"},
        {"example.com/api/*", "apexA"},    {"example.com/api/v1", "exact"},
        {"a.example.com/*", "host"},       {"*.a.example.com/*", "belowHost"},
        {"*example.com/api/v1/*", "allV"}, {"https://a.example.com/*", "secure"},
    };
    static const char *const cases[][2] = {
        {"http://example.com/", "apex"},
        {"http://example.com/api/", "apexA"},
        {"http://example.com/api/v1", "exact"},
        {"http://example.com/api/v1/x", "allV"}, /* the same host, a longer path */
        {"http://b.example.com/", "below"},
        {"http://b.example.com/api/x", "belowA"},
        {"http://b.example.com/api/v1/x", "belowA"}, /* the dot makes the host longer */
        {"http://a.example.com/api/x", "host"},      /* the host counts before the path */
        {"https://a.example.com/", "secure"},
        {"http://x.a.example.com/api/x", "belowHost"},
    };
    uint64_t seed = tap_seed();
    slv_prng prng;

    slv_prng_seed(&prng, seed);
    for (int round = 0; round < 20; round++) {
        SLV_CLEANUP(slv_site_unref) slv_site *site = slv_site_new();
        size_t order[SLV_ARRAY_LEN(patterns)];

        for (size_t i = 0; i < SLV_ARRAY_LEN(order); i++) {
            size_t k = slv_prng_below(&prng, i + 1);

            order[i] = order[k];
            order[k] = i;
        }
        for (size_t i = 0; i < SLV_ARRAY_LEN(order); i++)
            CHECK(add_route(site, patterns[order[i]][0], patterns[order[i]][1]));
        for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++)
            CHECK(leads(site, cases[i][0], cases[i][1]));
    }
}

TEST(a_pattern_without_a_worker_excludes)
{
    SLV_CLEANUP(slv_site_unref) slv_site *site = slv_site_new();
    slv_err err;

    CHECK(add_host(site, "example.com", SLV_SITE_NAME, "named"));
    CHECK(add_route(site, "example.com/*", "w"));
    CHECK(slv_site_add_route(site, SLV_STR("example.com/static/*"), &none, &err) == SLV_OK);
    CHECK(leads(site, "http://example.com/", "w"));
    CHECK(leads(site, "http://example.com/static/a.css", ""));
}

TEST(wildcards_elsewhere_are_refused)
{
    SLV_CLEANUP(slv_site_unref) slv_site *site = slv_site_new();

    CHECK(!add_route(site, "example.com/*/x", "w"));
    CHECK(!add_route(site, "a.*.example.com/", "w"));
    CHECK(!add_route(site, "**example.com/", "w"));
    CHECK(!add_route(site, "*/", "w"));
    CHECK(!slv_site_has_routes(site));
}

TEST(hosts_below_a_domain_are_asked_for)
{
    SLV_CLEANUP(slv_site_unref) slv_site *site = slv_site_new();
    slv_err err;

    CHECK(add_host(site, "api.example.com", SLV_SITE_NAME, "api"));
    CHECK(leads(site, "http://x-api.example.com/", ""));
    CHECK(slv_site_add_asked(site, SLV_STR("example.com"), &err) == SLV_OK);
    CHECK(leads(site, "http://x-api.example.com/", "?"));
    CHECK(leads(site, "http://x.api.example.com/", "?"));
    CHECK(leads(site, "http://y.x.api.example.com/", ""));
    CHECK(leads(site, "http://api.example.com/", "api"));
    CHECK(leads(site, "http://example.com/", ""));
    CHECK(leads(site, "http://example.org/", ""));
}

TEST(a_thousand_workers_are_all_found)
{
    SLV_CLEANUP(slv_site_unref) slv_site *site = slv_site_new();
    char host[64], name[32], url[80];

    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "w%d", i);
        snprintf(host, sizeof host, "w%d.example.com", i);
        CHECK(add_host(site, host, SLV_SITE_NAME, name));
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "w%d", i);
        snprintf(url, sizeof url, "http://w%d.example.com/", i);
        CHECK(leads(site, url, name));
    }
}
TAP_MAIN()
