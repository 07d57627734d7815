/* The one executable: argv[1] names a role of the process tree or a verb of the command line. */
#include <signal.h>
#include <unistd.h>

#include "base/attr.h"
#include "cli/cmd.h"
#include "cli/exit.h"
#include "fmt/suggest.h"
#include "rt/roles.h"

int slv_cmd_fail(const slv_cmd *cmd, const slv_err *err)
{
    fflush(stdout);
    fprintf(stderr, "selvage %s: %s\n", cmd->name, slv_err_text(err));
    return slv_exit_code(err->code);
}

static int unknown_verb(const char *name)
{
    const char *words[64];
    const char *near;
    size_t n = 0;

    for (size_t i = 0; slv_verbs[i] && n < SLV_ARRAY_LEN(words); i++)
        words[n++] = slv_verbs[i]->name;
    near = slv_suggest(slv_str_from(name), words, n);
    if (near)
        fprintf(stderr, "selvage: unknown verb '%s'; did you mean '%s'?\n", name, near);
    else
        fprintf(stderr, "selvage: unknown verb '%s'; 'selvage help' lists them\n", name);
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

int main(int argc, char **argv)
{
    const slv_cmd *cmd;
    const char *name = argc > 1 ? argv[1] : "help";
    int status;

    signal(SIGPIPE, SIG_IGN);
    if (slv_role_run(argc, argv, &status))
        return status;
    if (strcmp(name, "--version") == 0 || strcmp(name, "-v") == 0 || strcmp(name, "-V") == 0)
        name = "version";
    else if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    cmd = slv_verb_find(slv_str_from(name));
    if (!cmd)
        return unknown_verb(name);
    return run_verb(cmd, argc > 2 ? argc - 2 : 0, argv + 2);
}
