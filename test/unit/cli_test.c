/* The command line: arguments, projects on disk, watching. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/exit.h"
#include "cli/project.h"
#include "cli/term.h"
#include "cli/watch.h"
#include "support/tap.h"

/* ---- arguments ---- */

static const slv_flag flags[] = {
    {"port", SLV_FLAG_NUMBER, 'p', "PORT", "x"},
    {"test-scheduled", SLV_FLAG_BOOL, 0, NULL, "x"},
    {"bundle", SLV_FLAG_BOOL, 0, NULL, "x"},
    {"var", SLV_FLAG_LIST, 0, "K:V", "x"},
    {"name", SLV_FLAG_STRING, 'n', "NAME", "x"},
    {"remote", SLV_FLAG_REFUSED, 0, NULL, "there is no remote mode"},
};
static const slv_cmd cmd = {.name = "t",
                            .args = "",
                            .usage = "",
                            .flags = flags,
                            .flag_count = SLV_ARRAY_LEN(flags),
                            .max_positional = 1};

static slv_code parse(slv_args *a, slv_err *err, int argc, const char *const argv[])
{
    return slv_args_parse(&cmd, argc, (char *const *)(size_t)argv, a, err);
}

#define PARSE(a, ...)                                                                              \
    SLV_CLEANUP(slv_args_done) slv_args a = {0};                                                   \
    static const char *const a##_argv[] = {__VA_ARGS__};                                           \
    slv_err a##_err = {0};                                                                         \
    slv_code a##_code = parse(&a, &a##_err, (int)SLV_ARRAY_LEN(a##_argv), a##_argv)

TEST(args_take_every_form_of_a_flag)
{
    PARSE(a, "--port=1", "--testScheduled", "--no-bundle", "--var", "A:1", "B:2", "--name", "x",
          "--var=C:3", "-p", "2");
    uint64_t port;

    CHECK_INT(a_code, SLV_OK);
    CHECK(slv_args_number(&a, "port", 0, 65535, 8787, &port, NULL) == SLV_OK && port == 2);
    CHECK(slv_args_bool(&a, "test-scheduled", false) && !slv_args_bool(&a, "bundle", true));
    CHECK(strcmp(slv_args_item(&a, "var", 1), "B:2") == 0 &&
          strcmp(slv_args_item(&a, "var", 2), "C:3") == 0);
    CHECK(!slv_args_item(&a, "var", 3));
    CHECK(strcmp(slv_args_string(&a, "name"), "x") == 0);
}

TEST(args_booleans_take_words)
{
    PARSE(a, "--test-scheduled", "false", "--bundle=true", "script.js");
    CHECK_INT(a_code, SLV_OK);
    CHECK(slv_args_has(&a, "test-scheduled") && !slv_args_bool(&a, "test-scheduled", true));
    CHECK(a.positional.len == 1 && strcmp(a.positional.items[0], "script.js") == 0);
}

TEST(args_after_two_dashes_are_positional)
{
    PARSE(a, "--", "--port");
    CHECK(a_code == SLV_OK && a.positional.len == 1);
}

TEST(args_errors_say_what_to_do)
{
    PARSE(unknown, "--prot", "1");
    PARSE(strange, "--zzzzzz");
    PARSE(missing, "--name");
    PARSE(flag_as_value, "--name", "--port");
    PARSE(word, "--bundle=maybe");
    PARSE(refused, "--remote");
    PARSE(many, "a", "b");
    PARSE(number, "--port", "70000");
    uint64_t port;

    CHECK_STR(slv_str_from(unknown_err.message),
              SLV_STR("unknown flag --prot; did you mean --port?"));
    CHECK_STR(slv_str_from(strange_err.message),
              SLV_STR("unknown flag --zzzzzz; 'selvage help t' lists the flags"));
    CHECK_STR(slv_str_from(missing_err.message), SLV_STR("--name needs a value (NAME)"));
    CHECK_STR(slv_str_from(flag_as_value_err.message), SLV_STR("--name needs a value (NAME)"));
    CHECK_STR(slv_str_from(word_err.message),
              SLV_STR("--bundle=maybe takes true or false, not 'maybe'"));
    CHECK_STR(slv_str_from(refused_err.message), SLV_STR("--remote: there is no remote mode"));
    CHECK_STR(slv_str_from(many_err.message), SLV_STR("one argument too many: 'b'"));
    CHECK(unknown_code == SLV_E_INVAL && strange_code == SLV_E_INVAL &&
          missing_code == SLV_E_INVAL && flag_as_value_code == SLV_E_INVAL &&
          word_code == SLV_E_INVAL && refused_code == SLV_E_INVAL && many_code == SLV_E_INVAL &&
          number_code == SLV_OK);
    CHECK_INT(slv_args_number(&number, "port", 0, 65535, 0, &port, &number_err), SLV_E_INVAL);
    CHECK_STR(slv_str_from(number_err.message),
              SLV_STR("--port takes a whole number from 0 to 65535, not '70000'"));
}

TEST(exit_codes_are_zero_only_for_success)
{
#define X(name, value, text) CHECK((slv_exit_code(SLV_##name) == 0) == ((value) == 0));
    SLV_CODES(X)
#undef X
}

/* ---- projects ---- */

static void put(const char *dir, const char *name, const char *text)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "wb");
    SLV_ASSERT(f && fputs(text, f) >= 0);
    fclose(f);
}

static void make_dir(char out[static 256], const char *name)
{
    snprintf(out, 256, "%s/%s", tap_tmpdir(), name);
    mkdir(out, 0700);
}

static slv_str text_of(slv_project *p, const char *name)
{
    slv_binding *b = slv_config_binding(&p->config, slv_str_from(name));

    return b ? b->text : SLV_STR("(none)");
}

TEST(project_prefers_dev_vars_to_env_files)
{
    char dir[256], config[300];
    slv_project_options options = {.config = config, .minify = -1, .no_bundle = -1};
    SLV_CLEANUP(slv_project_done) slv_project p;
    slv_err err = {0};

    make_dir(dir, "vars");
    snprintf(config, sizeof config, "%s/wrangler.toml", dir);
    put(dir, "wrangler.toml", "main = 'a.js'\n[vars]\nA = 'config'\nB = 'config'\n[env.prod]\n");
    put(dir, "a.js", "");
    put(dir, ".dev.vars", "A=dev\n");
    put(dir, ".env", "B=env\n");
    CHECK(slv_project_load(&options, &p, &err) == SLV_OK);
    CHECK_STR(text_of(&p, "A"), SLV_STR("dev"));
    CHECK_STR(text_of(&p, "B"), SLV_STR("config"));
    CHECK_STR(slv_str_from(p.name), SLV_STR("vars"));
    slv_project_done(&p);

    put(dir, ".dev.vars.prod", "A=prod\n");
    options.env = "prod";
    CHECK(slv_project_load(&options, &p, &err) == SLV_OK);
    CHECK_STR(text_of(&p, "A"), SLV_STR("prod"));
    slv_project_done(&p);

    put(dir, ".env.prod", "C=${B}-x\n");
    CHECK(remove(strcat(config, ".none")) != 0);
    snprintf(config, sizeof config, "%s/.dev.vars", dir);
    unlink(config);
    strcat(config, ".prod");
    unlink(config);
    snprintf(config, sizeof config, "%s/wrangler.toml", dir);
    CHECK(slv_project_load(&options, &p, &err) == SLV_OK);
    CHECK_STR(text_of(&p, "B"), SLV_STR("env"));
    CHECK_STR(text_of(&p, "C"), SLV_STR("env-x"));
}

TEST(project_errors_name_the_file_and_what_to_do)
{
    static const struct {
        const char *toml, *part;
    } rows[] = {
        {"name = 'x'", "has no 'main'; add main = \"src/index.ts\""},
        {"main = 'gone.js'", "gone.js does not exist; correct 'main'"},
        {"main = '.'", "is a directory; name a file"},
        {"main = ", ":1:8: expected a value"},
        {"main = 'a.js'\ncompatibility_flags = ['nodejs_compta']", "did you mean 'nodejs_compat'?"},
    };
    char dir[256], config[300];
    slv_project_options options = {.config = config, .minify = -1, .no_bundle = -1};

    make_dir(dir, "errors");
    snprintf(config, sizeof config, "%s/wrangler.toml", dir);
    put(dir, "a.js", "");
    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        SLV_CLEANUP(slv_project_done) slv_project p;
        slv_err err = {0};

        put(dir, "wrangler.toml", rows[i].toml);
        CHECK(slv_project_load(&options, &p, &err) != SLV_OK);
        if (!strstr(err.message, rows[i].part)) {
            tap_failed(__FILE__, __LINE__, "%s", err.message);
            return;
        }
    }
}

TEST(project_without_configuration_takes_a_script)
{
    char dir[256], script[300];
    slv_project_options options = {.script = script, .minify = -1, .no_bundle = -1};
    SLV_CLEANUP(slv_project_done) slv_project p;
    slv_err err = {0};

    make_dir(dir, "alone");
    snprintf(script, sizeof script, "%s/a.js", dir);
    put(dir, "a.js", "");
    CHECK(slv_project_load(&options, &p, &err) == SLV_OK);
    CHECK_STR(slv_str_from(p.main), slv_str_from(script));
    CHECK(!p.config_path && p.config.rules.len == 3);
}

/* ---- watching ---- */

typedef struct changes {
    char last[512];
    unsigned count;
    bool tree;
} changes;

static void on_change(void *user, const char *path, bool tree)
{
    changes *c = user;

    snprintf(c->last, sizeof c->last, "%s", path);
    c->count++;
    c->tree = tree;
}

static bool changed(void *arg)
{
    return ((changes *)arg)->count > 0;
}

static bool saw(slv_loop *loop, changes *c, uint64_t ms)
{
    c->count = 0;
    return slv_loop_run_until(loop, changed, c, ms);
}

static void watch_path(slv_watch *w, const char *dir, const char *name)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    slv_watch_file(w, slv_str_from(path));
}

TEST(watch_sees_writes_renames_and_new_files_and_nothing_else)
{
    SLV_CLEANUP(slv_loop_free) slv_loop *loop = NULL;
    SLV_CLEANUP(slv_watch_free) slv_watch *w = NULL;
    char dir[256], from[300], to[300];
    changes c = {0};

    make_dir(dir, "watch");
    put(dir, "a.js", "1");
    CHECK(slv_loop_new(&loop, NULL) == SLV_OK &&
          slv_watch_new(loop, on_change, &c, &w, NULL) == SLV_OK);
    slv_watch_begin(w);
    watch_path(w, dir, "a.js");
    watch_path(w, dir, "later.js");
    slv_watch_commit(w);

    put(dir, "a.js", "2");
    CHECK(saw(loop, &c, 5000) && strcmp(slv_path_base(c.last), "a.js") == 0 && !c.tree);
    put(dir, "later.js", "2");
    CHECK(saw(loop, &c, 5000) && strcmp(slv_path_base(c.last), "later.js") == 0);
    put(dir, "other.js", "2");
    CHECK(!saw(loop, &c, 120));
    snprintf(from, sizeof from, "%s/other.js", dir);
    snprintf(to, sizeof to, "%s/a.js", dir);
    CHECK(rename(from, to) == 0);
    CHECK(saw(loop, &c, 5000) && strcmp(slv_path_base(c.last), "a.js") == 0);

    slv_watch_anything(w, true);
    put(dir, "other.js", "3");
    CHECK(saw(loop, &c, 5000) && strcmp(slv_path_base(c.last), "other.js") == 0);
    slv_watch_anything(w, false);
    slv_watch_begin(w);
    watch_path(w, dir, "other.js");
    slv_watch_commit(w);
    put(dir, "a.js", "4");
    CHECK(!saw(loop, &c, 120));
}

TEST(watch_sees_whole_trees_also_new_directories)
{
    SLV_CLEANUP(slv_loop_free) slv_loop *loop = NULL;
    SLV_CLEANUP(slv_watch_free) slv_watch *w = NULL;
    char dir[256], sub[300];
    changes c = {0};

    make_dir(dir, "tree");
    CHECK(slv_loop_new(&loop, NULL) == SLV_OK &&
          slv_watch_new(loop, on_change, &c, &w, NULL) == SLV_OK);
    slv_watch_begin(w);
    slv_watch_tree(w, dir);
    slv_watch_commit(w);
    snprintf(sub, sizeof sub, "%s/sub", dir);
    mkdir(sub, 0700);
    CHECK(saw(loop, &c, 5000) && c.tree);
    put(sub, "x.ts", "1");
    CHECK(saw(loop, &c, 5000) && c.tree && strcmp(slv_path_base(c.last), "x.ts") == 0);
}

TAP_MAIN()
