/* Workers in the catalog: versions that are kept, deployments, routes, limits, namespaces. */
#include "catalog/worker.h"

#include <stdio.h>

#include "base/mem.h"
#include "support/tap.h"

#define ACCOUNT SLV_STR("0123456789abcdef0123456789abcdef")
#define OTHER SLV_STR("fedcba9876543210fedcba9876543210")

typedef struct rig {
    slv_catalog *c;
    slv_arena arena;
    slv_err err;
} rig;

static void rig_done(rig *r)
{
    (void)slv_catalog_free(r->c);
    slv_arena_done(&r->arena);
}
SLV_DEFINE_CLEANUP_DONE(rig, rig_done);

static bool open_rig(rig *r, const char *name)
{
    const slv_catalog_options options = {.create = true};
    char path[512];

    r->arena = SLV_ARENA((size_t)64 << 20);
    snprintf(path, sizeof path, "%s/%s", tap_tmpdir(), name);
    if (slv_catalog_open(path, &options, &r->c, &r->err) == SLV_OK)
        return true;
    tap_note("%s", slv_err_text(&r->err));
    return false;
}

static slv_worker_key key_of(const char *name)
{
    return (slv_worker_key){ACCOUNT, SLV_STR(""), slv_str_from(name)};
}

static slv_code put_worker_at(rig *r, slv_str account, const char *dispatch, const char *name)
{
    const slv_worker_row row = {.account = account,
                                .dispatch = slv_str_from(dispatch),
                                .name = slv_str_from(name),
                                .tag = SLV_STR("t"),
                                .crons = SLV_STR("[]"),
                                .settings = SLV_STR("{}"),
                                .objects = SLV_STR(""),
                                .created_ms = 1,
                                .modified_ms = 2};

    return slv_catalog_worker_put(r->c, &row, &r->err);
}

static slv_code put_worker(rig *r, const char *name)
{
    return put_worker_at(r, ACCOUNT, "", name);
}

static slv_code add_version(rig *r, const char *worker, const char *id)
{
    slv_version_row row = {.id = slv_str_from(id),
                           .account = ACCOUNT,
                           .worker = slv_str_from(worker),
                           .created_ms = 5,
                           .metadata = SLV_STR("{}"),
                           .secrets = SLV_STR("\0\1sealed"),
                           .assets = SLV_STR("{\"manifest\":{}}"),
                           .code = slv_str_from(id),
                           .deployable = true};

    return slv_catalog_version_add(r->c, &row, &r->err);
}

static slv_code deploy(rig *r, const char *worker, const char *id)
{
    const slv_deployment_row row = {.id = slv_str_from(id),
                                    .account = ACCOUNT,
                                    .worker = slv_str_from(worker),
                                    .versions = {{slv_str_from(id), 100}},
                                    .version_count = 1};

    return slv_catalog_deploy(r->c, &row, &r->err);
}

static slv_code route(rig *r, slv_str account, const char *worker, const char *pattern, bool take)
{
    static unsigned number;
    char id[33];
    const slv_route_row row = {.account = account,
                               .worker = slv_str_from(worker),
                               .pattern = slv_str_from(pattern),
                               .id = slv_str_make(id, 32),
                               .zone = SLV_STR("example.com")};

    snprintf(id, sizeof id, "%032u", ++number);
    return slv_catalog_route_put(r->c, &row, take, &r->err);
}

/* ---- workers and versions ---- */

TEST(a_worker_comes_out_as_it_went_in)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    const slv_worker_key key = key_of("shop");
    slv_worker_row row = {.account = ACCOUNT,
                          .name = SLV_STR("shop"),
                          .tag = SLV_STR("0a"),
                          .migration_tag = SLV_STR("v2"),
                          .objects = SLV_STR("{\"classes\":[]}"),
                          .settings = SLV_STR("{\"tags\":[]}"),
                          .crons = SLV_STR("[\"* * * * *\"]"),
                          .workers_dev = true,
                          .created_ms = 7,
                          .modified_ms = 8};
    slv_worker_row got;

    CHECK(open_rig(&r, "row"));
    CHECK(slv_catalog_worker_get(r.c, &key, &r.arena, &got, &r.err) == SLV_E_NOTFOUND);
    CHECK(slv_catalog_worker_put(r.c, &row, &r.err) == SLV_OK);
    CHECK(slv_catalog_worker_get(r.c, &key, &r.arena, &got, &r.err) == SLV_OK);
    CHECK_STR(got.name, SLV_STR("shop"));
    CHECK_STR(got.tag, SLV_STR("0a"));
    CHECK_STR(got.migration_tag, SLV_STR("v2"));
    CHECK_STR(got.objects, row.objects);
    CHECK_STR(got.settings, row.settings);
    CHECK_STR(got.crons, row.crons);
    CHECK(got.workers_dev && !got.previews);
    CHECK_INT(got.created_ms, 7);
    CHECK_INT(got.modified_ms, 8);
    row.previews = true;
    CHECK(slv_catalog_worker_put(r.c, &row, &r.err) == SLV_OK);
    CHECK(slv_catalog_worker_get(r.c, &key, &r.arena, &got, &r.err) == SLV_OK);
    CHECK(got.previews);
}

TEST(versions_are_numbered_and_the_newest_comes_first)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    const slv_worker_key key = key_of("shop");
    const slv_version_page page = {.offset = 1, .limit = 2};
    slv_version_list list;
    slv_version_row v;
    uint64_t total;

    CHECK(open_rig(&r, "numbers"));
    CHECK(add_version(&r, "shop", "v1") == SLV_E_NOTFOUND);
    CHECK(put_worker(&r, "shop") == SLV_OK);
    for (int i = 1; i <= 4; i++) {
        char id[8];

        snprintf(id, sizeof id, "v%d", i);
        CHECK(add_version(&r, "shop", id) == SLV_OK);
    }
    CHECK(slv_catalog_version_list(r.c, &key, &page, &r.arena, &list, &total, &r.err) == SLV_OK);
    CHECK_INT(total, 4);
    CHECK_INT(list.count, 2);
    CHECK_INT(list.items[0].number, 3);
    CHECK_INT(list.items[1].number, 2);
    CHECK_INT(list.items[0].secrets.len + list.items[0].assets.len, 0);
    CHECK(slv_catalog_version_latest(r.c, &key, true, &r.arena, &v, &r.err) == SLV_OK);
    CHECK_INT(v.number, 4);
    CHECK_INT(v.secrets_since, 4);
    CHECK_STR(v.secrets, SLV_STR("\0\1sealed"));
    CHECK_STR(v.assets, SLV_STR("{\"manifest\":{}}"));
    CHECK(slv_catalog_version_get(r.c, &key, SLV_STR("v9"), &r.arena, &v, &r.err) ==
          SLV_E_NOTFOUND);
}

TEST(an_alias_leads_to_the_newest_version_that_has_it_and_eight_digits_to_an_id)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    const slv_worker_key key = key_of("shop");
    static const char *const ids[] = {"11111111-aaaa", "22222222-bbbb", "33333333-cccc"};
    slv_version_row v;

    CHECK(open_rig(&r, "alias"));
    CHECK(put_worker(&r, "shop") == SLV_OK);
    for (size_t i = 0; i < 3; i++) {
        slv_version_row row = {.id = slv_str_from(ids[i]),
                               .account = ACCOUNT,
                               .worker = SLV_STR("shop"),
                               .alias = i < 2 ? SLV_STR("staging") : SLV_STR(""),
                               .deployable = true};

        CHECK(slv_catalog_version_add(r.c, &row, &r.err) == SLV_OK);
    }
    CHECK(slv_catalog_version_preview(r.c, &key, SLV_STR("staging"), &r.arena, &v, &r.err) ==
          SLV_OK);
    CHECK_STR(v.id, SLV_STR("22222222-bbbb"));
    CHECK(slv_catalog_version_preview(r.c, &key, SLV_STR("11111111"), &r.arena, &v, &r.err) ==
          SLV_OK);
    CHECK_STR(v.id, SLV_STR("11111111-aaaa"));
    CHECK(slv_catalog_version_preview(r.c, &key, SLV_STR("1111111"), &r.arena, &v, &r.err) ==
          SLV_E_NOTFOUND);
    CHECK(slv_catalog_version_preview(r.c, &key, SLV_STR("%_111111"), &r.arena, &v, &r.err) ==
          SLV_E_NOTFOUND);
    CHECK(slv_catalog_version_preview(r.c, &key, SLV_STR(""), &r.arena, &v, &r.err) ==
          SLV_E_NOTFOUND);
}

TEST(a_hundred_versions_are_kept_and_the_deployed_one_stays)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    const slv_worker_key key = key_of("shop");
    const slv_version_page all = {0};
    slv_deployment_list deployments;
    slv_version_list list;
    slv_version_row v;
    char id[16];

    CHECK(open_rig(&r, "pruning"));
    CHECK(put_worker(&r, "shop") == SLV_OK);
    for (unsigned i = 1; i <= SLV_CATALOG_VERSIONS_KEPT; i++) {
        snprintf(id, sizeof id, "v%u", i);
        CHECK(add_version(&r, "shop", id) == SLV_OK);
    }
    CHECK(deploy(&r, "shop", "v2") == SLV_OK);
    CHECK(deploy(&r, "shop", "v1") == SLV_OK);
    CHECK(slv_catalog_version_list(r.c, &key, &all, &r.arena, &list, NULL, &r.err) == SLV_OK);
    CHECK_INT(list.count, SLV_CATALOG_VERSIONS_KEPT);
    /* one more: v2, the oldest that no deployment in force has, goes, and its deployment */
    CHECK(add_version(&r, "shop", "v101") == SLV_OK);
    CHECK(slv_catalog_version_list(r.c, &key, &all, &r.arena, &list, NULL, &r.err) == SLV_OK);
    CHECK_INT(list.count, SLV_CATALOG_VERSIONS_KEPT);
    CHECK(slv_catalog_version_get(r.c, &key, SLV_STR("v1"), &r.arena, &v, &r.err) == SLV_OK);
    CHECK(slv_catalog_version_get(r.c, &key, SLV_STR("v2"), &r.arena, &v, &r.err) ==
          SLV_E_NOTFOUND);
    CHECK(slv_catalog_deployment_list(r.c, &key, 0, &r.arena, &deployments, &r.err) == SLV_OK);
    CHECK_INT(deployments.count, 1);
    CHECK_STR(deployments.items[0].versions[0].version, SLV_STR("v1"));
    /* once another is deployed, v1 is as old as any */
    CHECK(deploy(&r, "shop", "v101") == SLV_OK);
    CHECK(add_version(&r, "shop", "v102") == SLV_OK);
    CHECK(slv_catalog_version_get(r.c, &key, SLV_STR("v1"), &r.arena, &v, &r.err) ==
          SLV_E_NOTFOUND);
    CHECK(slv_catalog_version_get(r.c, &key, SLV_STR("v101"), &r.arena, &v, &r.err) == SLV_OK);
}

static void count_code(void *arg, slv_str account, slv_str code)
{
    CHECK_STR(account, ACCOUNT);
    CHECK(code.len > 0);
    ++*(unsigned *)arg;
}

TEST(code_that_versions_name_is_told_once_each)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    unsigned n = 0;

    CHECK(open_rig(&r, "codes"));
    CHECK(put_worker(&r, "a") == SLV_OK);
    CHECK(put_worker(&r, "b") == SLV_OK);
    CHECK(add_version(&r, "a", "same") == SLV_OK);
    CHECK(add_version(&r, "b", "same") == SLV_OK);
    CHECK(add_version(&r, "b", "else") == SLV_OK);
    CHECK(slv_catalog_code_each(r.c, SLV_STR(""), count_code, &n, &r.err) == SLV_OK);
    CHECK_INT(n, 2);
    CHECK(slv_catalog_code_each(r.c, OTHER, count_code, &n, &r.err) == SLV_OK);
    CHECK_INT(n, 2);
}

TEST(an_account_has_five_hundred_workers_and_not_one_more)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    char name[16];

    CHECK(open_rig(&r, "workers"));
    CHECK(slv_db_begin(slv_catalog_db(r.c), &r.err) == SLV_OK);
    for (unsigned i = 0; i < SLV_CATALOG_WORKERS_MAX; i++) {
        snprintf(name, sizeof name, "w%u", i);
        CHECK(put_worker(&r, name) == SLV_OK);
    }
    CHECK(put_worker(&r, "more") == SLV_E_LIMIT);
    CHECK(put_worker(&r, "w0") == SLV_OK);
    CHECK(put_worker_at(&r, OTHER, "", "more") == SLV_OK);
    CHECK(slv_db_commit(slv_catalog_db(r.c), &r.err) == SLV_OK);
}

TEST(names_of_workers)
{
    char longest[257];

    memset(longest, 'a', sizeof longest);
    CHECK(slv_worker_name_valid(SLV_STR("my-Worker_2"), false));
    CHECK(!slv_worker_name_valid(SLV_STR(""), false));
    CHECK(!slv_worker_name_valid(SLV_STR("-a"), false));
    CHECK(!slv_worker_name_valid(SLV_STR("a.b"), false));
    CHECK(!slv_worker_name_valid(SLV_STR("a b"), false));
    CHECK(slv_worker_name_valid(slv_str_make(longest, 63), false));
    CHECK(!slv_worker_name_valid(slv_str_make(longest, 64), false));
    CHECK(slv_worker_name_valid(slv_str_make(longest, 255), true));
    CHECK(!slv_worker_name_valid(slv_str_make(longest, 256), true));
}

/* ---- deployments ---- */

TEST(percentages_must_add_up_to_a_hundred)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    const slv_worker_key key = key_of("shop");
    slv_deployment_row d = {.id = SLV_STR("d"),
                            .account = ACCOUNT,
                            .worker = SLV_STR("shop"),
                            .versions = {{SLV_STR("v1"), 33.3}, {SLV_STR("v2"), 66.7}},
                            .version_count = 2};
    slv_deployment_row got;

    CHECK(open_rig(&r, "split"));
    CHECK(put_worker(&r, "shop") == SLV_OK);
    CHECK(add_version(&r, "shop", "v1") == SLV_OK);
    CHECK(add_version(&r, "shop", "v2") == SLV_OK);
    CHECK(slv_catalog_deployment_current(r.c, &key, &r.arena, &got, &r.err) == SLV_E_NOTFOUND);
    CHECK(slv_catalog_deploy(r.c, &d, &r.err) == SLV_OK);
    CHECK(slv_catalog_deployment_current(r.c, &key, &r.arena, &got, &r.err) == SLV_OK);
    CHECK_INT(got.version_count, 2);
    CHECK(got.versions[0].percentage > 33.29 && got.versions[0].percentage < 33.31);
    CHECK_STR(got.versions[1].version, SLV_STR("v2"));
    d.versions[1].percentage = 66.6;
    CHECK(slv_catalog_deploy(r.c, &d, &r.err) == SLV_E_INVAL);
    CHECK(strstr(r.err.message, "add up to 100") != NULL);
    d.versions[0].percentage = -1;
    d.versions[1].percentage = 101;
    CHECK(slv_catalog_deploy(r.c, &d, &r.err) == SLV_E_INVAL);
    d.versions[0] = d.versions[1] = (slv_split){SLV_STR("v1"), 50};
    CHECK(slv_catalog_deploy(r.c, &d, &r.err) == SLV_E_INVAL);
    d.versions[1] = (slv_split){SLV_STR("v3"), 50};
    CHECK(slv_catalog_deploy(r.c, &d, &r.err) == SLV_E_INVAL);
    CHECK(strstr(r.err.message, "v3") != NULL);
    d.version_count = 0;
    CHECK(slv_catalog_deploy(r.c, &d, &r.err) == SLV_E_INVAL);
    CHECK(slv_catalog_deployment_current(r.c, &key, &r.arena, &got, &r.err) == SLV_OK);
    CHECK_INT(got.version_count, 2);
}

/* ---- routes ---- */

static bool refuses(const char *pattern, const char *why)
{
    slv_err err = {0};

    if (slv_route_pattern_check(slv_str_from(pattern), NULL, NULL, &err) == SLV_E_INVAL &&
        strstr(err.message, why) && strstr(err.message, "pattern"))
        return true;
    tap_note("%s: %s", pattern, err.message);
    return false;
}

TEST(what_a_pattern_may_be)
{
    static const char *const fine[] = {
        "example.com",       "example.com/*", "*.example.com/*",
        "*example.com/*",    "https://a.b/x", "HTTP://a.example.com/x/y*",
        "xn--bcher-kva.de/", "localhost/*",   "a_b.example.com/%20"};
    slv_str host, path;
    slv_err err;

    for (size_t i = 0; i < SLV_ARRAY_LEN(fine); i++)
        CHECK(slv_route_pattern_check(slv_str_from(fine[i]), NULL, NULL, &err) == SLV_OK);
    CHECK(slv_route_pattern_check(SLV_STR("https://*.a.b/c*"), &host, &path, &err) == SLV_OK);
    CHECK_STR(host, SLV_STR("*.a.b"));
    CHECK_STR(path, SLV_STR("/c*"));
    CHECK(refuses("", "a host is missing"));
    CHECK(refuses("/x", "a host is missing"));
    CHECK(refuses("*/*", "alone"));
    CHECK(refuses("*./*", "alone"));
    CHECK(refuses("a*.example.com/", "first character of the host"));
    CHECK(refuses("example.com/*/x", "last of the path"));
    CHECK(refuses("example.com/x?y=1", "no query"));
    CHECK(refuses("example.com?y", "no query"));
    CHECK(refuses("example.com/#f", "no fragment"));
    CHECK(refuses("ftp://example.com/", "scheme"));
    CHECK(refuses("example.com:8080/", "no port"));
    CHECK(refuses("exa mple.com/", "letters"));
    CHECK(refuses("b\xc3\xbc"
                  "cher.de/",
                  "xn--"));
    CHECK(refuses("a..b/", "empty"));
    CHECK(refuses("a.b./", "empty"));
    CHECK(refuses("-a.b/", "hyphen"));
    CHECK(refuses("a.b/x y", "space"));
}

TEST(a_pattern_belongs_to_one_worker_and_the_error_names_it)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    slv_route_list list;

    CHECK(open_rig(&r, "routes"));
    CHECK(put_worker(&r, "shop") == SLV_OK);
    CHECK(put_worker(&r, "blog") == SLV_OK);
    CHECK(route(&r, ACCOUNT, "shop", "Example.com/*", false) == SLV_OK);
    CHECK(route(&r, ACCOUNT, "shop", "example.com/*", false) == SLV_OK);
    CHECK(route(&r, ACCOUNT, "blog", "example.COM/*", false) == SLV_E_EXISTS);
    CHECK(strstr(r.err.message, "'shop'") && strstr(r.err.message, "example.COM/*"));
    CHECK(route(&r, ACCOUNT, "blog", "example.com/A*", false) == SLV_OK);
    CHECK(route(&r, ACCOUNT, "blog", "example.com/a*", false) == SLV_OK);
    CHECK(route(&r, ACCOUNT, "blog", "https://example.com/*", false) == SLV_OK);
    CHECK(route(&r, ACCOUNT, "blog", "example.com", false) == SLV_OK);
    CHECK(route(&r, ACCOUNT, "shop", "example.com/", false) == SLV_E_EXISTS);
    CHECK(route(&r, OTHER, "theirs", "example.com/*", true) == SLV_E_EXISTS);
    CHECK(strstr(r.err.message, "another account") && !strstr(r.err.message, "shop"));
    CHECK(route(&r, ACCOUNT, "blog", "example.com/*", true) == SLV_OK);
    CHECK(slv_catalog_route_list(r.c, ACCOUNT, SLV_STR("shop"), &r.arena, &list, &r.err) == SLV_OK);
    CHECK_INT(list.count, 0);
    CHECK(slv_catalog_route_list(r.c, SLV_STR(""), SLV_STR(""), &r.arena, &list, &r.err) == SLV_OK);
    CHECK_INT(list.count, 5);
}

TEST(replacing_routes_keeps_those_that_stay_and_changes_nothing_when_one_is_taken)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    const slv_worker_key shop = key_of("shop");
    slv_route_row rows[] = {
        {.account = ACCOUNT,
         .worker = SLV_STR("shop"),
         .pattern = SLV_STR("A.example.com/*"),
         .id = SLV_STR("x1"),
         .zone = SLV_STR("example.com")},
        {.account = ACCOUNT,
         .worker = SLV_STR("shop"),
         .pattern = SLV_STR("c.example.com/*"),
         .id = SLV_STR("x2"),
         .zone = SLV_STR("example.com")},
    };
    slv_route_list list;
    slv_str id;

    CHECK(open_rig(&r, "replace"));
    CHECK(put_worker(&r, "shop") == SLV_OK);
    CHECK(route(&r, ACCOUNT, "shop", "a.example.com/*", false) == SLV_OK);
    CHECK(route(&r, ACCOUNT, "shop", "b.example.com/*", false) == SLV_OK);
    CHECK(route(&r, ACCOUNT, "blog", "taken.example.com/*", false) == SLV_OK);
    CHECK(slv_catalog_route_list(r.c, ACCOUNT, SLV_STR("shop"), &r.arena, &list, &r.err) == SLV_OK);
    id = list.items[0].id;
    CHECK(slv_catalog_route_replace(r.c, &shop, false, rows, 2, false, &r.err) == SLV_OK);
    CHECK(slv_catalog_route_list(r.c, ACCOUNT, SLV_STR("shop"), &r.arena, &list, &r.err) == SLV_OK);
    CHECK_INT(list.count, 2);
    CHECK_STR(list.items[0].id, id);
    CHECK_STR(list.items[1].pattern, SLV_STR("c.example.com/*"));
    /* as the server calls it: within a savepoint, which a failure rolls back */
    rows[1].pattern = SLV_STR("taken.example.com/*");
    CHECK(slv_db_begin(slv_catalog_db(r.c), &r.err) == SLV_OK);
    CHECK(slv_db_savepoint(slv_catalog_db(r.c), &r.err) == SLV_OK);
    CHECK(slv_catalog_route_replace(r.c, &shop, false, rows, 2, false, &r.err) == SLV_E_EXISTS);
    slv_db_rollback_to(slv_catalog_db(r.c));
    CHECK(slv_db_commit(slv_catalog_db(r.c), &r.err) == SLV_OK);
    CHECK(slv_catalog_route_list(r.c, ACCOUNT, SLV_STR("shop"), &r.arena, &list, &r.err) == SLV_OK);
    CHECK_INT(list.count, 2);
    CHECK_STR(list.items[1].pattern, SLV_STR("c.example.com/*"));
}

static slv_code fill(rig *r, bool domain, unsigned i, const char *zone)
{
    char pattern[64], id[16];
    slv_route_row row = {.account = ACCOUNT,
                         .worker = SLV_STR("shop"),
                         .domain = domain,
                         .zone = slv_str_from(zone)};

    snprintf(pattern, sizeof pattern, "h%u.%s", i, zone);
    snprintf(id, sizeof id, "%d-%u", domain, i);
    row.pattern = slv_str_from(pattern);
    row.id = slv_str_from(id);
    return slv_catalog_route_put(r->c, &row, false, &r->err);
}

TEST(a_zone_is_full_at_its_limits)
{
    SLV_CLEANUP(rig_done) rig r = {0};

    CHECK(open_rig(&r, "full"));
    CHECK(slv_db_begin(slv_catalog_db(r.c), &r.err) == SLV_OK);
    for (unsigned i = 0; i < SLV_CATALOG_ROUTES_MAX; i++)
        CHECK(fill(&r, false, i, "example.com") == SLV_OK);
    CHECK(fill(&r, false, 5000, "example.com") == SLV_E_LIMIT);
    CHECK(strstr(r.err.message, "example.com") && strstr(r.err.message, "1000"));
    CHECK(fill(&r, false, 5, "example.com") == SLV_OK);
    CHECK(fill(&r, false, 5000, "example.org") == SLV_OK);
    for (unsigned i = 0; i < SLV_CATALOG_DOMAINS_MAX; i++)
        CHECK(fill(&r, true, i, "example.com") == SLV_OK);
    CHECK(fill(&r, true, 5000, "example.com") == SLV_E_LIMIT);
    CHECK(slv_db_commit(slv_catalog_db(r.c), &r.err) == SLV_OK);
}

TEST(a_host_of_a_pages_project_is_no_custom_domain)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    slv_route_row row = {.account = ACCOUNT,
                         .worker = SLV_STR("shop"),
                         .domain = true,
                         .pattern = SLV_STR("Docs.example.com"),
                         .id = SLV_STR("d1"),
                         .zone = SLV_STR("example.com")};

    CHECK(open_rig(&r, "pages"));
    CHECK(slv_db_exec(slv_catalog_db(r.c),
                      "INSERT INTO pages_domain(name,account,project,id,created) VALUES"
                      "('docs.example.com','0123456789abcdef0123456789abcdef','site','i',1)",
                      &r.err) == SLV_OK);
    CHECK(slv_catalog_route_put(r.c, &row, true, &r.err) == SLV_E_EXISTS);
    CHECK(strstr(r.err.message, "'site'") != NULL);
    row.account = OTHER;
    CHECK(slv_catalog_route_put(r.c, &row, true, &r.err) == SLV_E_EXISTS);
    CHECK(!strstr(r.err.message, "'site'"));
    row.domain = false;
    row.pattern = SLV_STR("docs.example.com/api/*");
    CHECK(slv_catalog_route_put(r.c, &row, false, &r.err) == SLV_OK);
}

TEST(what_a_custom_domain_may_be)
{
    slv_err err;

    CHECK(slv_route_domain_check(SLV_STR("shop.example.com"), &err) == SLV_OK);
    CHECK(slv_route_domain_check(SLV_STR("*.example.com"), &err) == SLV_E_INVAL);
    CHECK(strstr(err.message, "wildcard") != NULL);
    CHECK(slv_route_domain_check(SLV_STR("example.com/x"), &err) == SLV_E_INVAL);
    CHECK(strstr(err.message, "without scheme and path") != NULL);
    CHECK(slv_route_domain_check(SLV_STR("https://example.com"), &err) == SLV_E_INVAL);
    CHECK(slv_route_domain_check(SLV_STR(""), &err) == SLV_E_INVAL);
}

/* ---- the end of a worker, namespaces ---- */

TEST(a_worker_goes_with_everything_of_it_and_nothing_else)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    const slv_worker_key shop = key_of("shop");
    slv_route_list list;
    slv_version_row v;

    CHECK(open_rig(&r, "delete"));
    CHECK(put_worker(&r, "shop") == SLV_OK);
    CHECK(put_worker(&r, "blog") == SLV_OK);
    CHECK(add_version(&r, "shop", "v1") == SLV_OK);
    CHECK(add_version(&r, "blog", "v1") == SLV_OK);
    CHECK(deploy(&r, "shop", "v1") == SLV_OK);
    CHECK(route(&r, ACCOUNT, "shop", "a.example.com/*", false) == SLV_OK);
    CHECK(route(&r, ACCOUNT, "blog", "b.example.com/*", false) == SLV_OK);
    CHECK(slv_catalog_worker_delete(r.c, &shop, &r.err) == SLV_OK);
    CHECK(slv_catalog_worker_delete(r.c, &shop, &r.err) == SLV_E_NOTFOUND);
    CHECK(slv_catalog_version_get(r.c, &shop, SLV_STR("v1"), &r.arena, &v, &r.err) ==
          SLV_E_NOTFOUND);
    CHECK(slv_catalog_route_list(r.c, ACCOUNT, SLV_STR(""), &r.arena, &list, &r.err) == SLV_OK);
    CHECK_INT(list.count, 1);
    CHECK_STR(list.items[0].worker, SLV_STR("blog"));
    /* a worker of that name begins again at 1 */
    CHECK(put_worker(&r, "shop") == SLV_OK);
    CHECK(add_version(&r, "shop", "v1") == SLV_OK);
    CHECK(slv_catalog_version_latest(r.c, &shop, true, &r.arena, &v, &r.err) == SLV_OK);
    CHECK_INT(v.number, 1);
}

TEST(a_namespace_has_workers_of_its_own)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    slv_namespace_row space = {.account = ACCOUNT, .name = SLV_STR("tenants"), .id = SLV_STR("i1")};
    const slv_worker_key in_new = {ACCOUNT, SLV_STR("customers"), SLV_STR("shop")};
    slv_worker_list list;
    slv_worker_row row;
    slv_namespace_row got;

    CHECK(open_rig(&r, "namespaces"));
    CHECK(put_worker(&r, "shop") == SLV_OK);
    CHECK(put_worker_at(&r, ACCOUNT, "tenants", "shop") == SLV_E_NOTFOUND);
    CHECK(slv_catalog_namespace_add(r.c, &space, &r.err) == SLV_OK);
    CHECK(slv_catalog_namespace_add(r.c, &space, &r.err) == SLV_E_EXISTS);
    CHECK(put_worker_at(&r, ACCOUNT, "tenants", "shop") == SLV_OK);
    CHECK(slv_catalog_namespace_get(r.c, ACCOUNT, SLV_STR("tenants"), &r.arena, &got, &r.err) ==
          SLV_OK);
    CHECK_INT(got.workers, 1);
    CHECK(slv_catalog_worker_list(r.c, ACCOUNT, SLV_STR(""), &r.arena, &list, &r.err) == SLV_OK);
    CHECK_INT(list.count, 1);
    CHECK(slv_catalog_worker_list(r.c, ACCOUNT, SLV_STR_NULL, &r.arena, &list, &r.err) == SLV_OK);
    CHECK_INT(list.count, 2);
    CHECK(slv_catalog_namespace_rename(r.c, ACCOUNT, SLV_STR("tenants"), SLV_STR("customers"), 9,
                                       &r.err) == SLV_OK);
    CHECK(slv_catalog_worker_get(r.c, &in_new, &r.arena, &row, &r.err) == SLV_OK);
    CHECK(slv_catalog_namespace_delete(r.c, ACCOUNT, SLV_STR("tenants"), &r.err) == SLV_E_NOTFOUND);
    CHECK(slv_catalog_namespace_delete(r.c, ACCOUNT, SLV_STR("customers"), &r.err) == SLV_OK);
    CHECK(slv_catalog_worker_get(r.c, &in_new, &r.arena, &row, &r.err) == SLV_E_NOTFOUND);
    CHECK(slv_catalog_worker_list(r.c, ACCOUNT, SLV_STR_NULL, &r.arena, &list, &r.err) == SLV_OK);
    CHECK_INT(list.count, 1);
}

TAP_MAIN()
