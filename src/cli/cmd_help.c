#include "base/attr.h"
#include "cli/verbs.h"
#include "fmt/suggest.h"

#define HELP_COLUMN 34

static void help_flag(const slv_flag *flag, FILE *out)
{
    char left[96];
    int n;

    if (!flag->help || flag->kind == SLV_FLAG_REFUSED)
        return;
    n = snprintf(left, sizeof left, "%s%c%s --%s%s%s", flag->letter ? " -" : "   ",
                 flag->letter ? flag->letter : ' ', flag->letter ? "," : "", flag->name,
                 flag->value ? " " : "", flag->value ? flag->value : "");
    if (n >= HELP_COLUMN)
        fprintf(out, "%s\n%*s %s\n", left, HELP_COLUMN, "", flag->help);
    else
        fprintf(out, "%-*s %s\n", HELP_COLUMN, left, flag->help);
}

void slv_cmd_help(const slv_cmd *cmd, FILE *out)
{
    fprintf(out, "selvage %s%s%s\n\n%s\n", cmd->name, cmd->args[0] ? " " : "", cmd->args,
            cmd->usage);
    if (cmd->flag_count)
        fputs("\nFlags:\n", out);
    for (size_t i = 0; i < cmd->flag_count; i++)
        help_flag(&cmd->flags[i], out);
}

void slv_cmd_help_all(FILE *out)
{
    fputs("selvage runs Workers projects.\n\n", out);
    for (size_t i = 0; slv_verbs[i]; i++) {
        const slv_cmd *cmd = slv_verbs[i];
        char left[64];

        snprintf(left, sizeof left, "%s%s%s", cmd->name, cmd->args[0] ? " " : "", cmd->args);
        fprintf(out, "  selvage %-24s %s\n", left, cmd->usage);
    }
    fputs("\n'selvage help VERB' lists the flags of a verb.\n", out);
}

static int help_exec(const slv_args *args)
{
    const slv_cmd *cmd;
    slv_err err;

    if (args->positional.len == 0) {
        slv_cmd_help_all(stdout);
        return 0;
    }
    cmd = slv_verb_find(slv_str_from(args->positional.items[0]));
    if (!cmd) {
        slv_fail(&err, SLV_E_NOTFOUND, "there is no verb '%s'", args->positional.items[0]);
        return slv_cmd_fail(args->cmd, &err);
    }
    slv_cmd_help(cmd, stdout);
    return 0;
}

const slv_cmd slv_cmd_help_verb = {
    .name = "help",
    .args = "[verb]",
    .usage = "explain a verb",
    .max_positional = 1,
    .exec = help_exec,
};
