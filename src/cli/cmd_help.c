#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/mem.h"
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
    const char *args = cmd->args ? cmd->args : "";

    fprintf(out, "selvage %s%s%s\n\n%s\n", cmd->name, args[0] ? " " : "", args, cmd->usage);
    if (cmd->flag_count)
        fputs("\nFlags:\n", out);
    for (size_t i = 0; i < cmd->flag_count; i++)
        help_flag(&cmd->flags[i], out);
}

static void help_line(const slv_cmd *cmd, FILE *out)
{
    char left[96];

    const char *args = cmd->args ? cmd->args : "";

    snprintf(left, sizeof left, "%s%s%s", cmd->name, args[0] ? " " : "", args);
    if (strlen(left) > 24)
        fprintf(out, "  selvage %s\n  %32s %s\n", left, "", cmd->usage);
    else
        fprintf(out, "  selvage %-24s %s\n", left, cmd->usage);
}

/* The words and a space: what the names of a group's verbs begin with. */
static slv_code group_prefix(int words, char *const argv[], slv_buf *out)
{
    for (int i = 0; i < words; i++)
        SLV_TRY(slv_buf_printf(out, "%s ", argv[i]));
    return SLV_OK;
}

void slv_cmd_help_group(int words, char *const argv[], FILE *out)
{
    SLV_CLEANUP(slv_buf_done) slv_buf prefix = SLV_BUF(1024);

    if (group_prefix(words, argv, &prefix) != SLV_OK)
        return;
    for (size_t i = 0; slv_verbs[i]; i++)
        if (slv_str_starts(slv_str_from(slv_verbs[i]->name), slv_buf_view(&prefix)))
            help_line(slv_verbs[i], out);
}

/* Verbs of one word, and one line for each group. */
void slv_cmd_help_all(FILE *out)
{
    slv_str group = SLV_STR("");

    fputs("selvage runs Workers projects.\n\n", out);
    for (size_t i = 0; slv_verbs[i]; i++) {
        slv_str rest = slv_str_from(slv_verbs[i]->name), word;

        (void)slv_str_split(&rest, ' ', &word);
        if (!rest.ptr) {
            help_line(slv_verbs[i], out);
        } else if (!slv_str_eq(word, group)) {
            group = word;
            fprintf(out, "  selvage %.*s ...%*s 'selvage help %.*s' lists them\n",
                    SLV_STR_ARGS(word), word.len < 20 ? (int)(20 - word.len) : 0, "",
                    SLV_STR_ARGS(word));
        }
    }
    fputs("\n'selvage help VERB' lists the flags of a verb.\n", out);
}

static int help_exec(const slv_args *args)
{
    int argc = (int)args->positional.len, words;
    char *argv[SLV_VERB_WORDS_MAX + 1];
    const slv_cmd *cmd;
    slv_err err;

    if (argc == 0) {
        slv_cmd_help_all(stdout);
        return 0;
    }
    for (int i = 0; i < argc; i++)
        argv[i] = slv_strdup(args->positional.items[i]);
    cmd = slv_verb_match(argc, argv, &words);
    if (cmd) {
        slv_cmd_help(cmd, stdout);
    } else if (slv_verb_group(argc, argv, &words)) {
        slv_cmd_help_group(words, argv, stdout);
    } else {
        slv_fail(&err, SLV_E_NOTFOUND, "there is no verb '%s'", argv[0]);
        words = -1;
    }
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return words < 0 ? slv_cmd_fail(args->cmd, &err) : 0;
}

const slv_cmd slv_cmd_help_verb = {
    .name = "help",
    .args = "[verb]",
    .usage = "explain a verb",
    .max_positional = SLV_VERB_WORDS_MAX,
    .exec = help_exec,
};
