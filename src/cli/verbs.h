/*
 * verbs.h - the entry of every verb, one for each cmd_NAME.c. Read only.
 */
#ifndef SLV_CLI_VERBS_H
#define SLV_CLI_VERBS_H

#include "cli/cmd.h"

extern const slv_cmd slv_cmd_dev_verb;
extern const slv_cmd slv_cmd_doctor_verb;
extern const slv_cmd slv_cmd_help_verb;
extern const slv_cmd slv_cmd_replay_verb;
extern const slv_cmd slv_cmd_test_js_verb;
extern const slv_cmd slv_cmd_version_verb;

#endif
