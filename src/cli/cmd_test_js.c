#include "base/attr.h"
#include "cli/verbs.h"
#include "rt/testjs.h"

static int test_js_exec(const slv_args *args)
{
    slv_testjs_options options = {
        .gc_stress = slv_args_bool(args, "gc-stress", false),
        .filter = slv_args_string(args, "only"),
    };
    slv_err err = {0};
    int failed = 0;

    if (args->positional.len == 0)
        slv_fail(&err, SLV_E_INVAL, "name the test files");
    else if (slv_testjs_run(&options, (int)args->positional.len,
                            (char *const *)(size_t)args->positional.items, &failed, &err) == SLV_OK)
        return failed ? 1 : 0;
    return slv_cmd_fail(args->cmd, &err);
}

static const slv_flag test_js_flags[] = {
    {"gc-stress", SLV_FLAG_BOOL, 0, NULL, "a full collection after each turn"},
    {"only", SLV_FLAG_STRING, 0, "TEXT", "only tests whose name holds the text"},
};

const slv_cmd slv_cmd_test_js_verb = {
    .name = "test-js",
    .args = "FILE...",
    .usage = "run tests of the built-in JavaScript",
    .flags = test_js_flags,
    .flag_count = SLV_ARRAY_LEN(test_js_flags),
    .max_positional = 10000,
    .exec = test_js_exec,
};
