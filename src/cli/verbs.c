#include "cli/verbs.h"
#include "base/attr.h"
#include "cli/cmd.h"

const slv_cmd *const slv_verbs[] = {
    &slv_cmd_dev_verb,
    &slv_cmd_doctor_verb,
    &slv_cmd_replay_verb,
    &slv_cmd_help_verb,
    &slv_cmd_test_js_verb,
    &slv_cmd_version_verb,
    NULL,
};

const slv_cmd *slv_verb_find(slv_str name)
{
    for (size_t i = 0; slv_verbs[i]; i++)
        if (slv_str_is(name, slv_verbs[i]->name))
            return slv_verbs[i];
    return NULL;
}
