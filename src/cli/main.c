/* The one executable: argv[1] names a role of the process tree or a verb of the command line. */
#include <signal.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/exit.h"
#include "fmt/suggest.h"
#include "keeper/keeper.h"
#include "rt/roles.h"
#include "rt/title.h"

int slv_cmd_fail(const slv_cmd *cmd, const slv_err *err)
{
    fflush(stdout);
    fprintf(stderr, "selvage %s: %s\n", cmd->name, slv_err_text(err));
    return slv_exit_code(err->code);
}

static int unknown_verb(int argc, char **argv)
{
    const char *words[256];
    const char *near;
    size_t n = 0;
    int group;

    if (slv_verb_group(argc, argv, &group)) {
        bool asked =
            group == argc || strcmp(argv[group], "--help") == 0 || strcmp(argv[group], "-h") == 0;

        if (!asked)
            fprintf(stderr, "selvage: there is no '%s' among these:\n\n", argv[group]);
        slv_cmd_help_group(group, argv, asked ? stdout : stderr);
        return asked && group < argc ? 0 : slv_exit_code(SLV_E_INVAL);
    }
    for (size_t i = 0; slv_verbs[i] && n < SLV_ARRAY_LEN(words); i++)
        words[n++] = slv_verbs[i]->name;
    near = slv_suggest(slv_str_from(argv[0]), words, n);
    if (near)
        fprintf(stderr, "selvage: unknown verb '%s'; did you mean '%s'?\n", argv[0], near);
    else
        fprintf(stderr, "selvage: unknown verb '%s'; 'selvage help' lists them\n", argv[0]);
    return slv_exit_code(SLV_E_INVAL);
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int run_verb(const slv_cmd *cmd, int argc, char **argv)
{
    SLV_CLEANUP(slv_args_done) slv_args args = {0};
    slv_err err;

    if (wants_help(argc, argv)) {
        slv_cmd_help(cmd, stdout);
        return 0;
    }
    if (slv_args_parse(cmd, argc, argv, &args, &err) != SLV_OK)
        return slv_cmd_fail(cmd, &err);
    return cmd->exec(&args);
}

/* A server says in ps what its processes are: the memory of the arguments becomes their title, so
 * the arguments move away. */
static char **move_arguments(int argc, char **argv)
{
    static char **moved; /* as long as the process */

    moved = slv_alloc0(((size_t)argc + 1) * sizeof *moved);
    for (int i = 0; i < argc; i++)
        moved[i] = slv_strdup(argv[i]);
    slv_title_init(argc, argv);
    return moved;
}

int main(int argc, char **argv)
{
    static char help[] = "help", version[] = "version";
    char *none[] = {help, NULL};
    const slv_cmd *cmd;
    int status, words, count = argc > 1 ? argc - 1 : 1;
    char **rest;

    signal(SIGPIPE, SIG_IGN);
    if (slv_role_run(argc, argv, &status))
        return status;
    if (argc > 1 && strcmp(argv[1], "serve") == 0)
        argv = move_arguments(argc, argv);
    rest = argc > 1 ? argv + 1 : none;
    if (argc > 1 && strcmp(argv[1], "__keeper") == 0)
        return slv_role_keeper(argc, argv);
    if (strcmp(rest[0], "--version") == 0 || strcmp(rest[0], "-v") == 0 ||
        strcmp(rest[0], "-V") == 0)
        rest[0] = version;
    else if (strcmp(rest[0], "--help") == 0 || strcmp(rest[0], "-h") == 0)
        rest[0] = help;
    cmd = slv_verb_match(count, rest, &words);
    if (!cmd)
        return unknown_verb(count, rest);
    return run_verb(cmd, count - words, rest + words);
}
