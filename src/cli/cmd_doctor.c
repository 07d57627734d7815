#include <stdlib.h>
#include <unistd.h>

#include "bundle/esbuild.h"
#include "cli/term.h"
#include "cli/verbs.h"
#include "pool/doctor.h"

static void print_row(SLV_UNUSED void *user, const slv_doctor_row *row)
{
    static const slv_color colors[] = {[SLV_DOCTOR_OK] = SLV_COLOR_GREEN,
                                       [SLV_DOCTOR_WARN] = SLV_COLOR_YELLOW,
                                       [SLV_DOCTOR_FAIL] = SLV_COLOR_RED};

    printf("%s%-4s%s  %-20s %s\n", slv_term_color(stdout, colors[row->level]),
           slv_doctor_level_name(row->level), slv_term_color(stdout, SLV_COLOR_RESET), row->check,
           row->text);
    if (row->hint[0])
        printf("      %-20s %s%s%s\n", "", slv_term_color(stdout, SLV_COLOR_DIM), row->hint,
               slv_term_color(stdout, SLV_COLOR_RESET));
    fflush(stdout);
}

static slv_doctor_level check_esbuild(void)
{
    slv_doctor_row row = {.check = "esbuild"};
    slv_esbuild_place place;
    char cwd[4096];
    slv_err err;

    if (!getcwd(cwd, sizeof cwd))
        cwd[0] = '\0';
    if (slv_esbuild_find(cwd, &place, &err) == SLV_OK) {
        snprintf(row.text, sizeof row.text, "%.31s at %.190s", place.version, place.binary);
    } else {
        row.level = SLV_DOCTOR_FAIL;
        snprintf(row.text, sizeof row.text, "not found");
        snprintf(row.hint, sizeof row.hint, "%.*s", (int)sizeof row.hint - 1, slv_err_text(&err));
    }
    print_row(NULL, &row);
    return row.level;
}

/* Node is not needed to run workers; npm installs what bundling needs. */
static slv_doctor_level check_node(void)
{
    slv_doctor_row row = {.check = "node"};
    /* NOLINTNEXTLINE(cert-env33-c): a fixed command, and PATH says which node it is */
    FILE *p = popen("node --version 2>/dev/null", "re");
    char version[64] = "";

    if (p) {
        if (!fgets(version, sizeof version, p))
            version[0] = '\0';
        pclose(p);
    }
    version[strcspn(version, "\n")] = '\0';
    if (version[0]) {
        snprintf(row.text, sizeof row.text, "%s", version);
    } else {
        row.level = SLV_DOCTOR_WARN;
        snprintf(row.text, sizeof row.text, "not found");
        snprintf(row.hint, sizeof row.hint, "needed only to install npm packages");
    }
    print_row(NULL, &row);
    return row.level;
}

static int doctor_exec(const slv_args *args)
{
    slv_doctor_options options = {.engine = !slv_args_bool(args, "quick", false)};
    slv_doctor_level worst;

    printf("selvage %s\n", SLV_VERSION);
    worst = check_esbuild();
    worst = SLV_MAX(worst, check_node());
    worst = SLV_MAX(worst, slv_doctor_kernel(&options, print_row, NULL));
    return worst == SLV_DOCTOR_FAIL ? 1 : 0;
}

static const slv_flag doctor_flags[] = {
    {"quick", SLV_FLAG_BOOL, 0, NULL, "leave out what takes seconds: the engine's self-test"},
};

const slv_cmd slv_cmd_doctor_verb = {
    .name = "doctor",
    .args = "",
    .usage = "say what this machine allows, and what is missing on it",
    .flags = doctor_flags,
    .flag_count = SLV_ARRAY_LEN(doctor_flags),
    .exec = doctor_exec,
};
