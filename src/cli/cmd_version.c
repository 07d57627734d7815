#include "cli/verbs.h"

static int version_exec(SLV_UNUSED const slv_args *args)
{
    puts(SLV_VERSION);
    return 0;
}

const slv_cmd slv_cmd_version_verb = {
    .name = "version",
    .args = "",
    .usage = "print the version",
    .exec = version_exec,
};
