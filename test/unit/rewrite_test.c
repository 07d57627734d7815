/* Rewriting by a child: this program is the child, too. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/rewrite.h"
#include "rt/roles.h"
#include "support/tap.h"

#define MB ((size_t)1 << 20)

typedef struct outcome {
    slv_loop *loop;
    slv_rewrite *rewrite;
    slv_buf script, map;
    slv_err err;
    int calls;
} outcome;

static void on_done(void *user, slv_str script, slv_str map, const slv_err *err)
{
    outcome *o = user;

    o->calls++;
    if (err)
        o->err = *err;
    else if (slv_buf_append(&o->script, script) != SLV_OK || slv_buf_append(&o->map, map) != SLV_OK)
        o->err.code = SLV_E_LIMIT;
}

static bool is_done(void *user)
{
    return ((outcome *)user)->calls > 0;
}

static void outcome_done(outcome *o)
{
    slv_rewrite_free(o->rewrite);
    slv_loop_free(o->loop);
    slv_buf_done(&o->script);
    slv_buf_done(&o->map);
}
SLV_DEFINE_CLEANUP_DONE(outcome, outcome_done);

static bool rewrite(outcome *o, slv_str script, slv_str map)
{
    *o = (outcome){.script = SLV_BUF(64 * MB), .map = SLV_BUF(MB)};
    return slv_loop_new(&o->loop, &o->err) == SLV_OK &&
           slv_rewrite_start(o->loop, script, map, on_done, o, &o->rewrite, &o->err) == SLV_OK &&
           slv_loop_run_until(o->loop, is_done, o, 60000);
}

TEST(only_scripts_that_can_notice_are_rewritten)
{
    CHECK(slv_rewrite_wanted(SLV_STR("x = __selvage.module(\"node:async_hooks\")")));
    CHECK(slv_rewrite_wanted(SLV_STR("(() => m.withEnv)()")));
    CHECK(slv_rewrite_wanted(SLV_STR("m.withExports")));
    CHECK(!slv_rewrite_wanted(SLV_STR("await fetch(request); // async")));
    CHECK(!slv_rewrite_wanted(SLV_STR_NULL));
}

TEST(a_script_and_its_map_come_back)
{
    SLV_CLEANUP(outcome_done) outcome o;
    static const char script[] = "const a = \"\xc3\xa4\";\nawait f();\n";

    CHECK(rewrite(&o, slv_str_from(script),
                  SLV_STR("{\"version\":3,\"sources\":[\"a\"],\"names\":[],\"mappings\":\"AAAA;"
                          "AACA,MAAM\"}")));
    CHECK_INT(o.err.code, SLV_OK);
    CHECK_STR(slv_buf_view(&o.script),
              SLV_STR("const __selvage_a=__selvage.context();const a = \"\xc3\xa4\";\n__selvage_a."
                      "back(__selvage_a.frame,await __selvage_a.held( f()));\n"));
    /* "f" moves from column 6 to column 59. */
    CHECK(slv_str_find(slv_buf_view(&o.map), SLV_STR("\"mappings\":\"AAAA;AACA,2DAAM\""), 0) !=
          SIZE_MAX);
}

TEST(no_map_is_no_map)
{
    SLV_CLEANUP(outcome_done) outcome o;

    CHECK(rewrite(&o, SLV_STR("x();"), SLV_STR_NULL));
    CHECK_INT(o.err.code, SLV_OK);
    CHECK_INT(o.map.len, 0);
}

TEST(a_script_that_cannot_be_read_is_an_error_that_says_where)
{
    SLV_CLEANUP(outcome_done) outcome o;

    CHECK(rewrite(&o, SLV_STR("a;\nawait (;"), SLV_STR_NULL));
    CHECK_INT(o.err.code, SLV_E_INVAL);
    CHECK(strstr(slv_err_text(&o.err), "Unexpected token (2:7)") != NULL);
}

TEST(a_large_script_goes_through_the_pipes)
{
    SLV_CLEANUP(outcome_done) outcome o;
    SLV_CLEANUP(slv_buf_done) slv_buf script = SLV_BUF(16 * MB);

    for (int i = 0; i < 40000; i++)
        CHECK(slv_buf_printf(&script, "const v%d = \"some text that is long enough\";\n", i) ==
              SLV_OK);
    CHECK(slv_buf_append(&script, SLV_STR("await v1;\n")) == SLV_OK);
    if (!rewrite(&o, slv_buf_view(&script), SLV_STR_NULL))
        tap_failed(__FILE__, __LINE__, "%s", slv_err_text(&o.err));
    CHECK_INT(o.err.code, SLV_OK);
    CHECK(o.script.len > script.len);
}

TEST(a_child_that_says_nothing_or_nonsense_is_an_error)
{
    static const char *const programs[] = {"/bin/true", "/bin/false", "/bin/echo", "/nowhere"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(programs); i++) {
        SLV_CLEANUP(outcome_done) outcome o;
        bool done;

        setenv("SELVAGE_PROGRAM", programs[i], 1);
        done = rewrite(&o, SLV_STR("x();"), SLV_STR_NULL);
        unsetenv("SELVAGE_PROGRAM");
        CHECK(!done || o.err.code != SLV_OK);
        CHECK(done || o.err.code != SLV_OK);
    }
}

TEST(one_that_is_given_up_does_not_report)
{
    outcome o;

    o = (outcome){.script = SLV_BUF(MB), .map = SLV_BUF(MB)};
    CHECK(slv_loop_new(&o.loop, &o.err) == SLV_OK);
    CHECK(slv_rewrite_start(o.loop, SLV_STR("x();"), SLV_STR_NULL, on_done, &o, &o.rewrite,
                            &o.err) == SLV_OK);
    o.rewrite = slv_rewrite_free(o.rewrite);
    CHECK(!slv_loop_run_until(o.loop, is_done, &o, 50));
    CHECK_INT(o.calls, 0);
    outcome_done(&o);
}

int main(int argc, char **argv)
{
    int status;

    signal(SIGPIPE, SIG_IGN);
    if (slv_role_run(argc, argv, &status))
        return status;
    return tap_main(argc, argv);
}
